// The payload of libp2p's Noise messages 2 and 3 (libp2p specs, noise/README.md): the identity key, its signature over
// the static key of the handshake, and the extensions.
//
// Invariants: a decoded payload's key keeps within limits::protobuf_key_bytes and its lists within `max_muxers` entries
// of at most a multistream protocol's length; more is an error, never cut. Thread: free functions on values.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "libp2p/noise_xx.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace myelin::libp2p::noise {

inline constexpr std::size_t max_muxers = 32;

struct Payload {
  Bytes identity_key;               // PublicKey protobuf
  Bytes identity_signature;         // over signed_bytes() of the sender's static key
  std::vector<std::string> muxers;  // empty: no extension
};

// What the identity key signs: "noise-libp2p-static-key:" and the static public key.
Bytes signed_bytes(const DhPublic& static_public);

Bytes encode_payload(const Payload& payload);
// Unknown fields and certificate hashes are passed over. Errors: protocol (no payload, field missing or over its
// limit).
Result<Payload> decode_payload(View bytes);

}  // namespace myelin::libp2p::noise
