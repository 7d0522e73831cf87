#include "kernel/record.hpp"

#include "base/check.hpp"
#include "base/varint.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>

namespace myelin::kernel::abi {

namespace {

static_assert(std::endian::native == std::endian::little, "records are little-endian, and so is every target");

void store(std::uint8_t* at, std::uint64_t value, std::size_t bytes) { std::memcpy(at, &value, bytes); }

std::uint64_t load(const std::uint8_t* at, std::size_t bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

std::size_t fields_size(std::span<const View> fields) {
  std::size_t size = fields.size();
  for (const View& field : fields) {
    size += field.size();
    if (field.size() >= 0x80) [[unlikely]]
      size += varint_size(field.size()) - 1;
  }
  return size;
}

// Most fields are short: a call of memcpy would cost more than the copy.
inline void copy_short(std::uint8_t* to, const std::uint8_t* from, std::size_t size) {
  if (size > 32) {
    std::memcpy(to, from, size);
  } else if (size >= 16) {  // two pieces, which may overlap
    std::memcpy(to, from, 16);
    std::memcpy(to + size - 16, from + size - 16, 16);
  } else if (size >= 8) {
    std::memcpy(to, from, 8);
    std::memcpy(to + size - 8, from + size - 8, 8);
  } else {
    for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
  }
}

void put_fields(std::uint8_t* at, std::span<const View> fields) {
  for (const View& field : fields) {
    std::uint64_t length = field.size();
    for (; length >= 0x80; length >>= 7) *at++ = static_cast<std::uint8_t>(length | 0x80);
    *at++ = static_cast<std::uint8_t>(length);
    copy_short(at, field.data(), field.size());
    at += field.size();
  }
}

std::uint64_t left_ns(Instant deadline, Instant now) {
  return deadline > now ? static_cast<std::uint64_t>((deadline - now).count()) : 0;
}

std::array<View, 9> fields_of(const Info& info) {
  return {as_view(info.protocol), as_view(info.node),        as_view(info.pid),
          as_view(info.name),     as_view(info.method),      as_view(info.path),
          as_view(info.caller),   as_view(info.correlation), as_view(info.mime)};
}

// Reads fields one after another; the first failure sticks.
class Reader {
 public:
  explicit Reader(View rest) : rest_(rest) {}

  [[gnu::always_inline]] View field(std::size_t max, std::string_view name) {
    // Most lengths are one byte. After an error nothing is left.
    if (!rest_.empty() && rest_[0] < 0x80 && rest_[0] < rest_.size() && rest_[0] <= max) {
      View bytes = rest_.subspan(1, rest_[0]);
      rest_ = rest_.subspan(1 + bytes.size());
      return bytes;
    }
    return long_field(max, name);
  }
  [[gnu::noinline]] View long_field(std::size_t max, std::string_view name) {
    if (error_) return {};
    auto length = get_varint_lenient(rest_);
    if (length.state != Varint::State::ok) return refuse(ErrorCode::bad_request, name, " has a broken length");
    if (length.value > rest_.size() - length.size) return refuse(ErrorCode::bad_request, name, " is cut off");
    if (length.value > max) return refuse(ErrorCode::too_large, name, " is over its limit");
    View bytes = rest_.subspan(length.size, static_cast<std::size_t>(length.value));
    rest_ = rest_.subspan(length.size + bytes.size());
    return bytes;
  }
  [[gnu::always_inline]] std::string_view text(std::size_t max, std::string_view name) {
    View bytes = field(max, name);
    bool printable = true;
    for (std::uint8_t byte : bytes) printable &= byte - 0x20u <= 0x7eu - 0x20u;
    if (!printable) return as_text(refuse(ErrorCode::bad_request, name, " is not printable ASCII"));
    return as_text(bytes);
  }
  View rest() const { return rest_; }
  std::optional<Error> end() {
    if (!error_ && !rest_.empty()) refuse(ErrorCode::bad_request, "the record", " has bytes after its last field");
    return error_;
  }

 private:
  View refuse(ErrorCode code, std::string_view name, std::string_view why) {
    if (!error_) error_ = Error{code, std::string(name) + std::string(why)};
    rest_ = {};
    return {};
  }
  View rest_;
  std::optional<Error> error_;
};

Result<void> check_header(View record, std::size_t header) {
  if (record.size() > record_bytes) return fail(ErrorCode::too_large, "the record is over its limit");
  if (record.size() < header) return fail(ErrorCode::bad_request, "the record is shorter than its header");
  if (load(record.data(), 4) != record.size()) return fail(ErrorCode::bad_request, "the record's size is wrong");
  if (record[4] != version) return fail(ErrorCode::unsupported, "unknown record version");
  return {};
}

Result<void> check_payload(std::uint8_t flags, std::uint64_t payload_id, std::size_t inline_size) {
  bool draft = flags & payload_is_draft;
  bool other = flags & payload_of_message;
  if (draft && other) return fail(ErrorCode::bad_request, "two payloads");
  if ((draft || other) && inline_size > 0) return fail(ErrorCode::bad_request, "two payloads");
  if (!other && payload_id != 0) return fail(ErrorCode::bad_request, "payload_id without its flag");
  return {};
}

bool answerable(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_request:
    case ErrorCode::unauthorized:
    case ErrorCode::forbidden:
    case ErrorCode::no_such_method:
    case ErrorCode::too_large:
    case ErrorCode::guest_failed:
    case ErrorCode::limit:
    case ErrorCode::conflict:
    case ErrorCode::unsupported:
      return true;
    default:
      return false;
  }
}

// Length of the UTF-8 sequence at the start of `bytes`, 0 if there is none (RFC 3629; no surrogates, no overlong ones).
std::size_t utf8_length(std::string_view bytes) {
  auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  std::uint8_t lead = at(0);
  std::size_t length = lead < 0x80                   ? 1
                       : lead >= 0xc2 && lead < 0xe0 ? 2
                       : lead >= 0xe0 && lead < 0xf0 ? 3
                       : lead >= 0xf0 && lead < 0xf5 ? 4
                                                     : 0;
  if (length == 0 || length > bytes.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  if (lead == 0xe0 && at(1) < 0xa0) return 0;
  if (lead == 0xed && at(1) >= 0xa0) return 0;
  if (lead == 0xf0 && at(1) < 0x90) return 0;
  if (lead == 0xf4 && at(1) >= 0x90) return 0;
  return length;
}

}  // namespace

std::size_t RecordView::size() const { return received_header_bytes + fields_size(fields); }

RecordView Record::view() const {
  return {event,
          flags,
          caller_kind,
          id,
          deadline,
          payload_size,
          error,
          detail,
          {as_view(source), as_view(method), as_view(mime), context.view(), metadata.view(), as_view(caller),
           as_view(correlation), body.view(), as_view(reason)}};
}

void RecordView::write(MutableView into, Instant now) const {
  MYELIN_CHECK(into.size() == size(), "the buffer is the record's size");
  std::uint8_t* at = into.data();
  store(at, into.size(), 4);
  at[4] = version;
  at[5] = static_cast<std::uint8_t>(event);
  at[6] = static_cast<std::uint8_t>(flags | (deadline ? has_deadline : 0) | (payload_size ? size_known : 0));
  at[7] = static_cast<std::uint8_t>(caller_kind);
  store(at + 8, id, 8);
  store(at + 16, deadline ? left_ns(*deadline, now) : 0, 8);
  store(at + 24, payload_size.value_or(0), 8);
  store(at + 32, error, 4);
  store(at + 36, detail, 4);
  store(at + 40, 0, 8);
  put_fields(at + received_header_bytes, fields);
}

std::size_t Info::size() const {
  auto fields = fields_of(*this);
  return info_header_bytes + fields_size(fields);
}

void Info::write(MutableView into, Instant now) const {
  MYELIN_CHECK(into.size() == size(), "the buffer is the record's size");
  std::uint8_t* at = into.data();
  store(at, into.size(), 4);
  at[4] = version;
  at[5] = static_cast<std::uint8_t>(event);
  at[6] = static_cast<std::uint8_t>((deadline ? has_deadline : 0) | (payload_size ? size_known : 0));
  at[7] = static_cast<std::uint8_t>(caller_kind);
  store(at + 8, deadline ? left_ns(*deadline, now) : 0, 8);
  store(at + 16, payload_size.value_or(0), 8);
  store(at + 24, 0, 8);
  put_fields(at + info_header_bytes, fields_of(*this));
}

Result<Sent> decode_sent(View record) {
  if (auto header = check_header(record, send_header_bytes); !header) return fail(header.error());
  const std::uint8_t* at = record.data();
  Sent sent;
  sent.flags = at[5];
  if (sent.flags & ~(send_wants_response | send_tell_accepted | payload_is_draft | payload_of_message))
    return fail(ErrorCode::bad_request, "unknown flags");
  if ((sent.flags & send_wants_response) && (sent.flags & send_tell_accepted))
    return fail(ErrorCode::bad_request, "a request that wants a response is told by it that it was accepted");
  if (load(at + 6, 2) != 0 || load(at + 24, 8) != 0) return fail(ErrorCode::bad_request, "reserved bytes are not 0");
  auto timeout = static_cast<std::int64_t>(load(at + 8, 8));
  if (timeout < 0) return fail(ErrorCode::bad_request, "the timeout is negative");
  sent.timeout = Duration(timeout);
  sent.payload_id = load(at + 16, 8);
  Reader reader(record.subspan(send_header_bytes));
  sent.target = reader.text(address_bytes, "target");
  sent.method = reader.text(limits::method_name_bytes, "method");
  sent.mime = reader.text(mime_bytes, "mime");
  sent.context = reader.field(side_bytes, "context");
  sent.metadata = reader.field(side_bytes, "metadata");
  sent.body = reader.field(limits::message_body_bytes, "body");
  const std::size_t before_payload = record.size() - send_header_bytes - reader.rest().size();
  sent.payload = reader.field(inline_payload_bytes, "payload");
  if (auto error = reader.end()) return fail(*error);
  if (auto one = check_payload(sent.flags, sent.payload_id, sent.payload.size()); !one) return fail(one.error());
  sent.fields = record.subspan(send_header_bytes, before_payload);
  return sent;
}

Result<Answer> decode_answer(View record) {
  Answer answer;
  if (record.empty()) return answer;
  if (auto header = check_header(record, answer_header_bytes); !header) return fail(header.error());
  const std::uint8_t* at = record.data();
  answer.flags = at[5];
  if (answer.flags & ~(payload_is_draft | payload_of_message)) return fail(ErrorCode::bad_request, "unknown flags");
  auto error = load(at + 6, 2);
  answer.detail = static_cast<std::uint32_t>(load(at + 8, 4));
  if (load(at + 12, 4) != 0) return fail(ErrorCode::bad_request, "reserved bytes are not 0");
  answer.payload_id = load(at + 16, 8);
  if (error != 0) {
    answer.error = error_code(error);
    if (!answer.error || !answerable(*answer.error)) return fail(ErrorCode::bad_request, "not an error to answer with");
  }
  bool failed = answer.error == ErrorCode::guest_failed;
  if (failed ? answer.detail < 1 || answer.detail > 255 : answer.detail != 0)
    return fail(ErrorCode::bad_request, "the detail is an exit code of 1 to 255, with guest_failed only");
  Reader reader(record.subspan(answer_header_bytes));
  answer.reason = as_text(reader.field(reason_bytes, "reason"));
  answer.mime = reader.text(mime_bytes, "mime");
  answer.metadata = reader.field(side_bytes, "metadata");
  answer.body = reader.field(limits::message_body_bytes, "body");
  answer.payload = reader.field(inline_payload_bytes, "payload");
  if (auto broken = reader.end()) return fail(*broken);
  if (auto one = check_payload(answer.flags, answer.payload_id, answer.payload.size()); !one) return fail(one.error());
  return answer;
}

std::string one_line(std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t length = utf8_length(text);
    auto byte = static_cast<std::uint8_t>(text[0]);
    // C1 controls (U+0080 to U+009F) are two bytes c2 80…9f.
    bool control =
        byte < 0x20 || byte == 0x7f || (length == 2 && byte == 0xc2 && static_cast<std::uint8_t>(text[1]) < 0xa0);
    if (length == 0 || control) {
      std::size_t count = std::max<std::size_t>(length, 1);
      for (std::size_t i = 0; i < count; ++i) {
        auto each = static_cast<std::uint8_t>(text[i]);
        out += {'\\', 'x', hex[each >> 4], hex[each & 15]};
      }
      text.remove_prefix(count);
      continue;
    }
    out.append(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace myelin::kernel::abi
