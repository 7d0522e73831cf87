#include "libp2p/peerstore.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace myelin::libp2p {

namespace {

Instant end_of(const std::optional<Instant>& expires) { return expires.value_or(Instant::max()); }

}  // namespace

void Peerstore::add(const identity::PeerId& peer, const std::vector<Multiaddr>& addresses,
                    std::optional<Instant> expires, Instant now) {
  if (expires && *expires <= now) return;
  if (!peers_.contains(peer) && peers_.size() >= max_peers && !make_room(now)) return;
  Entry& entry = peers_[peer];
  std::erase_if(entry, [now](const Known& known) { return end_of(known.expires) <= now; });
  for (const Multiaddr& address : addresses) {
    if (address.peer() && *address.peer() != peer) continue;
    Multiaddr bare = address.without_peer();
    if (bare.empty()) continue;
    const auto known = std::ranges::find(entry, bare, &Known::address);
    if (known != entry.end()) {
      if (end_of(known->expires) >= end_of(expires)) continue;
      entry.erase(known);
    }
    const auto place =
        std::ranges::find_if(entry, [&expires](const Known& other) { return end_of(other.expires) < end_of(expires); });
    entry.insert(place, Known{std::move(bare), expires});
  }
  if (entry.size() > max_addresses) entry.resize(max_addresses);
  if (entry.empty()) peers_.erase(peer);
}

std::vector<Multiaddr> Peerstore::addresses(const identity::PeerId& peer, Instant now) const {
  std::vector<Multiaddr> result;
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return result;
  for (const Known& known : found->second) {
    if (end_of(known.expires) > now) result.push_back(known.address);
  }
  return result;
}

std::vector<identity::PeerId> Peerstore::peers(Instant now) const {
  std::vector<identity::PeerId> result;
  for (const auto& [peer, entry] : peers_) {
    if (std::ranges::any_of(entry, [now](const Known& known) { return end_of(known.expires) > now; })) {
      result.push_back(peer);
    }
  }
  return result;
}

void Peerstore::expire(Instant now) {
  for (auto item = peers_.begin(); item != peers_.end();) {
    std::erase_if(item->second, [now](const Known& known) { return end_of(known.expires) <= now; });
    item = item->second.empty() ? peers_.erase(item) : std::next(item);
  }
}

bool Peerstore::make_room(Instant now) {
  expire(now);
  if (peers_.size() < max_peers) return true;
  auto first = peers_.end();
  for (auto item = peers_.begin(); item != peers_.end(); ++item) {
    // Entries are sorted, so that the first address is the one that lasts longest.
    if (!item->second.front().expires) continue;
    if (first == peers_.end() || *item->second.front().expires < *first->second.front().expires) first = item;
  }
  if (first == peers_.end()) return false;  // all are pinned
  peers_.erase(first);
  return true;
}

}  // namespace myelin::libp2p
