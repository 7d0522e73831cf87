#include "libp2p/static_peers.hpp"

#include "base/log.hpp"
#include "io/sync.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace myelin::libp2p {

namespace {

constexpr Duration first_delay = std::chrono::seconds(1);
constexpr Duration last_delay = std::chrono::minutes(5);
constexpr Duration steady = std::chrono::seconds(10);
constexpr Duration look_again = std::chrono::hours(1);

Duration with_jitter(Duration delay, std::uint64_t random) {
  const Duration quarter = delay / 4;
  return delay - quarter +
         Duration(static_cast<std::int64_t>(random % static_cast<std::uint64_t>(2 * quarter.count())));
}

}  // namespace

Duration redial_delay(std::uint32_t failures) {
  Duration delay = first_delay;
  for (std::uint32_t i = 0; i < failures && delay < last_delay; ++i) delay *= 2;
  return std::min(delay, last_delay);
}

io::Task<void> StaticPeers::keep_connected(Multiaddr address) {
  const identity::PeerId peer = *address.peer();
  std::uint32_t failures = 0;
  while (!scope_.token().fired()) {
    std::vector<Multiaddr> addresses;
    addresses.push_back(address);
    auto link = co_await swarm_.reach(peer, std::move(addresses), scope_.token());
    if (link) {
      const Instant since = loop_.now();
      while ((*link)->connection != nullptr && !scope_.token().fired()) {
        (void)co_await (*link)->closed.wait_until(loop_.now() + look_again, scope_.token());  // the loop looks itself
      }
      if (scope_.token().fired()) co_return;
      if (swarm_.link(peer)) continue;  // another connection of the peer is in use
      if (loop_.now() - since >= steady) failures = 0;
      log::info("libp2p", "lost a static peer", {{"peer", peer.to_string()}, {"why", to_string((*link)->why)}});
    } else if (failures == 0) {
      log::warn("libp2p", "a static peer is not reached",
                {{"address", address.to_string()}, {"why", to_string(link.error())}});
    }
    const Duration pause = with_jitter(redial_delay(failures), loop_.random_u64());
    failures = std::min(failures + 1, std::uint32_t{32});
    if (auto slept = co_await io::sleep_for(loop_, pause, scope_.token()); !slept) co_return;
  }
}

}  // namespace myelin::libp2p
