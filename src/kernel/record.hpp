// The records of the guest ABI (sdk/ABI.md, version 1): what `receive` and `message_info` write, what `send` and
// `respond` take.
//
// Pure. Neither writing nor decoding allocates, so that they may run on a guest's stack: a decoded record is views into
// the bytes that were given, and what is written is views of where the fields lie. Decoding refuses whatever the ABI
// does not define. Thread: values.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/limits.hpp"
#include "base/time.hpp"
#include "kernel/message.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace myelin::kernel::abi {

inline constexpr std::uint8_t version = 1;
inline constexpr std::size_t received_header_bytes = 48;
inline constexpr std::size_t send_header_bytes = 32;
inline constexpr std::size_t answer_header_bytes = 24;
inline constexpr std::size_t info_header_bytes = 32;

// Bounds of the fields of what guests hand over.
inline constexpr std::size_t address_bytes = 256;
inline constexpr std::size_t mime_bytes = 255;
inline constexpr std::size_t side_bytes = 64 * limits::kib;  // context, metadata: each
inline constexpr std::size_t reason_bytes = limits::kib;
inline constexpr std::size_t inline_payload_bytes = limits::mib;
inline constexpr std::size_t record_bytes =
    limits::message_body_bytes + inline_payload_bytes + 2 * side_bytes + 4 * limits::kib;
static_assert(address_bytes + mime_bytes + limits::method_name_bytes + reason_bytes < 3 * limits::kib);

// Not an error number: "nothing now" (only with `nowait`).
inline constexpr std::int32_t not_yet = -1000;
inline constexpr std::uint64_t nowait = std::uint64_t{1} << 62;

enum class Event : std::uint8_t {
  none = 0,
  request = 1,
  call = 2,
  response = 3,
  error = 4,
  room = 5,
  cancelled = 6,
  readable = 7,
  writable = 8,
};

enum ReceivedFlag : std::uint8_t {
  wants_response = 1,
  has_payload = 2,
  size_known = 4,
  stream = 8,
  has_deadline = 16,
  room_follows = 32,
};

enum SentFlag : std::uint8_t {
  send_wants_response = 1,
  send_tell_accepted = 2,
  payload_is_draft = 4,
  payload_of_message = 8,
};

// A received record whose fields lie elsewhere.
struct RecordView {
  Event event = Event::none;
  std::uint8_t flags = 0;  // size_known and has_deadline follow from the optionals
  Principal::Kind caller_kind = Principal::Kind::anonymous;
  std::uint64_t id = 0;
  std::optional<Instant> deadline;
  std::optional<std::uint64_t> payload_size;
  std::uint32_t error = 0;
  std::uint32_t detail = 0;
  // source, method, mime, context, metadata, caller, correlation, body, reason
  std::array<View, 9> fields;

  std::size_t size() const;
  // REQUIRES: into.size() == size().
  void write(MutableView into, Instant now) const;
};

// One that owns them.
struct Record {
  Event event = Event::none;
  std::uint8_t flags = 0;  // size_known and has_deadline follow from the optionals
  Principal::Kind caller_kind = Principal::Kind::anonymous;
  std::uint64_t id = 0;
  std::optional<Instant> deadline;
  std::optional<std::uint64_t> payload_size;
  std::uint32_t error = 0;
  std::uint32_t detail = 0;
  std::string source, method, mime;
  Buffer context, metadata;
  std::string caller, correlation;
  Buffer body;
  std::string reason;

  RecordView view() const;
  std::size_t size() const { return view().size(); }
  // REQUIRES: into.size() == size().
  void write(MutableView into, Instant now) const { view().write(into, now); }
};

struct Info {
  Event event = Event::none;
  Principal::Kind caller_kind = Principal::Kind::operator_;
  std::optional<Instant> deadline;
  std::optional<std::uint64_t> payload_size;
  std::string protocol, node, pid, name, method, path, caller, correlation, mime;

  std::size_t size() const;
  // REQUIRES: into.size() == size().
  void write(MutableView into, Instant now) const;
};

struct Sent {
  std::uint8_t flags = 0;
  Duration timeout{};  // 0: none
  std::uint64_t payload_id = 0;
  std::string_view target, method, mime;
  View context, metadata, body, payload;
  View fields;  // all of these but the payload, with their lengths, as they lie in the record
};

// Errors: bad_request, too_large.
Result<Sent> decode_sent(View record);

struct Answer {
  std::uint8_t flags = 0;
  std::optional<ErrorCode> error;
  std::uint32_t detail = 0;
  std::uint64_t payload_id = 0;
  std::string_view reason, mime;  // reason: as the guest wrote it, for one_line()
  View metadata, body, payload;
};

// An empty record is an empty success. Errors: bad_request, too_large.
Result<Answer> decode_answer(View record);

// Text that is safe on one line: control characters and bytes that are not UTF-8 become \xNN.
std::string one_line(std::string_view text);

}  // namespace myelin::kernel::abi
