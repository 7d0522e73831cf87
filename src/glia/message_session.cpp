#include "glia/message_session.hpp"

#include "base/check.hpp"

#include <utility>

namespace myelin::glia {
namespace {

Result<std::optional<Frame>> next_frame(FrameReader& reader) {
  auto bytes = reader.next();
  if (!bytes) return fail(to_error(bytes.error()));
  if (!*bytes) return std::optional<Frame>();
  auto frame = split_frame(std::move(**bytes));
  if (!frame) return fail(frame.error());
  return std::optional<Frame>(std::move(*frame));
}

Result<void> finish_between(const FrameReader& reader, bool collecting) {
  if (auto whole = reader.finish(); !whole) return fail(to_error(whole.error()));
  if (collecting) return fail(ErrorCode::protocol, "the stream ended inside a payload");
  return {};
}

}  // namespace

bool promises_room(const kernel::Outcome& outcome) {
  return !outcome && outcome.error().code == ErrorCode::mailbox_full && outcome.error().detail == kernel::room_follows;
}

void PayloadCollector::begin(std::optional<std::uint64_t> declared) {
  declared_ = declared;
  bytes_.clear();
}

Result<bool> PayloadCollector::take(Frame frame) {
  MYELIN_CHECK(declared_, "a payload is under way");
  switch (frame.type) {
    case FrameType::data:
      if (frame.body.size() > *declared_ - bytes_.size()) return fail(ErrorCode::protocol, "payload over its size");
      bytes_.append(std::move(frame.body));
      return false;
    case FrameType::end:
      if (bytes_.size() != *declared_) return fail(ErrorCode::protocol, "payload shorter than its size");
      declared_.reset();
      return true;
    default:
      return fail(ErrorCode::protocol, "a frame inside a payload");
  }
}

Result<std::optional<WireMessage>> MessageReceiver::next(Instant now) {
  while (true) {
    auto frame = next_frame(reader_);
    if (!frame) return fail(frame.error());
    if (!*frame) return std::optional<WireMessage>();
    if (payload_.collecting()) {
      auto whole = payload_.take(std::move(**frame));
      if (!whole) return fail(whole.error());
      if (!*whole) continue;
      under_way_.message.payload.bytes = payload_.payload();
      return std::optional<WireMessage>(std::move(under_way_));
    }
    if ((*frame)->type != FrameType::message) return fail(ErrorCode::protocol, "a message is expected");
    auto message = decode_message((*frame)->body.flatten().view(), from_, now);
    if (!message) return fail(message.error());
    if (message->number != last_number_ + 1) return fail(ErrorCode::protocol, "messages are numbered without gaps");
    last_number_ = message->number;
    if (!message->payload_bytes) return std::optional<WireMessage>(std::move(*message));
    under_way_ = std::move(*message);
    payload_.begin(under_way_.payload_bytes);
  }
}

Result<void> MessageReceiver::finish() const { return finish_between(reader_, payload_.collecting()); }

std::uint64_t MessageSender::next_number() {
  waiting_.insert(++last_number_);
  return last_number_;
}

void MessageSender::forget(std::uint64_t number) {
  if (waiting_.erase(number) > 0) forgotten_.insert(number);
}

void MessageSender::take_back(std::uint64_t number) {
  MYELIN_CHECK(number == last_number_ && waiting_.contains(number), "the last number is taken back");
  waiting_.erase(number);
  --last_number_;
}

Result<WireRoom> MessageSender::take_room(View body) {
  auto room = decode_room(body);
  if (room && promised_.erase(room->number) == 0) return fail(ErrorCode::protocol, "a room that nobody promised");
  return room;
}

Result<bool> MessageSender::take_outcome(View body) {
  auto outcome = decode_outcome(body);
  if (!outcome) return fail(outcome.error());
  under_way_ = std::move(*outcome);
  const std::uint64_t number = under_way_.number;
  if (!waiting_.contains(number) && !forgotten_.contains(number)) {
    return fail(ErrorCode::protocol, "an outcome that nobody waits for");
  }
  if (promises_room(under_way_.outcome)) {
    if (promised_.size() >= most_promised) return fail(ErrorCode::protocol, "too many promises of room");
    promised_.insert(number);
  }
  if (!under_way_.payload_bytes) return true;
  payload_.begin(under_way_.payload_bytes);
  return false;
}

Result<std::optional<MessageSender::Event>> MessageSender::next() {
  while (true) {
    auto frame = next_frame(reader_);
    if (!frame) return fail(frame.error());
    if (!*frame) return std::optional<Event>();
    if (payload_.collecting()) {
      auto whole = payload_.take(std::move(**frame));
      if (!whole) return fail(whole.error());
      if (!*whole) continue;
      under_way_.outcome->payload.bytes = payload_.payload();
    } else if ((*frame)->type == FrameType::room) {
      auto room = take_room((*frame)->body.flatten().view());
      if (!room) return fail(room.error());
      return std::optional<Event>(*room);
    } else {
      if ((*frame)->type != FrameType::outcome) return fail(ErrorCode::protocol, "an outcome is expected");
      auto whole = take_outcome((*frame)->body.flatten().view());
      if (!whole) return fail(whole.error());
      if (!*whole) continue;
    }
    if (forgotten_.erase(under_way_.number) > 0) continue;
    // Forgotten while its payload was on its way, or waited for still.
    if (waiting_.erase(under_way_.number) > 0) return std::optional<Event>(std::move(under_way_));
  }
}

Result<void> MessageSender::finish() const { return finish_between(reader_, payload_.collecting()); }

}  // namespace myelin::glia
