// StaticPeers: peers that the host keeps a connection to. Each is dialled at start, and again with back-off whenever
// the link is lost: after 1 s, doubling to 5 min, each with up to a quarter more or less of jitter. A link that has
// held for 10 s starts the back-off anew.
//
// Thread: the host's loop. Lifetime: its tasks run in the host's scope, which is joined before it is destroyed.
#pragma once

#include "base/time.hpp"
#include "io/loop.hpp"
#include "io/scope.hpp"
#include "libp2p/multiaddr.hpp"
#include "libp2p/swarm.hpp"

#include <cstdint>

namespace myelin::libp2p {

// The pause before attempt `failures` + 1, without jitter. Range 1 s to 5 min.
Duration redial_delay(std::uint32_t failures);

class StaticPeers {
 public:
  // All outlive the object.
  StaticPeers(io::Loop& loop, io::Scope& scope, Swarm& swarm) : loop_(loop), scope_(scope), swarm_(swarm) {}

  // REQUIRES: the address names a peer.
  void keep(Multiaddr address) { scope_.spawn(keep_connected(std::move(address))); }

 private:
  io::Task<void> keep_connected(Multiaddr address);

  io::Loop& loop_;
  io::Scope& scope_;
  Swarm& swarm_;
};

}  // namespace myelin::libp2p
