#include "glia/message_session.hpp"

#include <gtest/gtest.h>
#include <string>

namespace myelin::glia {
namespace {

const Instant now{std::chrono::seconds(1)};

identity::PeerId peer() { return *identity::PeerId::parse("12D3KooWFYcCMuKujeeDDPqnH6yHeVrnXPaCjfbYVmQ9fHxfRDtA"); }

kernel::Message message(std::size_t payload_bytes = 0) {
  kernel::Message made;
  made.id = 9;
  made.source.process = std::string("ping");
  made.target.process = std::string("pong");
  made.method = "hit";
  made.body = Buffer::copy_of("{}");
  if (payload_bytes > 0) made.payload.bytes = Rope(Buffer::copy_of(View(Bytes(payload_bytes, 'p'))));
  return made;
}

template <typename Session>
void send(Session& to, const Rope& frames) {
  for (const Buffer& piece : frames.segments()) to.feed(piece);
}

WireOutcome next_outcome(MessageSender& sender) {
  auto got = sender.next();
  auto* outcome = got && *got ? std::get_if<WireOutcome>(&**got) : nullptr;
  EXPECT_NE(outcome, nullptr);
  return outcome != nullptr ? std::move(*outcome) : WireOutcome();
}

TEST(MessageSession, OutcomesComeInAnyOrder) {
  MessageSender sender;
  MessageReceiver receiver(peer());
  for (std::uint64_t n = 1; n <= 3; ++n) {
    EXPECT_EQ(sender.next_number(), n);
    send(receiver, *encode_message(n, message(n * 100'000), now));
  }
  for (std::uint64_t n = 1; n <= 3; ++n) {
    const auto got = receiver.next(now);
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->number, n);
    EXPECT_EQ(std::get<Rope>((*got)->message.payload.bytes).size(), n * 100'000);
  }
  EXPECT_FALSE(*receiver.next(now));
  EXPECT_TRUE(receiver.finish());
  for (const std::uint64_t n : {3u, 1u, 2u}) {
    send(sender, encode_outcome(n, message(n)));
    const WireOutcome got = next_outcome(sender);
    EXPECT_EQ(got.number, n);
    EXPECT_EQ(std::get<Rope>(got.outcome->payload.bytes).size(), n);
  }
  EXPECT_EQ(sender.waiting(), 0u);
}

TEST(MessageSession, GapsAndRepeatsEndTheChannel) {
  for (const std::uint64_t second : {1u, 3u, 0u}) {
    MessageReceiver receiver(peer());
    send(receiver, *encode_message(1, message(), now));
    ASSERT_TRUE(*receiver.next(now));
    send(receiver, *encode_message(second, message(), now));
    EXPECT_EQ(receiver.next(now).error().code, ErrorCode::protocol) << second;
  }
}

TEST(MessageSession, OutcomesThatNobodyWaitsFor) {
  MessageSender sender;
  send(sender, encode_outcome(1, message()));
  EXPECT_EQ(sender.next().error().code, ErrorCode::protocol);
  MessageSender twice;
  twice.next_number();
  send(twice, encode_outcome(1, message()));
  ASSERT_TRUE(*twice.next());
  send(twice, encode_outcome(1, message()));
  EXPECT_EQ(twice.next().error().code, ErrorCode::protocol);
}

TEST(MessageSession, AForgottenOutcomeIsDroppedOnce) {
  MessageSender sender;
  sender.next_number();
  sender.next_number();
  sender.forget(1);
  send(sender, encode_outcome(1, message(70'000)));
  send(sender, encode_outcome(2, fail(ErrorCode::mailbox_full, "full")));
  const WireOutcome got = next_outcome(sender);
  EXPECT_EQ(got.number, 2u);
  EXPECT_EQ(got.outcome.error(), (Error{ErrorCode::mailbox_full, "full", 0}));
  send(sender, encode_outcome(1, message()));
  EXPECT_FALSE(sender.next());
}

const Error full_room_follows{ErrorCode::mailbox_full, "full", kernel::room_follows};

TEST(MessageSession, RoomComesOnceForEachPromise) {
  MessageSender sender;
  for (int i = 0; i < 3; ++i) sender.next_number();
  sender.forget(3);
  send(sender, encode_outcome(1, fail(full_room_follows)));
  send(sender, encode_outcome(2, fail(ErrorCode::mailbox_full, "full")));
  send(sender, encode_outcome(3, fail(full_room_follows)));
  EXPECT_TRUE(promises_room(next_outcome(sender).outcome));
  EXPECT_FALSE(promises_room(next_outcome(sender).outcome));
  EXPECT_FALSE(*sender.next());
  for (const std::uint64_t n : {3u, 1u}) {
    send(sender, encode_room(n));
    const auto got = sender.next();
    ASSERT_TRUE(got && *got);
    EXPECT_EQ(std::get<WireRoom>(**got).number, n) << "also of a message that is waited for no more";
  }
  send(sender, encode_room(1));
  EXPECT_EQ(sender.next().error().code, ErrorCode::protocol);
}

TEST(MessageSession, RoomThatNobodyPromisedEndsTheChannel) {
  for (const std::uint64_t number : {0u, 1u, 2u, 7u}) {
    MessageSender sender;
    sender.next_number();
    sender.next_number();
    send(sender, encode_outcome(1, fail(ErrorCode::mailbox_full, "full")));
    EXPECT_FALSE(promises_room(next_outcome(sender).outcome));
    send(sender, encode_room(number));
    EXPECT_EQ(sender.next().error().code, ErrorCode::protocol) << number;
  }
}

TEST(MessageSession, PromisesAreBounded) {
  MessageSender sender;
  for (std::uint64_t n = 1; n <= most_promised; ++n) {
    send(sender, encode_outcome(sender.next_number(), fail(full_room_follows)));
    ASSERT_TRUE(promises_room(next_outcome(sender).outcome));
  }
  send(sender, encode_outcome(sender.next_number(), fail(full_room_follows)));
  EXPECT_EQ(sender.next().error().code, ErrorCode::protocol);
}

TEST(MessageSession, ANumberThatWasTakenBackIsUsedAgain) {
  MessageSender sender;
  sender.take_back(sender.next_number());
  EXPECT_EQ(sender.next_number(), 1u);
}

TEST(MessageSession, PayloadsHaveTheirDeclaredSize) {
  const auto declared = [](std::size_t sent) {
    MessageReceiver receiver(peer());
    Rope frames = *encode_message(1, message(10), now);
    // Everything but the payload's own frames: DATA of 10 (12 bytes) and END (2).
    send(receiver, frames.take_front(frames.size() - 14));
    if (sent > 0) send(receiver, frame(FrameType::data, Buffer::copy_of(View(Bytes(sent, 'p')))));
    send(receiver, frame(FrameType::end));
    const auto got = receiver.next(now);
    return got.has_value() && got->has_value();
  };
  EXPECT_TRUE(declared(10));
  EXPECT_FALSE(declared(0));
  EXPECT_FALSE(declared(9));
  EXPECT_FALSE(declared(11));
}

TEST(MessageSession, APayloadIsNotInterrupted) {
  MessageReceiver receiver(peer());
  Rope frames = *encode_message(1, message(10), now);
  send(receiver, frames.take_front(frames.size() - 2));
  EXPECT_FALSE(*receiver.next(now));
  EXPECT_EQ(receiver.finish().error().code, ErrorCode::protocol);
  send(receiver, *encode_message(2, message(), now));
  EXPECT_EQ(receiver.next(now).error().code, ErrorCode::protocol);
}

TEST(MessageSession, WhatIsWrongWithOneMessageIsItsOwn) {
  kernel::Message bad = message();
  bad.method = "_start";
  kernel::Message named = message();
  named.target.process = std::string("Not A Name");
  MessageReceiver receiver(peer());
  send(receiver, *encode_message(1, bad, now));
  send(receiver, *encode_message(2, named, now));
  send(receiver, *encode_message(3, message(), now));
  for (int n = 1; n <= 3; ++n) {
    const auto got = receiver.next(now);
    ASSERT_TRUE(got && *got);
    ASSERT_EQ((*got)->refused.has_value(), n < 3);
    if (n < 3) EXPECT_EQ((*got)->refused->code, ErrorCode::bad_request);
  }
}

TEST(MessageSession, WhatCannotTravelIsSaid) {
  kernel::Message large = message(limits::payload_rope_bytes + 1);
  EXPECT_EQ(encode_message(1, large, now).error().code, ErrorCode::too_large);
  large = message();
  large.body = Buffer::allocate(limits::message_body_bytes + 1);
  EXPECT_EQ(encode_message(1, large, now).error().code, ErrorCode::too_large);
  MessageSender sender;
  sender.next_number();
  send(sender, encode_outcome(1, std::move(large)));
  EXPECT_EQ(next_outcome(sender).outcome.error().code, ErrorCode::too_large);
}

TEST(MessageSession, TheLargestMessageTravels) {
  kernel::Message large = message(limits::payload_rope_bytes);
  large.body = Buffer::copy_of(View(Bytes(limits::message_body_bytes, 'b')));
  large.metadata = Buffer::copy_of(View(Bytes(message_metadata_bytes, 'm')));
  MessageReceiver receiver(peer());
  send(receiver, *encode_message(1, large, now));
  const auto got = receiver.next(now);
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->message.body.size(), limits::message_body_bytes);
  EXPECT_EQ((*got)->message.metadata.size(), message_metadata_bytes);
}

}  // namespace
}  // namespace myelin::glia
