#include "identity/key_message.hpp"

#include "base/varint.hpp"

namespace myelin::identity {
namespace {

constexpr std::uint8_t type_tag = 0x08;  // field 1, varint
constexpr std::uint8_t data_tag = 0x12;  // field 2, length-delimited
constexpr std::size_t data_at = 3;

}  // namespace

Result<KeyMessage> decode_key_message(View message, std::size_t max_bytes) {
  if (message.size() > max_bytes) return fail(ErrorCode::bad_request, "key is too large");
  if (message.size() < data_at || message[0] != type_tag || message[2] != data_tag) {
    return fail(ErrorCode::bad_request, "not a key message");
  }
  const std::uint8_t type = message[1];
  if (type > static_cast<std::uint8_t>(KeyType::ecdsa)) return fail(ErrorCode::bad_request, "unknown key type");
  View data = message.subspan(data_at);
  const Varint size = get_varint_strict(data);
  if (size.state != Varint::State::ok || size.value != data.size() - size.size) {
    return fail(ErrorCode::bad_request, "key length is not that of its data");
  }
  return KeyMessage{static_cast<KeyType>(type), data.subspan(size.size)};
}

Bytes encode_key_message(KeyType type, View data) {
  Bytes message{type_tag, static_cast<std::uint8_t>(type), data_tag};
  message.reserve(message.size() + max_varint_size + data.size());
  put_varint(message, data.size());
  message.insert(message.end(), data.begin(), data.end());
  return message;
}

}  // namespace myelin::identity
