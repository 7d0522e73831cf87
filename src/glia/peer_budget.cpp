#include "glia/peer_budget.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace myelin::glia {

void PeerBudget::fill(Peer& peer, Instant now) const {
  const double seconds = std::chrono::duration<double>(now - peer.filled).count();
  peer.tokens = std::min<double>(burst_, peer.tokens + std::max(0.0, seconds) * rate_);
  peer.filled = now;
}

void PeerBudget::make_room(Instant now) {
  for (auto it = peers_.begin(); it != peers_.end();) {
    fill(it->second, now);
    const bool idle = it->second.calls == 0 && (rate_ <= 0 || it->second.tokens >= burst_);
    it = idle ? peers_.erase(it) : std::next(it);
  }
  while (peers_.size() >= max_peers) {
    auto victim = peers_.end();
    for (auto it = peers_.begin(); it != peers_.end(); ++it) {
      if (it->second.calls == 0 && (victim == peers_.end() || it->second.tokens > victim->second.tokens)) victim = it;
    }
    if (victim == peers_.end()) return;  // all have calls under way: their number is bounded by the host's streams
    peers_.erase(victim);
  }
}

PeerBudget::Answer PeerBudget::enter(const identity::PeerId& peer, Instant now) {
  auto it = peers_.find(peer);
  if (it == peers_.end()) {
    if (peers_.size() >= max_peers) make_room(now);
    it = peers_.emplace(peer, Peer{static_cast<double>(burst_), now, 0}).first;
  }
  Peer& entry = it->second;
  fill(entry, now);
  if (rate_ > 0) {
    if (entry.tokens < 1) return Answer::too_fast;
    entry.tokens -= 1;
  }
  if (entry.calls >= under_way_) return Answer::too_many;
  ++entry.calls;
  return Answer::ok;
}

void PeerBudget::leave(const identity::PeerId& peer, Instant now) {
  const auto it = peers_.find(peer);
  MYELIN_CHECK(it != peers_.end() && it->second.calls > 0, "a place is given back once");
  --it->second.calls;
  fill(it->second, now);
  if (it->second.calls == 0 && (rate_ <= 0 || it->second.tokens >= burst_)) peers_.erase(it);
}

std::uint32_t PeerBudget::under_way(const identity::PeerId& peer) const {
  const auto it = peers_.find(peer);
  return it == peers_.end() ? 0 : it->second.calls;
}

Error to_error(PeerBudget::Answer answer) {
  return {ErrorCode::limit,
          answer == PeerBudget::Answer::too_fast ? "too many calls per second from this peer"
                                                 : "too many calls of this peer under way",
          0};
}

}  // namespace myelin::glia
