// Multibase: text that says in its first character how it encodes bytes (multiformats/multibase).
//
// Strict: no padding, no character outside the alphabet, no bits left over that are not zero, so that one text stands
// for one sequence of bytes. Base16, base32 and base36 are case-insensitive, as their table says. Thread: free
// functions.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace myelin::identity {

// The value is the prefix character.
enum class Base : char {
  base16 = 'f',
  base16_upper = 'F',
  base32 = 'b',
  base32_upper = 'B',
  base36 = 'k',
  base36_upper = 'K',
  base58btc = 'z',
  base64 = 'm',
  base64url = 'u',
};

// Longest text that is decoded, prefix included; base36 and base58 take time that grows with its square.
inline constexpr std::size_t max_multibase_text = 256;

struct Multibase {
  Base base;
  Bytes bytes;
};

std::string multibase_encode(Base base, View bytes);
// Errors: bad_request (empty, unknown prefix, not strict, longer than max_multibase_text).
Result<Multibase> multibase_decode(std::string_view text);

}  // namespace myelin::identity
