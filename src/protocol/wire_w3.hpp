// W3: the present generation of the session wire, as protorun writes it.
//
//   Hello    01 || version 01 || host      host: length u16 LE || name || port u16 LE
//   Ack      02
//   Reject   03 || version that the sender speaks; then it closes
//   message  wire id u64 LE || payload     wire id: FNV-1a of the message type's name (message.hpp)
//
// Thread: values.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "myelin/protocol/host.hpp"
#include "myelin/protocol/message.hpp"

#include <cstring>
#include <optional>

namespace myelin::protocol::w3 {

inline constexpr std::uint8_t version = 1;
inline constexpr std::size_t max_name_bytes = 255;
inline constexpr std::size_t header_bytes = 8;

// Whether a host can be named on this wire: 1 to 255 printable characters of ASCII without a space, and a port.
bool can_name(const Host& host);
// REQUIRES: can_name(host).
void put_host(Bytes& out, const Host& host);
// Takes all bytes. Errors: protocol.
Result<Host> get_host(View bytes);

inline void put_header(std::uint8_t* at, WireId id) { std::memcpy(at, &id, sizeof id); }

struct Message {
  WireId id;
  View payload;
};
// The body of an application frame. Nothing if its header is cut short.
inline std::optional<Message> get_message(View body) {
  if (body.size() < header_bytes) return std::nullopt;
  Message message{0, body.subspan(header_bytes)};
  std::memcpy(&message.id, body.data(), sizeof message.id);
  return message;
}

}  // namespace myelin::protocol::w3
