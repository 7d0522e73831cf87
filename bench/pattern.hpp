// The bytes that the benchmarks of streams send: a pattern of `pattern_bytes`, over and over. The peers in other
// languages make the same one.
#pragma once

#include "base/bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace myelin::bench {

inline constexpr std::size_t pattern_bytes = 1 << 20;

inline Buffer pattern() {
  Buffer made = Buffer::allocate(pattern_bytes);
  std::uint32_t x = 1;
  for (std::size_t i = 0; i < pattern_bytes; ++i) {
    x = x * 1664525u + 1013904223u;
    made.writable()[i] = static_cast<std::uint8_t>(x >> 24);
  }
  return made;
}

// Whether `bytes` are those of the stream from byte `from` on.
inline bool matches(View bytes, std::uint64_t from, const Buffer& wanted) {
  while (!bytes.empty()) {
    const std::size_t at = from % pattern_bytes;
    const std::size_t n = std::min(bytes.size(), pattern_bytes - at);
    if (std::memcmp(bytes.data(), wanted.data() + at, n) != 0) return false;
    bytes = bytes.subspan(n);
    from += n;
  }
  return true;
}

}  // namespace myelin::bench
