#include "glia/call_session.hpp"

#include "base/check.hpp"

#include <string>
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

std::unexpected<Error> out_of_order(FrameType type) {
  return fail(ErrorCode::protocol, "frame type " + std::to_string(static_cast<int>(type)) + " out of order");
}

}  // namespace

Result<std::optional<CallerSession::Event>> CallerSession::next() {
  auto frame = next_frame(reader_);
  if (!frame) return fail(frame.error());
  if (!*frame) return std::optional<Event>();
  Frame& received = **frame;
  if (received_ == Received::all) return fail(ErrorCode::protocol, "a frame after the end of the call");
  switch (received.type) {
    case FrameType::answer: {
      if (received_ != Received::nothing) return out_of_order(received.type);
      auto answer = decode_answer(received.body.flatten().view());
      if (!answer) return fail(answer.error());
      received_ = Received::some;
      return std::optional<Event>(std::move(*answer));
    }
    case FrameType::data:
      received_ = Received::some;
      return std::optional<Event>(std::move(received.body));
    case FrameType::end:
      received_ = Received::all;
      return std::optional<Event>(Ended{});
    case FrameType::error: {
      auto error = decode_error(received.body.flatten().view());
      if (!error) return fail(error.error());
      received_ = Received::all;
      return std::optional<Event>(std::move(*error));
    }
    default:
      return out_of_order(received.type);
  }
}

Result<void> CallerSession::finish() const {
  if (auto whole = reader_.finish(); !whole) return fail(to_error(whole.error()));
  if (!ended()) return fail(ErrorCode::protocol, "the stream ended before the call did");
  return {};
}

Result<Rope> CallerSession::request(const CallRequest& request) {
  MYELIN_CHECK(sent_ == Sent::nothing, "one request for a call");
  auto encoded = encode_request(request);
  if (encoded) sent_ = Sent::request;
  return encoded;
}

Rope CallerSession::data(Buffer bytes) {
  MYELIN_CHECK(may_send_data(), "input between the request and its end");
  return frame(FrameType::data, std::move(bytes));
}

Rope CallerSession::end() {
  MYELIN_CHECK(may_send_data(), "one end of the input");
  sent_ = Sent::end;
  return frame(FrameType::end);
}

Rope CallerSession::cancel() {
  MYELIN_CHECK(may_cancel(), "a call is cancelled once, after its request");
  sent_ = Sent::cancel;
  return frame(FrameType::cancel);
}

Result<std::optional<CalleeSession::Event>> CalleeSession::next() {
  auto frame = next_frame(reader_);
  if (!frame) return fail(frame.error());
  if (!*frame) return std::optional<Event>();
  Frame& received = **frame;
  if (received_ == Received::cancel) return fail(ErrorCode::protocol, "a frame after the caller left");
  if ((received_ == Received::nothing) != (received.type == FrameType::request)) return out_of_order(received.type);
  switch (received.type) {
    case FrameType::request: {
      auto request = decode_request(received.body.flatten().view());
      if (!request) return fail(request.error());
      received_ = Received::request;
      return std::optional<Event>(std::move(*request));
    }
    case FrameType::data:
      if (received_ == Received::end) return out_of_order(received.type);
      return std::optional<Event>(std::move(received.body));
    case FrameType::end:
      if (received_ == Received::end) return out_of_order(received.type);
      received_ = Received::end;
      return std::optional<Event>(Ended{});
    case FrameType::cancel:
      received_ = Received::cancel;
      return std::optional<Event>(Cancelled{});
    default:
      return out_of_order(received.type);
  }
}

Result<void> CalleeSession::finish() const {
  if (auto whole = reader_.finish(); !whole) return fail(to_error(whole.error()));
  if (received_ == Received::request) return fail(ErrorCode::protocol, "the stream ended before the input did");
  return {};
}

Result<Rope> CalleeSession::answer(const CallAnswer& what) {
  MYELIN_CHECK(may_answer(), "what the output is stands before it");
  auto encoded = encode_answer(what);
  if (encoded) sent_any_ = true;
  return encoded;
}

Rope CalleeSession::data(Buffer bytes) {
  MYELIN_CHECK(!sent_terminal_, "nothing follows the end of a call");
  sent_any_ = true;
  return frame(FrameType::data, std::move(bytes));
}

Rope CalleeSession::end() {
  MYELIN_CHECK(!std::exchange(sent_terminal_, true), "a call ends once");
  sent_any_ = true;
  return frame(FrameType::end);
}

Rope CalleeSession::error(const Error& why) {
  MYELIN_CHECK(!std::exchange(sent_terminal_, true), "a call ends once");
  sent_any_ = true;
  return encode_error(why);
}

}  // namespace myelin::glia
