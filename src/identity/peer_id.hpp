// Peer IDs: the multihash of a public key, libp2p's name of a node (specs/peer-ids).
//
// Invariants: a PeerId holds a well-formed multihash: identity (00) with at most 42 bytes of digest that decode as a
// public key message, or sha2-256 (12 20) with 32 bytes. Two spellings of one peer compare equal, as the bytes are
// compared, never the text. Thread: values.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace myelin::identity {

class PeerId {
 public:
  PeerId() = default;  // empty; not a peer

  // From the bytes of a multihash. Errors: bad_request.
  static Result<PeerId> from_bytes(View multihash);
  // From text: base58btc ("12D3Koo…", "16Uiu2…", "Qm…") or CIDv1 with codec libp2p-key 0x72 in base32, base36,
  // base58btc or base16 (multibase prefix). Errors: bad_request.
  static Result<PeerId> parse(std::string_view text);
  // From a serialized PublicKey protobuf (keys.hpp).
  static PeerId of_public_key(View public_key_message);

  View bytes() const { return bytes_; }
  std::string to_string() const;      // base58btc
  std::string to_cid_string() const;  // CIDv1, base36
  bool empty() const { return bytes_.empty(); }
  // Stable across programs and runs: names the shard that owns the connection.
  std::uint64_t stable_hash() const;

  friend auto operator<=>(const PeerId&, const PeerId&) = default;

 private:
  Bytes bytes_;
};

}  // namespace myelin::identity

template <>
struct std::hash<myelin::identity::PeerId> {
  std::size_t operator()(const myelin::identity::PeerId& id) const noexcept { return id.stable_hash(); }
};
