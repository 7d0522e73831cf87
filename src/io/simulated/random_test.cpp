#include "io/simulated/random.hpp"

#include <array>
#include <gtest/gtest.h>
#include <set>

namespace myelin::io::simulated {
namespace {

TEST(SimulatedRandom, SameSeedSameSequenceAcrossPrograms) {
  // xoshiro256** over a state filled by splitmix64 from 42, computed apart from this code.
  Random random(42);
  EXPECT_EQ(random.next(), 0x15780b2e0c2ec716U);
  EXPECT_EQ(random.next(), 0x6104d9866d113a7eU);
  EXPECT_EQ(random.next(), 0xae17533239e499a1U);
}

TEST(SimulatedRandom, BelowStaysBelowAndReachesAll) {
  Random random(7);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.below(5));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(random.below(1), 0U);
}

TEST(SimulatedRandom, ChanceFollowsItsProbability) {
  Random random(9);
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) hits += random.chance(0.3) ? 1 : 0;
  EXPECT_GT(hits, 2800);
  EXPECT_LT(hits, 3200);
}

TEST(SimulatedRandom, CertainChancesDrawNothing) {
  Random used(3);
  Random fresh(3);
  EXPECT_FALSE(used.chance(0));
  EXPECT_TRUE(used.chance(1));
  EXPECT_EQ(used.up_to(Duration{}), Duration{});
  EXPECT_EQ(used.next(), fresh.next());
}

TEST(SimulatedRandom, UpToIncludesBothEnds) {
  Random random(1);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(random.up_to(Duration(3)).count());
  EXPECT_EQ(seen, (std::set<std::int64_t>{0, 1, 2, 3}));
}

TEST(SimulatedRandom, FillIsTheSequenceInLittleEndian) {
  Random words(5);
  Random bytes(5);
  std::array<std::uint8_t, 11> out{};
  bytes.fill(out);
  const std::uint64_t first = words.next();
  const std::uint64_t second = words.next();
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(out[i], static_cast<std::uint8_t>(first >> (8 * i)));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(out[8 + i], static_cast<std::uint8_t>(second >> (8 * i)));
}

TEST(SimulatedRandom, DerivedSeedsDiffer) {
  std::set<std::uint64_t> seeds;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (std::uint64_t index = 0; index < 100; ++index) {
      seeds.insert(derive_seed(seed, Purpose::entropy, index));
      seeds.insert(derive_seed(seed, Purpose::connection, index));
    }
  }
  EXPECT_EQ(seeds.size(), 2000U);
}

}  // namespace
}  // namespace myelin::io::simulated
