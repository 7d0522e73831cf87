// The handshake Noise_XX_25519_ChaChaPoly_SHA256 with any payloads and prologue (Noise specification rev. 34 §5, §7.5).
//
//   -> e
//   <- e, ee, s, es
//   -> s, se
//
// Knows nothing of libp2p: noise.hpp puts libp2p's payloads and framing around it. Messages are without length prefix.
// Invariants: messages alternate, the initiator writes the first; all secrets are wiped; a public key that gives an
// all-zero shared secret is refused. Thread: one thread at a time.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "libp2p/noise_cipher.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace myelin::libp2p::noise {

enum class Role : std::uint8_t { initiator, responder };

using DhPublic = std::array<std::uint8_t, 32>;

// X25519 of a secret with the base point (RFC 7748 §6.1).
DhPublic dh_public(const Key& secret);

class XX {
 public:
  // Both secrets are X25519 scalars, any 32 random bytes; the ephemeral one never used before.
  XX(Role role, const Key& static_secret, const Key& ephemeral_secret, View prologue);

  // The next message, with `payload` in it (encrypted but in the first). Errors: too_large (over 65535 bytes),
  // protocol (the peer's key is of low order). REQUIRES: it is this side's turn.
  Result<Bytes> write(View payload);
  // Takes the peer's next message and gives its payload. Errors: protocol (too short, not authentic, low-order key).
  // REQUIRES: it is the peer's turn.
  Result<Bytes> read(View message);

  bool my_turn() const;
  bool finished() const { return messages_ == 3; }
  const DhPublic& static_public() const { return static_public_; }
  // REQUIRES: the message that carries it was read (2 for the initiator, 3 for the responder).
  const DhPublic& remote_static() const;
  // The handshake hash; both sides have the same. REQUIRES: finished.
  const std::array<std::uint8_t, 32>& hash() const;

  struct Keys {
    Key send;
    Key receive;
  };
  // REQUIRES: finished.
  Keys split() const;

 private:
  void mix_hash(View data);
  void mix_key(View input);
  Result<void> mix_dh(const Key& secret, const DhPublic& remote);
  Result<void> encrypt_and_hash(View plaintext, Bytes& out);
  Result<Bytes> decrypt_and_hash(View ciphertext);

  Role role_;
  Key static_secret_;
  Key ephemeral_secret_;
  DhPublic static_public_;
  DhPublic ephemeral_public_;
  DhPublic remote_ephemeral_{};
  std::optional<DhPublic> remote_static_;
  Key chaining_key_;
  std::array<std::uint8_t, 32> hash_{};
  std::optional<Key> key_;
  std::uint64_t nonce_ = 0;
  int messages_ = 0;  // written and read
};

}  // namespace myelin::libp2p::noise
