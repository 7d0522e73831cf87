// Cyclon, message by message; as an overlay of many nodes it is tested in the simulator.
#include "protocol/overlays/cyclon.hpp"

#include "protocol/overlays/scripted_context_test.hpp"

#include <gtest/gtest.h>
#include <set>

namespace myelin::protocol {
namespace {

using cyclon::JoinPlace;
using cyclon::JoinRequest;
using cyclon::JoinWalk;
using cyclon::ShuffleAnswer;
using cyclon::ShuffleRequest;
using std::chrono::seconds;

class CyclonTest : public testing::Test {
 protected:
  CyclonTest() : node({.contacts = {host(7)}, .view_size = 4, .shuffle_length = 3}), ctx(node, host(100)) {
    node.init(ctx.context);
  }
  void fill(std::uint16_t first, std::uint16_t count) {
    ctx.connected(host(7));
    for (const Host& each : hosts(first, count)) {
      ctx.sessions.insert(each);
      ctx.receive(JoinPlace{{each, 1}}, host(7));
    }
    ctx.clear();
  }
  bool has(std::uint16_t port) { return contains(node.active_view(), host(port)); }

  Cyclon node;
  ScriptedContext ctx;
};

TEST_F(CyclonTest, JoinsThroughItsContact) {
  EXPECT_EQ(ctx.connects, hosts(7, 1));
  ctx.connected(host(7));
  EXPECT_EQ(ctx.receivers<JoinRequest>(), hosts(7, 1));
  ctx.receive(JoinPlace{{host(3), 2}}, host(9));
  EXPECT_TRUE(has(3));
}

TEST_F(CyclonTest, TheContactStartsAWalkForEachPlace) {
  fill(1, 4);
  ctx.receive(JoinRequest{}, host(9));
  EXPECT_EQ(ctx.receivers<JoinWalk>().size(), 4u);
  EXPECT_EQ(ctx.last<JoinWalk>().joiner, host(9));
  EXPECT_EQ(ctx.last<JoinWalk>().ttl, 4);
}

TEST_F(CyclonTest, AWalkEndsInAnExchangeOfPlaces) {
  fill(1, 4);
  ctx.sessions.insert(host(9));
  ctx.receive(JoinWalk{host(9), 0}, host(1));
  EXPECT_TRUE(has(9));
  ASSERT_EQ(ctx.receivers<JoinPlace>(), hosts(9, 1));
  EXPECT_FALSE(has(ctx.last<JoinPlace>().entry.host.port)) << "the joiner got the place that it took";
  EXPECT_EQ(node.active_view().size(), 4u);
  ctx.receive(JoinWalk{host(9), 0}, host(2));
  EXPECT_EQ(ctx.receivers<JoinPlace>().size(), 1u) << "it is there";
}

TEST_F(CyclonTest, AFreePlaceIsGivenForItself) {
  fill(1, 2);
  ctx.sessions.insert(host(9));
  ctx.receive(JoinWalk{host(9), 0}, host(1));
  EXPECT_EQ(ctx.last<JoinPlace>().entry.host, host(100));
  ctx.receive(JoinWalk{host(100), 0}, host(1));
  EXPECT_FALSE(has(100)) << "never itself";
}

TEST_F(CyclonTest, ACycleExchangesWithTheOldest) {
  fill(1, 3);
  ctx.receive(JoinPlace{{host(5), 9}}, host(7));
  ctx.sessions.insert(host(5));
  node.cycle();
  ASSERT_EQ(ctx.receivers<ShuffleRequest>(), hosts(5, 1));
  const auto& entries = ctx.last<ShuffleRequest>().entries;
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries.back(), (CyclonEntry{host(100), 0}));
  EXPECT_FALSE(has(5)) << "its place is for what comes";
  ctx.receive(ShuffleAnswer{{{host(21), 0}, {host(22), 4}, {host(100), 3}}}, host(5));
  EXPECT_TRUE(has(21));
  EXPECT_TRUE(has(22));
  EXPECT_EQ(node.active_view().size(), 4u);
}

TEST_F(CyclonTest, AnswersWithItsOwnAndTakesWhatItGot) {
  fill(1, 4);
  ctx.sessions.insert(host(9));
  ctx.receive(ShuffleRequest{{{host(31), 0}, {host(32), 0}, {host(9), 0}}}, host(9));
  ASSERT_EQ(ctx.receivers<ShuffleAnswer>(), hosts(9, 1));
  EXPECT_EQ(ctx.last<ShuffleAnswer>().entries.size(), 3u);
  for (std::uint16_t port : {31, 32, 9}) EXPECT_TRUE(has(port)) << port;
  EXPECT_EQ(node.active_view().size(), 4u);
  std::set<Host> distinct;
  for (const Host& each : node.active_view()) distinct.insert(each);
  EXPECT_EQ(distinct.size(), 4u);
}

TEST_F(CyclonTest, ALongerListThanItsOwnIsRefused) {
  fill(1, 4);
  std::vector<CyclonEntry> many;
  for (const Host& each : hosts(200, 50)) many.push_back({each, 0});
  ctx.receive(ShuffleRequest{many}, host(1));
  ctx.receive(ShuffleAnswer{many}, host(1));
  EXPECT_FALSE(has(200));
}

TEST_F(CyclonTest, AnUnreachablePartnerIsGone) {
  fill(1, 3);
  ctx.sessions.clear();
  node.cycle();
  ASSERT_EQ(ctx.connects.size(), 1u);
  ctx.failed(ctx.connects[0]);
  EXPECT_EQ(node.active_view().size(), 2u);
  EXPECT_EQ(ctx.disconnects.size(), 1u);
}

TEST_F(CyclonTest, AnEmptyViewJoinsAgain) {
  ctx.failed(host(7));
  ctx.clear();
  node.cycle();
  EXPECT_EQ(ctx.connects, hosts(7, 1));
}

TEST_F(CyclonTest, GivesPeersAndShufflesByItsClock) {
  fill(1, 4);
  EXPECT_EQ((ctx.ask<GetPeers, Peers>({2, host(1)}))->hosts.size(), 2u);
  EXPECT_EQ((ctx.ask<GetPeers, Peers>({0, host(1)}))->hosts.size(), 3u);
  ctx.advance(seconds(11));
  EXPECT_EQ(ctx.receivers<ShuffleRequest>().size(), 1u);
}

}  // namespace
}  // namespace myelin::protocol
