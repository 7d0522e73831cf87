#include "glia/peer_budget.hpp"

#include <array>
#include <gtest/gtest.h>

namespace myelin::glia {
namespace {

using Answer = PeerBudget::Answer;

identity::PeerId peer(std::uint32_t n) {
  std::array<std::uint8_t, 34> hash{0x12, 0x20};
  for (int i = 0; i < 4; ++i) hash[static_cast<std::size_t>(2 + i)] = static_cast<std::uint8_t>(n >> (8 * i));
  return *identity::PeerId::from_bytes(hash);
}

Instant at_ms(int ms) { return Instant(std::chrono::milliseconds(ms)); }

TEST(PeerBudget, ABurstThenTheRate) {
  PeerBudget budget(10, 3, 100);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(budget.enter(peer(1), at_ms(0)), Answer::ok);
  EXPECT_EQ(budget.enter(peer(1), at_ms(0)), Answer::too_fast);
  EXPECT_EQ(budget.enter(peer(1), at_ms(99)), Answer::too_fast);
  EXPECT_EQ(budget.enter(peer(1), at_ms(200)), Answer::ok);
  EXPECT_EQ(budget.enter(peer(2), at_ms(200)), Answer::ok) << "peers do not share";
}

TEST(PeerBudget, PlacesAreGivenBack) {
  PeerBudget budget(0, 1, 2);
  EXPECT_EQ(budget.enter(peer(1), at_ms(0)), Answer::ok);
  EXPECT_EQ(budget.enter(peer(1), at_ms(0)), Answer::ok);
  EXPECT_EQ(budget.enter(peer(1), at_ms(0)), Answer::too_many);
  budget.leave(peer(1), at_ms(0));
  EXPECT_EQ(budget.under_way(peer(1)), 1u);
  EXPECT_EQ(budget.enter(peer(1), at_ms(0)), Answer::ok);
}

TEST(PeerBudget, AQuietPeerIsForgotten) {
  PeerBudget budget(10, 3, 2);
  EXPECT_EQ(budget.enter(peer(1), at_ms(0)), Answer::ok);
  budget.leave(peer(1), at_ms(1000));
  EXPECT_EQ(budget.peers(), 0u);
}

TEST(PeerBudget, ManyPeersStayBounded) {
  PeerBudget budget(0.001, 2, 2);
  for (std::uint32_t n = 0; n < 3 * PeerBudget::max_peers; ++n) {
    ASSERT_EQ(budget.enter(peer(n), at_ms(0)), Answer::ok);
    budget.leave(peer(n), at_ms(0));
  }
  EXPECT_LE(budget.peers(), PeerBudget::max_peers);
}

TEST(PeerBudget, BothAreLimit) {
  EXPECT_EQ(to_error(Answer::too_fast).code, ErrorCode::limit);
  EXPECT_EQ(to_error(Answer::too_many).code, ErrorCode::limit);
}

}  // namespace
}  // namespace myelin::glia
