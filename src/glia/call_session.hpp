// The two ends of one call on /myelin/glia/1, as machines: bytes in, events out, and what may be sent when.
//
//   caller   REQUEST DATA* END          CANCEL instead of what is left, or after END
//   callee   ANSWER? DATA* (END | ERROR)     ERROR may be the first
//
// Nothing follows a terminal frame (the callee's END or ERROR, the caller's CANCEL); what does is a protocol error.
// Pure. Thread: values. Source: docs/wire/glia.md §4.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/limits.hpp"
#include "glia/frame.hpp"
#include "glia/wire.hpp"

#include <optional>
#include <variant>

namespace myelin::glia {

struct Ended {
  friend bool operator==(const Ended&, const Ended&) = default;
};
struct Cancelled {
  friend bool operator==(const Cancelled&, const Cancelled&) = default;
};

// The caller's end.
class CallerSession {
 public:
  using Event = std::variant<Rope, Ended, Error, CallAnswer>;  // output, success, failure, what the output is

  void feed(Buffer bytes) { reader_.feed(std::move(bytes)); }
  // Errors: protocol, too_large; final.
  Result<std::optional<Event>> next();
  // The stream's end after next() gave nothing: success once the call has ended. Errors: protocol.
  Result<void> finish() const;
  bool ended() const { return received_ == Received::all; }

  // Frames to send. REQUIRES: the order above.
  Result<Rope> request(const CallRequest& request);
  Rope data(Buffer bytes);
  Rope end();
  Rope cancel();
  bool may_send_data() const { return sent_ == Sent::request; }
  bool may_cancel() const { return sent_ == Sent::request || sent_ == Sent::end; }

 private:
  enum class Sent : std::uint8_t { nothing, request, end, cancel };
  enum class Received : std::uint8_t { nothing, some, all };
  FrameReader reader_{limits::glia_frame_bytes};
  Sent sent_ = Sent::nothing;
  Received received_ = Received::nothing;
};

// The callee's end.
class CalleeSession {
 public:
  using Event = std::variant<CallRequest, Rope, Ended, Cancelled>;  // the call, input, its end, the caller left

  void feed(Buffer bytes) { reader_.feed(std::move(bytes)); }
  // Errors: protocol, too_large, bad_request (what the request says); final.
  Result<std::optional<Event>> next();
  // The stream's end after next() gave nothing: success after END or CANCEL, or before the first byte. Errors:
  // protocol.
  Result<void> finish() const;
  bool input_ended() const { return received_ >= Received::end; }

  // Frames to send. REQUIRES: the order above.
  // Errors: bad_request (it may not travel; nothing is sent then).
  Result<Rope> answer(const CallAnswer& what);
  bool may_answer() const { return !sent_any_; }
  Rope data(Buffer bytes);
  Rope end();
  Rope error(const Error& why);
  bool ended() const { return sent_terminal_; }

 private:
  enum class Received : std::uint8_t { nothing, request, end, cancel };
  FrameReader reader_{limits::glia_frame_bytes};
  Received received_ = Received::nothing;
  bool sent_any_ = false;
  bool sent_terminal_ = false;
};

}  // namespace myelin::glia
