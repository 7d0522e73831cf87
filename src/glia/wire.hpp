// What stands in the frames of /myelin/glia/1 and /myelin/message/1: a type byte, then that type's body.
//
// Encoding checks limits with MYELIN_CHECK where we chose the bytes; decoding answers `protocol` for what a peer sent.
// Pure. Thread: values. Source: docs/wire/glia.md §4 and §5; messages in glia.proto.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/limits.hpp"
#include "base/time.hpp"
#include "kernel/message.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace myelin::glia {

inline constexpr char call_protocol[] = "/myelin/glia/1";
inline constexpr char message_protocol[] = "/myelin/message/1";

enum class FrameType : std::uint8_t {
  request = 1,   // opens a call
  data = 2,      // 1 to 64 KiB of a payload
  end = 3,       // the payload's end; from the callee: success
  error = 4,     // the call failed
  cancel = 5,    // the caller has left
  answer = 6,    // what the output is, before its first byte
  message = 16,  // a kernel message
  outcome = 17,  // how one ended
  room = 18,     // a mailbox that refused one has room
};

inline constexpr std::size_t error_text_bytes = 512;
inline constexpr std::size_t correlation_bytes = 128;
inline constexpr std::size_t mime_bytes = 256;
// Longest frame of /myelin/message/1: a body, its metadata and addresses.
inline constexpr std::size_t message_metadata_bytes = 64 * limits::kib;
inline constexpr std::size_t message_frame_bytes =
    limits::message_body_bytes + message_metadata_bytes + 4 * limits::kib;
// Longer deadlines are cut to this, 34 years.
inline constexpr std::uint64_t max_deadline_ms = std::uint64_t{1} << 40;

// One frame taken apart. The bodies of end and cancel are empty, that of data is not.
struct Frame {
  FrameType type;
  Rope body;
};
// Splits off and checks the type byte, and the body's size for its type. Errors: protocol.
Result<Frame> split_frame(Rope bytes);

// A whole frame. `body` is not copied.
Rope frame(FrameType type, Rope body = {});

struct CallRequest {
  std::string path;
  std::optional<std::uint64_t> deadline_ms;  // remaining
  std::string correlation;
  std::string mime;
  std::optional<std::uint64_t> input_size;
};
// Errors: bad_request if the body would be over limits::glia_request_bytes.
Result<Rope> encode_request(const CallRequest& request);
// Errors: protocol (not a Request), bad_request (correlation, MIME type).
Result<CallRequest> decode_request(View body);

// What the callee says of its output before it.
struct CallAnswer {
  std::string mime;  // at most mime_bytes of printable ASCII
  friend bool operator==(const CallAnswer&, const CallAnswer&) = default;
};
// Errors: bad_request (a MIME type that may not travel).
Result<Rope> encode_answer(const CallAnswer& answer);
// Errors: protocol.
Result<CallAnswer> decode_answer(View body);

// The text is cut to error_text_bytes.
Rope encode_error(const Error& error);
// What the peer said; a code that this build does not know becomes `protocol`, with the number in the text. The text
// is cut and its control characters are replaced. Errors: protocol (not a Failure).
Result<Error> decode_error(View body);

// Time left from `now` to `deadline` in milliseconds, rounded up; 0 if it has passed.
std::uint64_t remaining_ms(Instant deadline, Instant now);
Instant deadline_from(std::uint64_t remaining, Instant now);

// A kernel message as it travels. The payload follows in data frames.
struct WireMessage {
  std::uint64_t number = 0;
  kernel::Message message;
  std::optional<std::uint64_t> payload_bytes;
  // What is wrong with it alone (address, method, correlation): its outcome, and no reason to end the channel.
  std::optional<Error> refused;
};
// The MESSAGE frame and the payload's frames. Errors: too_large (body, metadata, payload), unsupported (a payload that
// is a stream), bad_request (field too long).
Result<Rope> encode_message(std::uint64_t number, const kernel::Message& message, Instant now);
// `from`: the authenticated peer. The target's node stays empty: this node. Errors: protocol.
Result<WireMessage> decode_message(View body, const identity::PeerId& from, Instant now);

struct WireOutcome {
  std::uint64_t number = 0;
  kernel::Outcome outcome;
  std::optional<std::uint64_t> payload_bytes;
};
// Never fails: what cannot be sent is sent as the error that says so.
Rope encode_outcome(std::uint64_t number, const kernel::Outcome& outcome);
// Errors: protocol.
Result<WireOutcome> decode_outcome(View body);

// `number`: of the message that was refused as mailbox_full with the detail room_follows.
struct WireRoom {
  std::uint64_t number = 0;
};
Rope encode_room(std::uint64_t number);
// Errors: protocol.
Result<WireRoom> decode_room(View body);

}  // namespace myelin::glia
