// Multihash: a digest that says which function made it: varint code, varint length, digest (multiformats/multihash).
//
// Thread: free functions. Lifetime: a Multihash shows the bytes that it was decoded from.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"

#include <cstddef>
#include <cstdint>

namespace myelin::identity {

inline constexpr std::uint64_t multihash_identity = 0x00;
inline constexpr std::uint64_t multihash_sha2_256 = 0x12;
inline constexpr std::size_t max_digest_bytes = 128;

struct Multihash {
  std::uint64_t code;
  View digest;
};

// Any code; varints strict; the length is exactly that of the rest, and 32 for sha2-256.
// Errors: bad_request.
Result<Multihash> decode_multihash(View bytes);
Bytes encode_multihash(std::uint64_t code, View digest);
Bytes sha2_256_multihash(View content);

}  // namespace myelin::identity
