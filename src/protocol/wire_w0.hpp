// W0: the first generation of the session wire, byte for byte as the Simple Protocol Runtime writes it.
//
//   Hello    01 || host        host: the IPv4 address as text, left-justified, padded to 15 with spaces || port u16 LE
//   Ack      02
//   message  protocol id u16 LE || message id u16 LE || payload
//
// Thread: values.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "myelin/protocol/host.hpp"
#include "myelin/protocol/message.hpp"

#include <optional>

namespace myelin::protocol::w0 {

inline constexpr std::size_t host_bytes = 17;
inline constexpr std::size_t header_bytes = 4;

// Whether a host can be named on this wire: an IPv4 address in dotted form, and a port.
bool can_name(const Host& host);
// REQUIRES: can_name(host).
void put_host(Bytes& out, const Host& host);
// Errors: protocol (not 17 bytes, no IPv4 address, port 0).
Result<Host> get_host(View bytes);

inline void put_header(std::uint8_t* at, ProtocolId protocol, MessageId id) {
  at[0] = static_cast<std::uint8_t>(protocol);
  at[1] = static_cast<std::uint8_t>(protocol >> 8);
  at[2] = static_cast<std::uint8_t>(id);
  at[3] = static_cast<std::uint8_t>(id >> 8);
}

struct Message {
  ProtocolId protocol;
  MessageId id;
  View payload;
};
// The body of an application frame. Nothing if its header is cut short.
inline std::optional<Message> get_message(View body) {
  if (body.size() < header_bytes) return std::nullopt;
  return Message{static_cast<ProtocolId>(body[0] | body[1] << 8), static_cast<MessageId>(body[2] | body[3] << 8),
                 body.subspan(header_bytes)};
}

}  // namespace myelin::protocol::w0
