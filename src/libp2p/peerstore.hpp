// Peerstore: which addresses are known for which peer, and until when.
//
// Invariants: at most max_peers peers and max_addresses each; pinned addresses do not expire and are never pushed out
// by others; what is over goes in the order in which it would expire. Pure: `now` comes in. Thread: one.
#pragma once

#include "base/time.hpp"
#include "identity/peer_id.hpp"
#include "libp2p/multiaddr.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

namespace myelin::libp2p {

class Peerstore {
 public:
  static constexpr std::size_t max_peers = 4096;
  static constexpr std::size_t max_addresses = 64;

  // Adds addresses (without their /p2p) or renews them. `expires` empty: pinned. Addresses of another peer and empty
  // ones are left out.
  void add(const identity::PeerId& peer, const std::vector<Multiaddr>& addresses, std::optional<Instant> expires,
           Instant now);
  // What is known and has not expired: pinned first, then the latest to expire.
  std::vector<Multiaddr> addresses(const identity::PeerId& peer, Instant now) const;
  // Peers with an address, ordered.
  std::vector<identity::PeerId> peers(Instant now) const;
  std::size_t size() const { return peers_.size(); }

 private:
  struct Known {
    Multiaddr address;
    std::optional<Instant> expires;
  };
  using Entry = std::vector<Known>;

  void expire(Instant now);
  bool make_room(Instant now);

  std::map<identity::PeerId, Entry> peers_;
};

}  // namespace myelin::libp2p
