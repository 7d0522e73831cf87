// Noise's CipherState over ChaCha20-Poly1305 (Noise specification rev. 34 §5.1 and §12.3; RFC 8439).
//
// Invariants: a nonce is used once: the counter moves with every success, and ends before 2^64-1, which the
// specification reserves. After a failed decryption the counter stands where it stood. The key is set up once; each
// message sets the nonce alone. The key is wiped. Thread: used by one thread at a time; may be moved to another.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "identity/secret.hpp"

#include <cstdint>
#include <memory>

struct evp_cipher_ctx_st;

namespace myelin::libp2p::noise {

inline constexpr std::size_t key_bytes = 32;
inline constexpr std::size_t tag_bytes = 16;
using Key = identity::SecretArray<key_bytes>;

class CipherState {
 public:
  enum class Direction : std::uint8_t { seal, open };
  // `nonce` is 0 but in tests.
  CipherState(Direction direction, const Key& key, std::uint64_t nonce = 0);

  std::uint64_t nonce() const { return nonce_; }

  // Seals what is passed in pieces into one message. `out` holds as many bytes as all pieces plus tag_bytes; it may be
  // the very memory of a single piece. Errors: limit (no nonce is left). REQUIRES: direction seal.
  Result<void> seal(View associated, std::span<const View> pieces, std::uint8_t* out);
  // Opens a message whose last tag_bytes are the tag, passed apart from the ciphertext pieces. `out` as in seal,
  // without the tag. Errors: protocol (not authentic; `out` then holds bytes that must not be used), limit. REQUIRES:
  // direction open.
  Result<void> open(View associated, std::span<const View> pieces, View tag, std::uint8_t* out);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  Result<void> begin(View associated);

  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
  std::uint64_t nonce_;
  Direction direction_;
};

}  // namespace myelin::libp2p::noise
