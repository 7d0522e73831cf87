#include "glia/wire.hpp"

#include "base/check.hpp"
#include "glia.pb.h"
#include "glia/frame.hpp"

#include <algorithm>

namespace myelin::glia {
namespace {

template <typename Proto>
bool parse(Proto& proto, View body) {
  return body.size() <= message_frame_bytes && proto.ParseFromArray(body.data(), static_cast<int>(body.size()));
}

bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

// One line of at most error_text_bytes: a peer's words must not forge log lines.
std::string clean(std::string_view text) {
  std::string line(text.substr(0, error_text_bytes));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return line;
}

constexpr std::size_t room_bytes = 32;

bool small_enough(FrameType type, std::size_t size) {
  switch (type) {
    case FrameType::request:
      return size <= limits::glia_request_bytes;
    case FrameType::data:
      return size > 0 && size <= limits::chunk_bytes;
    case FrameType::end:
    case FrameType::cancel:
      return size == 0;
    case FrameType::error:
      return size <= 2 * error_text_bytes;
    case FrameType::answer:
      return size <= 2 * mime_bytes;
    case FrameType::message:
    case FrameType::outcome:
      return size < message_frame_bytes;
    case FrameType::room:
      return size <= room_bytes;
  }
  return false;
}

std::optional<FrameType> frame_type(std::uint8_t byte) {
  switch (static_cast<FrameType>(byte)) {
    case FrameType::request:
    case FrameType::data:
    case FrameType::end:
    case FrameType::error:
    case FrameType::cancel:
    case FrameType::answer:
    case FrameType::message:
    case FrameType::outcome:
    case FrameType::room:
      return static_cast<FrameType>(byte);
  }
  return std::nullopt;
}

constexpr std::size_t small_body_bytes = 512;

std::size_t head_size(std::size_t body) { return varint_size(body + 1) + 1; }

// Writes length and type; what is left of `out`.
MutableView write_head(FrameType type, std::size_t body, MutableView out) {
  MYELIN_CHECK(small_enough(type, body), "a frame of ours keeps its limit");
  std::size_t at = 0;
  for (std::uint64_t rest = body + 1;; rest >>= 7) {
    out[at++] = static_cast<std::uint8_t>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest <= 0x7f) break;
  }
  out[at++] = static_cast<std::uint8_t>(type);
  return out.subspan(at);
}

// The frame of a message of ours, in one piece.
template <typename Proto>
Buffer message_frame(FrameType type, const Proto& proto) {
  const std::size_t size = proto.ByteSizeLong();
  Buffer whole = Buffer::allocate(head_size(size) + size);
  const MutableView body = write_head(type, size, whole.writable());
  MYELIN_CHECK(proto.SerializeToArray(body.data(), static_cast<int>(size)), "a message of ours serializes");
  return whole;
}

void write_failure(wire::Failure& failure, const Error& error) {
  failure.set_code(static_cast<std::uint64_t>(error.code));
  if (error.detail != 0) failure.set_detail(error.detail);
  if (!error.message.empty()) failure.set_message(error.message.substr(0, error_text_bytes));
}

Error read_failure(const wire::Failure& failure) {
  std::string text = clean(failure.message());
  if (const auto code = error_code(failure.code())) return {*code, std::move(text), failure.detail()};
  return {ErrorCode::protocol, clean("unknown error code " + std::to_string(failure.code()) + ": " + text),
          failure.detail()};
}

Buffer to_buffer(const std::string& bytes) { return Buffer::copy_of(bytes); }

void append_payload(Rope& out, const Rope& payload) {
  Rope rest = payload;
  while (!rest.empty()) {
    out.append(frame(FrameType::data, rest.take_front(std::min(rest.size(), limits::chunk_bytes))));
  }
  out.append(frame(FrameType::end));
}

// Whether body, metadata and payload fit. Errors: too_large, unsupported.
Result<void> check_sizes(const kernel::Message& message) {
  if (message.body.size() > limits::message_body_bytes) return fail(ErrorCode::too_large, "message body over 1 MiB");
  if (message.metadata.size() > message_metadata_bytes) return fail(ErrorCode::too_large, "metadata over 64 KiB");
  if (message.payload.mime.size() > mime_bytes) return fail(ErrorCode::bad_request, "MIME type over 256 bytes");
  if (std::holds_alternative<io::PipeReader>(message.payload.bytes)) {
    return fail(ErrorCode::unsupported, "a streamed payload does not travel with a message between nodes");
  }
  const auto* rope = std::get_if<Rope>(&message.payload.bytes);
  if (rope && rope->size() > limits::payload_rope_bytes) return fail(ErrorCode::too_large, "payload over 16 MiB");
  return {};
}

template <typename Proto>
void write_content(Proto& proto, const kernel::Message& message) {
  if (!message.body.empty()) proto.set_body(message.body.data(), message.body.size());
  if (!message.metadata.empty()) proto.set_metadata(message.metadata.data(), message.metadata.size());
  if (const auto* rope = std::get_if<Rope>(&message.payload.bytes)) {
    if (!message.payload.mime.empty()) proto.mutable_payload()->set_mime(message.payload.mime);
    proto.mutable_payload()->set_size(rope->size());
  }
}

// Fills body, metadata and the payload's description. Errors: protocol.
template <typename Proto>
Result<std::optional<std::uint64_t>> read_content(const Proto& proto, kernel::Message& message) {
  if (proto.body().size() > limits::message_body_bytes) return fail(ErrorCode::protocol, "message body over its limit");
  if (proto.metadata().size() > message_metadata_bytes) return fail(ErrorCode::protocol, "metadata over its limit");
  message.body = to_buffer(proto.body());
  message.metadata = to_buffer(proto.metadata());
  if (!proto.has_payload()) return std::optional<std::uint64_t>();
  const wire::Payload& payload = proto.payload();
  if (payload.mime().size() > mime_bytes || !printable(payload.mime())) {
    return fail(ErrorCode::protocol, "MIME type of a payload");
  }
  if (payload.size() > limits::payload_rope_bytes) return fail(ErrorCode::protocol, "payload over its limit");
  message.payload.mime = payload.mime();
  message.payload.size = payload.size();
  message.payload.bytes = Rope();
  return std::optional<std::uint64_t>(payload.size());
}

std::string process_text(const kernel::Address& address) {
  kernel::Address here{identity::PeerId(), address.process};
  return here.to_string();
}

Result<kernel::Address> process_address(const std::string& text) {
  auto address = kernel::Address::parse(text, {});
  if (address && !address->node.empty()) return fail(ErrorCode::bad_request, "a message's address names a node");
  return address;
}

// Addresses, method and correlation. Errors: bad_request.
Result<void> read_head(const wire::Message& proto, kernel::Message& message) {
  auto source = process_address(proto.source());
  if (!source) return fail(source.error());
  auto target = process_address(proto.target());
  if (!target) return fail(target.error());
  if (!kernel::valid_method_name(proto.method())) return fail(ErrorCode::bad_request, "method name of a message");
  if (proto.correlation().size() > correlation_bytes || !printable(proto.correlation())) {
    return fail(ErrorCode::bad_request, "correlation is at most 128 printable ASCII characters");
  }
  message.source.process = source->process;
  message.target = std::move(*target);
  message.method = proto.method();
  message.correlation = proto.correlation();
  return {};
}

}  // namespace

Result<Frame> split_frame(Rope bytes) {
  if (bytes.empty()) return fail(ErrorCode::protocol, "a frame without a type");
  std::uint8_t byte = 0;
  bytes.copy_to(MutableView(&byte, 1));
  bytes.drop_front(1);
  const auto type = frame_type(byte);
  if (!type) return fail(ErrorCode::protocol, "unknown frame type " + std::to_string(byte));
  if (!small_enough(*type, bytes.size())) {
    return fail(ErrorCode::protocol,
                "a frame of type " + std::to_string(byte) + " with " + std::to_string(bytes.size()) + " bytes");
  }
  return Frame{*type, std::move(bytes)};
}

Rope frame(FrameType type, Rope body) {
  // A small body is copied behind its head: one piece is cheaper to carry than two.
  const std::size_t copied = body.size() <= small_body_bytes ? body.size() : 0;
  Buffer head = Buffer::allocate(head_size(body.size()) + copied);
  const MutableView rest = write_head(type, body.size(), head.writable());
  if (copied == body.size()) {
    body.copy_to(rest);
    return head;
  }
  Rope out(std::move(head));
  out.append(std::move(body));
  return out;
}

Result<Rope> encode_request(const CallRequest& request) {
  wire::Request proto;
  proto.set_path(request.path);
  if (request.deadline_ms) proto.set_deadline_ms(*request.deadline_ms);
  if (!request.correlation.empty()) proto.set_correlation(request.correlation);
  if (!request.mime.empty()) proto.set_mime(request.mime);
  if (request.input_size) proto.set_input_size(*request.input_size);
  if (proto.ByteSizeLong() > limits::glia_request_bytes) return fail(ErrorCode::bad_request, "call request too long");
  return message_frame(FrameType::request, proto);
}

Result<CallRequest> decode_request(View body) {
  wire::Request proto;
  if (!parse(proto, body)) return fail(ErrorCode::protocol, "call request is not readable");
  if (proto.correlation().size() > correlation_bytes || !printable(proto.correlation())) {
    return fail(ErrorCode::bad_request, "correlation is at most 128 printable ASCII characters");
  }
  if (proto.mime().size() > mime_bytes || !printable(proto.mime())) {
    return fail(ErrorCode::bad_request, "MIME type is at most 256 printable ASCII characters");
  }
  CallRequest request;
  request.path = proto.path();
  request.correlation = proto.correlation();
  request.mime = proto.mime();
  if (proto.has_deadline_ms()) request.deadline_ms = proto.deadline_ms();
  if (proto.has_input_size()) request.input_size = proto.input_size();
  return request;
}

Result<Rope> encode_answer(const CallAnswer& answer) {
  if (answer.mime.size() > mime_bytes || !printable(answer.mime)) {
    return fail(ErrorCode::bad_request, "MIME type is at most 256 printable ASCII characters");
  }
  wire::Answer proto;
  proto.set_mime(answer.mime);
  return message_frame(FrameType::answer, proto);
}

Result<CallAnswer> decode_answer(View body) {
  wire::Answer proto;
  if (!parse(proto, body)) return fail(ErrorCode::protocol, "answer is not readable");
  if (proto.mime().size() > mime_bytes || !printable(proto.mime())) {
    return fail(ErrorCode::protocol, "MIME type of an answer");
  }
  return CallAnswer{proto.mime()};
}

Rope encode_error(const Error& error) {
  wire::Failure failure;
  write_failure(failure, error);
  return message_frame(FrameType::error, failure);
}

Result<Error> decode_error(View body) {
  wire::Failure failure;
  if (!parse(failure, body)) return fail(ErrorCode::protocol, "error frame is not readable");
  return read_failure(failure);
}

std::uint64_t remaining_ms(Instant deadline, Instant now) {
  if (deadline <= now) return 0;
  constexpr Duration step = std::chrono::milliseconds(1);
  return static_cast<std::uint64_t>((deadline - now + step - Duration(1)) / step);
}

Instant deadline_from(std::uint64_t remaining, Instant now) {
  return now + std::chrono::milliseconds(std::min(remaining, max_deadline_ms));
}

Result<Rope> encode_message(std::uint64_t number, const kernel::Message& message, Instant now) {
  if (auto fits = check_sizes(message); !fits) return fail(fits.error());
  if (message.correlation.size() > correlation_bytes) return fail(ErrorCode::bad_request, "correlation too long");
  if (message.method.size() > limits::method_name_bytes) return fail(ErrorCode::bad_request, "method name too long");
  wire::Message proto;
  proto.set_number(number);
  proto.set_id(message.id);
  proto.set_source(process_text(message.source));
  proto.set_target(process_text(message.target));
  proto.set_method(message.method);
  write_content(proto, message);
  if (message.deadline) proto.set_deadline_ms(remaining_ms(*message.deadline, now));
  if (!message.correlation.empty()) proto.set_correlation(message.correlation);
  proto.set_wants_response(message.wants_response);
  Rope out = message_frame(FrameType::message, proto);
  if (const auto* rope = std::get_if<Rope>(&message.payload.bytes)) append_payload(out, *rope);
  return out;
}

Result<WireMessage> decode_message(View body, const identity::PeerId& from, Instant now) {
  wire::Message proto;
  if (!parse(proto, body)) return fail(ErrorCode::protocol, "message is not readable");
  WireMessage wire;
  wire.number = proto.number();
  kernel::Message& message = wire.message;
  message.id = proto.id();
  if (auto head = read_head(proto, message); !head) wire.refused = head.error();
  message.source.node = from;
  auto payload = read_content(proto, message);
  if (!payload) return fail(payload.error());
  wire.payload_bytes = *payload;
  if (proto.has_deadline_ms()) message.deadline = deadline_from(proto.deadline_ms(), now);
  message.wants_response = proto.wants_response();
  message.principal.kind = kernel::Principal::Kind::peer;
  message.principal.peer = from;
  return wire;
}

Rope encode_outcome(std::uint64_t number, const kernel::Outcome& outcome) {
  wire::Outcome proto;
  proto.set_number(number);
  const Rope* payload = nullptr;
  if (!outcome) {
    write_failure(*proto.mutable_failure(), outcome.error());
  } else if (auto fits = check_sizes(*outcome); !fits) {
    write_failure(*proto.mutable_failure(), fits.error());
  } else {
    write_content(proto, *outcome);
    payload = std::get_if<Rope>(&outcome->payload.bytes);
  }
  Rope out = message_frame(FrameType::outcome, proto);
  if (payload) append_payload(out, *payload);
  return out;
}

Result<WireOutcome> decode_outcome(View body) {
  wire::Outcome proto;
  if (!parse(proto, body)) return fail(ErrorCode::protocol, "outcome is not readable");
  WireOutcome wire;
  wire.number = proto.number();
  if (proto.has_failure()) {
    wire.outcome = fail(read_failure(proto.failure()));
    if (proto.has_payload()) return fail(ErrorCode::protocol, "a failure with a payload");
    return wire;
  }
  kernel::Message message;
  message.kind = kernel::Message::Kind::response;
  auto payload = read_content(proto, message);
  if (!payload) return fail(payload.error());
  wire.payload_bytes = *payload;
  wire.outcome = std::move(message);
  return wire;
}

Rope encode_room(std::uint64_t number) {
  wire::Room proto;
  proto.set_number(number);
  return message_frame(FrameType::room, proto);
}

Result<WireRoom> decode_room(View body) {
  wire::Room proto;
  if (!parse(proto, body)) return fail(ErrorCode::protocol, "room is not readable");
  return WireRoom{proto.number()};
}

}  // namespace myelin::glia
