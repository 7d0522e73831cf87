#include "libp2p/peerstore.hpp"

#include "identity/keys.hpp"

#include <gtest/gtest.h>
#include <string>

namespace myelin::libp2p {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1h};

identity::PeerId peer(std::uint32_t number) {
  std::array<std::uint8_t, 32> seed{};
  for (int i = 0; i < 4; ++i) seed[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> (8 * i));
  return identity::KeyPair::ed25519(seed).peer_id();
}

Multiaddr address(int number) { return *Multiaddr::parse("/ip4/10.0.0.1/tcp/" + std::to_string(number)); }

TEST(Peerstore, AddressesExpire) {
  Peerstore store;
  store.add(peer(1), {address(1)}, start + 10s, start);
  store.add(peer(1), {address(2)}, std::nullopt, start);
  EXPECT_EQ(store.addresses(peer(1), start), (std::vector{address(2), address(1)}));
  EXPECT_EQ(store.addresses(peer(1), start + 10s), std::vector{address(2)});
  EXPECT_TRUE(store.addresses(peer(2), start).empty());
}

TEST(Peerstore, RenewalNeverShortens) {
  Peerstore store;
  store.add(peer(1), {address(1)}, start + 10s, start);
  store.add(peer(1), {address(1)}, start + 20s, start);
  store.add(peer(1), {address(1)}, start + 5s, start);
  EXPECT_EQ(store.addresses(peer(1), start + 19s).size(), 1u);
  store.add(peer(1), {address(1)}, std::nullopt, start);
  store.add(peer(1), {address(1)}, start + 20s, start);
  EXPECT_EQ(store.addresses(peer(1), start + 1000h).size(), 1u);
}

TEST(Peerstore, AddressesOfOthersAreLeftOut) {
  Peerstore store;
  store.add(peer(1), {address(1).with_peer(peer(2)), Multiaddr(), address(3).with_peer(peer(1))}, std::nullopt, start);
  EXPECT_EQ(store.addresses(peer(1), start), std::vector{address(3)});
}

TEST(Peerstore, AddressesOfOnePeerAreBounded) {
  Peerstore store;
  store.add(peer(1), {address(1)}, std::nullopt, start);
  for (int i = 2; i < 300; ++i) store.add(peer(1), {address(i)}, start + std::chrono::seconds(i), start);
  const auto known = store.addresses(peer(1), start);
  EXPECT_EQ(known.size(), Peerstore::max_addresses);
  EXPECT_EQ(known[0], address(1));    // pinned
  EXPECT_EQ(known[1], address(299));  // the longest
}

TEST(Peerstore, PeersAreBounded) {
  Peerstore store;
  store.add(peer(0), {address(1)}, std::nullopt, start);
  const auto size = static_cast<std::uint32_t>(Peerstore::max_peers);
  for (std::uint32_t i = 1; i < size + 10; ++i) {
    store.add(peer(i), {address(1)}, start + std::chrono::seconds(i), start);
  }
  EXPECT_EQ(store.size(), Peerstore::max_peers);
  EXPECT_FALSE(store.addresses(peer(0), start).empty());
  EXPECT_TRUE(store.addresses(peer(1), start).empty());  // the soonest to expire went first
  EXPECT_FALSE(store.addresses(peer(size + 9), start).empty());
  EXPECT_EQ(store.peers(start).size(), Peerstore::max_peers);
  EXPECT_EQ(store.peers(start + std::chrono::hours(10)).size(), 1u);
}

}  // namespace
}  // namespace myelin::libp2p
