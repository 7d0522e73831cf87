// The set-up that the papers' experiments share, with few nodes.
#include "sim/papers/overlay_world.hpp"

#include <chrono>
#include <gtest/gtest.h>

namespace myelin::sim::papers {
namespace {

using protocol::Broadcaster;
using std::chrono::seconds;

OverlayWorld::MakeBroadcaster plumtree() {
  return [] { return protocol::make_plumtree({.timeout1 = seconds(3)}); };
}

// Payloads of one broadcast.
std::uint64_t payloads(OverlayWorld& world) {
  const Broadcaster::Traffic before = world.traffic();
  EXPECT_EQ(world.broadcast(world.random_live()).reliability(), 1);
  return world.traffic().payload - before.payload;
}

TEST(OverlayWorld, CountsLinksOnceAndThoseThatStayNotAgain) {
  OverlayWorld world(60, 3, Overlay::hyparview, plumtree());
  world.build(30);
  const std::size_t links = world.new_links();
  EXPECT_GT(links, 60u * 4 / 2);
  EXPECT_LE(links, 60u * 5 / 2);
  EXPECT_EQ(world.new_links(), 0u);
  world.crash_count(6);
  world.settle(seconds(30));
  EXPECT_GT(world.new_links(), 0u) << "the survivors replaced what they lost";
}

// What a payload too many comes from: a link that the cycle before has made, and from nothing else.
TEST(OverlayWorld, PayloadsTooManyComeFromNewLinksAlone) {
  constexpr std::size_t nodes = 1'000;
  std::size_t with_links = 0, too_many = 0;
  for (const std::uint64_t seed : {1, 2, 3}) {
    OverlayWorld world(nodes, seed, Overlay::hyparview, plumtree());
    world.build(0);  // places are free: the cycles fill them, and then all is at rest
    for (int i = 0; i < 2; ++i) (void)payloads(world);
    (void)world.new_links();
    for (int i = 0; i < 15; ++i) {
      world.cycle();
      const std::size_t links = world.new_links();
      const std::uint64_t got = payloads(world);
      EXPECT_GE(got, nodes - 1);
      EXPECT_LE(got, nodes - 1 + 2 * links) << "seed " << seed << ", broadcast " << i;
      with_links += links > 0 ? 1 : 0;
      too_many += got > nodes - 1 ? 1 : 0;
    }
  }
  EXPECT_GT(with_links, 0u) << "else this shows nothing";
  EXPECT_GT(too_many, 0u);
}

}  // namespace
}  // namespace myelin::sim::papers
