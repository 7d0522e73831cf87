// identify: what peers tell each other about themselves after connecting, `/ipfs/id/1.0.0`, and again when it changes,
// `/ipfs/id/push/1.0.0` (libp2p specs, identify/README.md).
//
// The teller sends one or several uvarint-delimited messages and ends the stream; the reader merges them: repeated
// fields add up, single ones are replaced. Pure; nothing here is believed: addresses are hints, and a signed record
// counts only if envelope key, record and the authenticated peer of the connection are one (CVE-2023-40583).
// Invariants of an Identity that was read: at most max_protocols, max_addresses, and texts of max_text_bytes without
// control characters. Thread: values.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "identity/keys.hpp"
#include "libp2p/multiaddr.hpp"
#include "libp2p/peer_record.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::libp2p::identify {

inline constexpr std::string_view protocol_id = "/ipfs/id/1.0.0";
inline constexpr std::string_view push_protocol_id = "/ipfs/id/push/1.0.0";
inline constexpr std::string_view protocol_version = "ipfs/0.1.0";

inline constexpr std::size_t max_messages = 10;
inline constexpr std::size_t max_protocols = 1024;
inline constexpr std::size_t max_addresses = 64;
inline constexpr std::size_t max_text_bytes = 256;
inline constexpr std::size_t max_own_message_bytes = 4096;  // rust-libp2p reads no more

struct Identity {
  std::vector<Multiaddr> addresses;
  std::vector<std::string> protocols;
  std::optional<Multiaddr> observed;
  std::string version;
  std::string agent;
  std::optional<PeerRecord> record;  // of the peer itself, its signature verified
};

// Our own message, delimited. What would make it larger than max_own_message_bytes is left out: the signed record
// first, then the last addresses and protocols.
Bytes encode(const Identity& own, const identity::KeyPair& key, std::uint64_t sequence);

// Reads the peer's messages from a stream.
class Reader {
 public:
  // `peer`: the authenticated peer of the connection.
  explicit Reader(identity::PeerId peer) : peer_(std::move(peer)) {}

  // Takes all of `in`. Errors: too_large (a message over limits::identify_message_bytes, refused at its length; more
  // than max_messages), protocol (malformed, the key of another peer). After an error nothing more is taken.
  Result<void> receive(Rope in);
  // At the end of the stream. Errors: protocol (it ended inside a message, or there was none).
  Result<Identity> finish();

 private:
  Result<void> merge(View message);

  identity::PeerId peer_;
  Bytes pending_;
  std::size_t messages_ = 0;
  Identity identity_;
};

}  // namespace myelin::libp2p::identify
