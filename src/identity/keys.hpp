// Keys: all four libp2p types are read and verified; Ed25519 is made and written (specs/peer-ids).
//
// Keys travel as protobuf `{KeyType Type = 1; bytes Data = 2}`, encoded deterministically. Ed25519 by libsodium, RSA
// and ECDSA by OpenSSL, secp256k1 by libsecp256k1 (low-S normalised, DER signatures over SHA-256). RSA keys over 8192
// bits are refused before any arithmetic (CVE-2023-39533); under 2048 bits too. ECDSA keys are on P-256, P-384 or
// P-521. Only the canonical encoding of a key is read, so that one key has one peer ID.
//
// Thread: values; a KeyPair wipes its secret when destroyed.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "identity/peer_id.hpp"
#include "identity/secret.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace myelin::identity {

enum class KeyType : std::uint8_t { rsa = 0, ed25519 = 1, secp256k1 = 2, ecdsa = 3 };

class PublicKey {
 public:
  PublicKey() = default;
  // From the protobuf message. Errors: bad_request (not a key, unknown type, wrong length, RSA out of range).
  static Result<PublicKey> decode(View message);

  KeyType type() const { return type_; }
  View message() const { return message_; }  // the protobuf, as decoded keys were encoded canonically
  PeerId peer_id() const { return PeerId::of_public_key(message_); }
  // Whether `signature` is this key's over `data`.
  bool verify(View data, View signature) const;

  friend bool operator==(const PublicKey& a, const PublicKey& b) { return a.message_ == b.message_; }

 private:
  friend class KeyPair;
  PublicKey(KeyType type, View data);
  KeyType type_ = KeyType::ed25519;
  Bytes data_;
  Bytes message_;
};

class KeyPair {
 public:
  KeyPair() = default;  // no key: encodes to nothing, signs nothing

  // Ed25519 from 32 bytes of entropy (RFC 8032 §5.1.5).
  static KeyPair ed25519(const std::array<std::uint8_t, 32>& seed);
  // From a private-key protobuf: Ed25519 (64 or legacy 96 bytes), secp256k1 (32), ECDSA (DER), RSA (PKCS #1 DER).
  // Errors: bad_request.
  static Result<KeyPair> decode(View message);

  KeyType type() const { return type_; }
  const PublicKey& public_key() const { return public_; }
  PeerId peer_id() const { return public_.peer_id(); }
  // The private-key protobuf. Ed25519: 68 bytes `08 01 12 40` + seed + public key.
  Bytes encode() const;
  // Ed25519 and secp256k1 (RFC 6979) signatures of the same data are the same; ECDSA's differ from call to call.
  // REQUIRES: not a default-made KeyPair.
  Bytes sign(View data) const;

 private:
  KeyPair(KeyType type, View secret, PublicKey public_key);

  KeyType type_ = KeyType::ed25519;
  SecretBytes secret_;  // the Data field of the private-key message
  PublicKey public_;
};

}  // namespace myelin::identity
