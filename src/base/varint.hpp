// Unsigned LEB128 varints as libp2p and Glia use them (multiformats/unsigned-varint, Go's binary.PutUvarint).
//
// Two readers: `lenient` takes any encoding of a 64-bit value in at most 10 bytes (what Go writes and reads); `strict`
// also refuses non-minimal encodings and more than 9 bytes (multiformats).
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <optional>

namespace myelin {

inline constexpr std::size_t max_varint_size = 10;

// Appends the minimal encoding of `value`.
void put_varint(Bytes& out, std::uint64_t value);
// Bytes that put_varint writes for `value`: 1 to 10.
std::size_t varint_size(std::uint64_t value);

struct Varint {
  enum class State : std::uint8_t {
    ok,
    truncated,  // more bytes are needed
    overflow,   // does not fit 64 bits (11th byte, or 10th byte above 1)
    overlong,   // strict only: not the minimal encoding
  };
  State state = State::truncated;
  std::uint64_t value = 0;
  std::size_t size = 0;  // bytes read, when ok
};

Varint get_varint_lenient(View in);
Varint get_varint_strict(View in);

}  // namespace myelin
