#include "glia/call_session.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace myelin::glia {
namespace {

constexpr char path[] = "/ww/0.1.0/12D3KooWFYcCMuKujeeDDPqnH6yHeVrnXPaCjfbYVmQ9fHxfRDtA/counter/add";

CallRequest request() {
  CallRequest call;
  call.path = path;
  return call;
}

template <typename Session>
void send(Session& to, const Rope& frames) {
  for (const Buffer& piece : frames.segments()) to.feed(piece);
}

Rope raw(FrameType type, std::string body = {}) { return frame(type, Buffer::copy_of(body)); }

TEST(CallSession, OneCall) {
  CallerSession caller;
  CalleeSession callee;
  send(callee, *caller.request(request()));
  EXPECT_EQ(std::get<CallRequest>(**callee.next()).path, path);
  send(callee, caller.data(Buffer::copy_of("in")));
  EXPECT_EQ(to_text(std::get<Rope>(**callee.next()).flatten().view()), "in");
  send(caller, callee.data(Buffer::copy_of("out")));
  EXPECT_EQ(to_text(std::get<Rope>(**caller.next()).flatten().view()), "out");
  send(callee, caller.end());
  EXPECT_TRUE(std::holds_alternative<Ended>(**callee.next()));
  EXPECT_TRUE(callee.finish());
  EXPECT_FALSE(*callee.next());
  EXPECT_FALSE(caller.finish()) << "the callee has not ended";
  send(caller, callee.end());
  EXPECT_TRUE(std::holds_alternative<Ended>(**caller.next()));
  EXPECT_TRUE(caller.finish());
  EXPECT_TRUE(caller.ended() && callee.ended());
}

TEST(CallSession, WhatTheOutputIsStandsBeforeIt) {
  CallerSession caller;
  CalleeSession callee;
  EXPECT_EQ(callee.answer({std::string(mime_bytes + 1, 'm')}).error().code, ErrorCode::bad_request);
  EXPECT_EQ(callee.answer({"text/\x01"}).error().code, ErrorCode::bad_request);
  ASSERT_TRUE(callee.may_answer()) << "what may not travel was not sent";
  send(caller, *callee.answer({std::string(mime_bytes, 'm')}));
  EXPECT_FALSE(callee.may_answer());
  send(caller, callee.data(Buffer::copy_of("out")));
  send(caller, callee.end());
  EXPECT_EQ(std::get<CallAnswer>(**caller.next()).mime, std::string(mime_bytes, 'm'));
  EXPECT_EQ(to_text(std::get<Rope>(**caller.next()).flatten().view()), "out");
  EXPECT_TRUE(std::holds_alternative<Ended>(**caller.next()));
  EXPECT_TRUE(caller.finish());
}

TEST(CallSession, EveryErrorCrosses) {
  for (std::uint8_t number = 1; number <= last_error_code; ++number) {
    CallerSession caller;
    CalleeSession callee;
    const Error why{*error_code(std::uint64_t{number}), "why " + std::to_string(number), number};
    send(caller, callee.error(why));
    EXPECT_EQ(std::get<Error>(**caller.next()), why);
  }
}

TEST(CallSession, WordsOfAPeerAreOneShortLine) {
  CallerSession caller;
  CalleeSession callee;
  send(caller, callee.error({ErrorCode::trapped, "a\nERROR forged\x7f" + std::string(5000, 'x'), 0}));
  const Error got = std::get<Error>(**caller.next());
  EXPECT_EQ(got.message.substr(0, 15), "a?ERROR forged?");
  EXPECT_EQ(got.message.size(), error_text_bytes);
}

TEST(CallSession, CancelAnyTimeAfterTheRequest) {
  for (int sent = 1; sent <= 3; ++sent) {
    CallerSession caller;
    CalleeSession callee;
    EXPECT_FALSE(caller.may_cancel());
    send(callee, *caller.request(request()));
    if (sent > 1) send(callee, caller.data(Buffer::copy_of("x")));
    if (sent > 2) send(callee, caller.end());
    ASSERT_TRUE(caller.may_cancel());
    send(callee, caller.cancel());
    EXPECT_FALSE(caller.may_cancel() || caller.may_send_data());
    for (int i = 0; i < sent; ++i) ASSERT_TRUE(*callee.next());
    EXPECT_TRUE(std::holds_alternative<Cancelled>(**callee.next()));
    EXPECT_TRUE(callee.finish());
    send(callee, raw(FrameType::data, "late"));
    EXPECT_EQ(callee.next().error().code, ErrorCode::protocol);
  }
}

// Every order of two frames that a caller may not send.
TEST(CallSession, TheCalleeRefusesWhatIsOutOfOrder) {
  const Rope first = *encode_request(request());
  const std::vector<std::vector<Rope>> bad = {
      {raw(FrameType::data, "x")},
      {raw(FrameType::end)},
      {raw(FrameType::cancel)},
      {first, first},
      {first, raw(FrameType::end), raw(FrameType::data, "x")},
      {first, raw(FrameType::end), raw(FrameType::end)},
      {first, raw(FrameType::end), first},
      {first, encode_error({ErrorCode::trapped, "", 0})},
      {first, raw(FrameType::message, "x")},
      {first, *encode_answer({"text/html"})},
      {first, raw(FrameType::cancel), raw(FrameType::cancel)},
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CalleeSession callee;
    for (std::size_t j = 0; j < bad[i].size(); ++j) {
      send(callee, bad[i][j]);
      const auto event = callee.next();
      if (j + 1 < bad[i].size()) {
        ASSERT_TRUE(event && *event) << i;
      } else {
        ASSERT_FALSE(event) << i;
        EXPECT_EQ(event.error().code, ErrorCode::protocol) << i;
      }
    }
  }
}

TEST(CallSession, TheCallerRefusesWhatIsOutOfOrder) {
  const std::vector<std::vector<Rope>> bad = {
      {*encode_request(request())},
      {raw(FrameType::cancel)},
      {raw(FrameType::outcome, "x")},
      {raw(FrameType::end), raw(FrameType::end)},
      {raw(FrameType::end), raw(FrameType::data, "x")},
      {encode_error({ErrorCode::trapped, "", 0}), raw(FrameType::end)},
      {raw(FrameType::data, "x"), *encode_answer({"text/html"})},
      {*encode_answer({"text/html"}), *encode_answer({"text/html"})},
      {raw(FrameType::end), *encode_answer({"text/html"})},
      {raw(FrameType::answer, "\x0a\x03")},
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CallerSession caller;
    for (std::size_t j = 0; j < bad[i].size(); ++j) {
      send(caller, bad[i][j]);
      const auto event = caller.next();
      EXPECT_EQ(event.has_value(), j + 1 < bad[i].size()) << i;
      if (!event) EXPECT_EQ(event.error().code, ErrorCode::protocol) << i;
    }
  }
}

TEST(CallSession, AStreamThatEndsEarlyIsAProtocolError) {
  CalleeSession callee;
  EXPECT_TRUE(callee.finish()) << "nothing was begun";
  send(callee, *encode_request(request()));
  ASSERT_TRUE(*callee.next());
  EXPECT_EQ(callee.finish().error().code, ErrorCode::protocol);
  CallerSession caller;
  EXPECT_EQ(caller.finish().error().code, ErrorCode::protocol);
  caller.feed(Buffer::copy_of("\x06\x02h"));
  EXPECT_FALSE(*caller.next());
  EXPECT_NE(caller.finish().error().message.find("truncated body"), std::string::npos);
}

TEST(CallSession, HugeLengthsAreRefused) {
  for (const std::size_t ones : {4u, 8u, 9u}) {
    CalleeSession callee;
    Bytes bytes(ones, 0xff);
    bytes.push_back(0x01);
    callee.feed(Buffer::copy_of(View(bytes)));
    EXPECT_EQ(callee.next().error().code, ErrorCode::too_large);
  }
}

TEST(CallSession, FieldsOfARequestAreChecked) {
  CallRequest bad = request();
  bad.correlation = "line\nfeed";
  CalleeSession callee;
  send(callee, *encode_request(bad));
  EXPECT_EQ(callee.next().error().code, ErrorCode::bad_request);
  bad.correlation = std::string(correlation_bytes + 1, 'c');
  CalleeSession other;
  send(other, *encode_request(bad));
  EXPECT_EQ(other.next().error().code, ErrorCode::bad_request);
  CallRequest long_path = request();
  long_path.path = std::string(limits::glia_request_bytes, 'p');
  EXPECT_EQ(encode_request(long_path).error().code, ErrorCode::bad_request);
}

TEST(CallSession, DeadlinesAreTimeLeft) {
  const Instant now{std::chrono::seconds(100)};
  EXPECT_EQ(remaining_ms(now - Duration(1), now), 0u);
  EXPECT_EQ(remaining_ms(now, now), 0u);
  EXPECT_EQ(remaining_ms(now + Duration(1), now), 1u);
  EXPECT_EQ(remaining_ms(now + std::chrono::milliseconds(250), now), 250u);
  EXPECT_EQ(deadline_from(250, now), now + std::chrono::milliseconds(250));
  EXPECT_EQ(deadline_from(UINT64_MAX, now), now + std::chrono::milliseconds(max_deadline_ms));
}

}  // namespace
}  // namespace myelin::glia
