// The handshake of the session wire: how Hello, Ack and Reject of both generations are written and told apart.
//
// The third byte of a Hello's payload tells: 01 is W3's version, a digit is the beginning of W0's address.
// Thread: values.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "myelin/protocol/host.hpp"
#include "myelin/protocol/runtime.hpp"

#include <cstdint>

namespace myelin::protocol {

enum class Handshake : std::uint8_t { hello = 1, ack = 2, reject = 3 };

// No frame of a handshake is longer: layer, type, version, and the longest host.
inline constexpr std::size_t max_handshake_bytes = 1 + 1 + 1 + 2 + 255 + 2;

// Whole frames, with length and layer.
// REQUIRES: the wire can name the host.
Bytes hello_frame(Wire wire, const Host& self);
Bytes ack_frame();
Bytes reject_frame();

struct Hello {
  Wire wire;
  Host host;
};
// What follows the type byte. Errors: unsupported (a version that is neither; it is answered with Reject), protocol (a
// host that is none).
Result<Hello> read_hello(View data);

}  // namespace myelin::protocol
