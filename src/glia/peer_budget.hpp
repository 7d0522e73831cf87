// What one peer may ask of this node: calls per second (a token bucket) and calls under way at a time.
//
// Bounded: a peer is remembered only while it has calls under way or its bucket is not full again; over max_peers the
// longest quiet of those without calls is forgotten. Pure: `now` is an argument. Thread: one at a time.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "identity/peer_id.hpp"

#include <cstddef>
#include <cstdint>
#include <map>

namespace myelin::glia {

class PeerBudget {
 public:
  static constexpr std::size_t max_peers = 4096;

  // `calls_per_second` 0: no rate limit. `burst`: tokens of a full bucket, at least 1.
  PeerBudget(double calls_per_second, std::uint32_t burst, std::uint32_t calls_under_way)
      : rate_(calls_per_second), burst_(burst < 1 ? 1 : burst), under_way_(calls_under_way) {}

  enum class Answer : std::uint8_t { ok, too_fast, too_many };
  // Takes a token and, if ok, a place; leave() gives the place back.
  Answer enter(const identity::PeerId& peer, Instant now);
  void leave(const identity::PeerId& peer, Instant now);
  // Calls under way of `peer`.
  std::uint32_t under_way(const identity::PeerId& peer) const;
  std::size_t peers() const { return peers_.size(); }

 private:
  struct Peer {
    double tokens = 0;
    Instant filled;
    std::uint32_t calls = 0;
  };
  void fill(Peer& peer, Instant now) const;
  void make_room(Instant now);

  double rate_;
  std::uint32_t burst_;
  std::uint32_t under_way_;
  std::map<identity::PeerId, Peer> peers_;
};

// The `limit` error that says which.
Error to_error(PeerBudget::Answer answer);

}  // namespace myelin::glia
