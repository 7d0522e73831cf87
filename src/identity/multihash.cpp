#include "identity/multihash.hpp"

#include "base/varint.hpp"

#include <array>
#include <sodium.h>

namespace myelin::identity {

Result<Multihash> decode_multihash(View bytes) {
  const Varint code = get_varint_strict(bytes);
  if (code.state != Varint::State::ok) return fail(ErrorCode::bad_request, "multihash code is not a varint");
  bytes = bytes.subspan(code.size);
  const Varint size = get_varint_strict(bytes);
  if (size.state != Varint::State::ok) return fail(ErrorCode::bad_request, "multihash length is not a varint");
  bytes = bytes.subspan(size.size);
  if (size.value > max_digest_bytes || size.value != bytes.size()) {
    return fail(ErrorCode::bad_request, "multihash length is not that of its digest");
  }
  if (code.value == multihash_sha2_256 && bytes.size() != crypto_hash_sha256_BYTES) {
    return fail(ErrorCode::bad_request, "a sha2-256 digest has 32 bytes");
  }
  return Multihash{code.value, bytes};
}

Bytes encode_multihash(std::uint64_t code, View digest) {
  Bytes bytes;
  bytes.reserve(digest.size() + 2 * max_varint_size);
  put_varint(bytes, code);
  put_varint(bytes, digest.size());
  bytes.insert(bytes.end(), digest.begin(), digest.end());
  return bytes;
}

Bytes sha2_256_multihash(View content) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), content.data(), content.size());
  return encode_multihash(multihash_sha2_256, digest);
}

}  // namespace myelin::identity
