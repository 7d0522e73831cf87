// Signed peer records: a peer's addresses, in an envelope that only the peer can have made (libp2p RFC 0002, RFC 0003).
//
// The signature covers, each behind its uvarint length: the domain "libp2p-peer-record", the payload type 03 01, and
// the payload as sent. Thread: values.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "identity/keys.hpp"
#include "libp2p/multiaddr.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace myelin::libp2p {

inline constexpr std::size_t max_record_addresses = 64;

struct PeerRecord {
  identity::PeerId peer;
  std::uint64_t sequence = 0;  // a higher one replaces a lower one
  std::vector<Multiaddr> addresses;
};

// The envelope. REQUIRES: record.peer is the key's.
Bytes seal_peer_record(const PeerRecord& record, const identity::KeyPair& key);
// Errors: bad_request (malformed, another payload type, bad signature, or a record of another peer than the signer).
// Addresses that are malformed or beyond max_record_addresses are left out.
Result<PeerRecord> open_peer_record(View envelope);

}  // namespace myelin::libp2p
