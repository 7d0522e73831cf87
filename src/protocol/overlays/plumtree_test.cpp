// Plumtree, message by message; as a tree of many nodes it is tested in the simulator.
#include "protocol/overlays/plumtree.hpp"

#include "protocol/overlays/sample.hpp"
#include "protocol/overlays/scripted_context_test.hpp"

#include <gtest/gtest.h>
#include <set>

namespace myelin::protocol {
namespace {

using plumtree::Gossip;
using plumtree::Graft;
using plumtree::IHave;
using plumtree::Prune;
using std::chrono::milliseconds;
using std::chrono::seconds;

Gossip gossip_of(std::uint64_t uid, std::uint32_t round) { return {{uid, uid}, round, Shared<Bytes>::of({1, 2, 3})}; }
IHave ihave_of(std::uint64_t uid, std::uint32_t round) { return {{{uid, uid}, round}, {}}; }

class PlumtreeTest : public testing::Test {
 protected:
  explicit PlumtreeTest(PlumtreeParameters parameters = {.timeout_jitter = 0, .max_payload = 100})
      : node(parameters), ctx(node, host(100)) {
    ctx.provided[detail::type_key<std::pair<GetPeers, Peers>>()] = [](const detail::Value&, detail::Respond&& respond) {
      respond(std::static_pointer_cast<const void>(std::make_shared<const Peers>(Peers{hosts(1, 2)})));
    };
    for (const Host& each : hosts(1, 5)) ctx.sessions.insert(each);
    node.init(ctx.context);
    ctx.notify(NeighborUp{host(2)});
    ctx.notify(NeighborUp{host(3)});
  }
  void prune(std::uint16_t port) { ctx.receive(Prune{}, host(port)); }
  bool eager(std::uint16_t port) { return protocol::contains(node.eager_push_peers(), host(port)); }
  bool lazy(std::uint16_t port) { return protocol::contains(node.lazy_push_peers(), host(port)); }

  Plumtree node;
  ScriptedContext ctx;
};

TEST_F(PlumtreeTest, StartsWithTheMembershipsPeersAsEagerOnes) {
  EXPECT_EQ(node.eager_push_peers(), hosts(1, 3)) << "none twice";
  EXPECT_TRUE(node.lazy_push_peers().empty());
}

TEST_F(PlumtreeTest, BroadcastsToAllAndDeliversItself) {
  prune(3);
  const auto accepted = ctx.ask<Broadcast, BroadcastAccepted>({{5, 6}});
  ASSERT_TRUE(accepted);
  EXPECT_EQ(ctx.receivers<Gossip>(), hosts(1, 2));
  EXPECT_EQ(ctx.receivers<IHave>(), hosts(3, 1));
  EXPECT_EQ(ctx.last<Gossip>().round, 1u);
  EXPECT_EQ(ctx.last<IHave>().first.round, 1u);
  const auto delivered = ctx.published<Delivered>();
  ASSERT_EQ(delivered.size(), 1u);
  EXPECT_EQ(delivered[0].id_high, accepted->id_high);
  EXPECT_EQ(delivered[0].hops, 0u);
  EXPECT_EQ(*delivered[0].payload, (Bytes{5, 6}));
}

TEST_F(PlumtreeTest, ForwardsOnceAndPrunesTheSecondSender) {
  ctx.receive(gossip_of(1, 4), host(1));
  EXPECT_EQ(ctx.receivers<Gossip>(), hosts(2, 2));
  EXPECT_EQ(ctx.last<Gossip>().round, 5u);
  ctx.receive(gossip_of(1, 4), host(2));
  EXPECT_EQ(ctx.receivers<Gossip>().size(), 2u);
  EXPECT_EQ(ctx.receivers<Prune>(), hosts(2, 1));
  EXPECT_TRUE(lazy(2));
  const auto delivered = ctx.published<Delivered>();
  ASSERT_EQ(delivered.size(), 1u);
  EXPECT_EQ(delivered[0].hops, 4u);
  EXPECT_EQ(delivered[0].from, host(1));
  EXPECT_EQ(node.traffic().payload, 2u);
  EXPECT_EQ(node.traffic().redundant, 1u);
  EXPECT_EQ(node.traffic().delivered, 1u);
}

TEST_F(PlumtreeTest, ThePayloadIsSharedByAllCopies) {
  const Gossip message = gossip_of(1, 4);
  ctx.receive(message, host(1));
  EXPECT_EQ(ctx.last<Gossip>().payload.value.get(), message.payload.value.get());
  EXPECT_EQ(ctx.published<Delivered>()[0].payload.get(), message.payload.value.get());
}

TEST_F(PlumtreeTest, WhatWasAnnouncedAndDoesNotComeIsAskedFor) {
  prune(1);
  prune(2);
  ctx.receive(ihave_of(1, 3), host(1));
  ctx.receive(ihave_of(1, 2), host(2));
  ctx.advance(milliseconds(999));
  EXPECT_TRUE(ctx.receivers<Graft>().empty());
  ctx.advance(milliseconds(1));
  EXPECT_EQ(ctx.receivers<Graft>(), hosts(1, 1)) << "the first that announced it, after timeout1";
  EXPECT_EQ(ctx.last<Graft>().uid, (MessageUid{1, 1}));
  EXPECT_TRUE(eager(1));
  ctx.advance(milliseconds(500));
  EXPECT_EQ(ctx.receivers<Graft>(), hosts(1, 2)) << "the next, after timeout2";
  ctx.advance(seconds(10));
  EXPECT_EQ(ctx.receivers<Graft>().size(), 2u) << "nobody is left";
  EXPECT_EQ(ctx.timers(), 0u);
}

TEST_F(PlumtreeTest, APayloadThatComesInTimeEndsTheWait) {
  prune(1);
  ctx.receive(ihave_of(1, 3), host(1));
  EXPECT_EQ(ctx.timers(), 1u);
  ctx.receive(gossip_of(1, 9), host(2));
  EXPECT_EQ(ctx.timers(), 0u);
  ctx.receive(ihave_of(1, 3), host(3));
  EXPECT_EQ(ctx.timers(), 0u) << "it is here";
}

TEST_F(PlumtreeTest, AnnouncersThatAreGoneArePassedOver) {
  ctx.receive(ihave_of(1, 3), host(4));
  ctx.receive(ihave_of(1, 3), host(2));
  ctx.receive(ihave_of(1, 3), host(3));
  ctx.sessions.erase(host(4));
  ctx.notify(NeighborDown{host(2)});
  ctx.advance(seconds(1));
  EXPECT_EQ(ctx.receivers<Graft>(), hosts(3, 1)) << "at once, not a timeout2 for each";
}

TEST_F(PlumtreeTest, ALinkThatBecameEagerIsAskedFirst) {
  for (std::uint16_t port : {1, 2, 3}) prune(port);
  ctx.receive(ihave_of(1, 3), host(1));
  ctx.advance(milliseconds(500));
  for (std::uint16_t port : {2, 3, 1}) ctx.receive(ihave_of(2, 3), host(port));
  ctx.advance(milliseconds(500));
  ctx.receive(gossip_of(1, 4), host(1));
  ctx.advance(milliseconds(500));
  EXPECT_EQ(ctx.receivers<Graft>(), (std::vector<Host>{host(1), host(1)})) << "not over a further link";
}

TEST_F(PlumtreeTest, AGraftGivesTheMessageAndMakesTheLinkEager) {
  ctx.receive(gossip_of(1, 4), host(1));
  prune(2);
  ctx.clear();
  ctx.receive(Graft{MessageUid{1, 1}, 5}, host(2));
  EXPECT_EQ(ctx.receivers<Gossip>(), hosts(2, 1));
  EXPECT_EQ(ctx.last<Gossip>().round, 5u);
  EXPECT_TRUE(eager(2));
  ctx.receive(Graft{MessageUid{9, 9}, 5}, host(2));
  ctx.receive(Graft{std::nullopt, 5}, host(2));
  EXPECT_EQ(ctx.receivers<Gossip>().size(), 1u) << "nothing to give";
}

TEST_F(PlumtreeTest, StrangersAreServedButAreNoPeers) {
  ctx.receive(gossip_of(1, 4), host(5));
  EXPECT_EQ(ctx.published<Delivered>().size(), 1u);
  EXPECT_FALSE(eager(5));
  ctx.receive(Graft{MessageUid{1, 1}, 5}, host(5));
  EXPECT_EQ(ctx.receivers<Gossip>().back(), host(5));
}

TEST_F(PlumtreeTest, NeighboursThatGoAreForgotten) {
  ctx.notify(NeighborDown{host(1)});
  EXPECT_EQ(node.eager_push_peers(), hosts(2, 2));
  ctx.receive(gossip_of(1, 4), host(2));
  EXPECT_EQ(ctx.receivers<Gossip>(), hosts(3, 1));
}

TEST_F(PlumtreeTest, WithoutAThresholdPathsAreNotOptimised) {
  ctx.receive(ihave_of(1, 1), host(1));
  ctx.receive(gossip_of(1, 40), host(2));
  EXPECT_TRUE(ctx.receivers<Graft>().empty());
}

TEST_F(PlumtreeTest, TooLargeIsRefused) {
  EXPECT_EQ((ctx.ask<Broadcast, BroadcastAccepted>({Bytes(101)})).error().code, ErrorCode::too_large);
  ctx.receive(Gossip{{1, 1}, 1, Shared<Bytes>::of(Bytes(101))}, host(1));
  EXPECT_TRUE(ctx.published<Delivered>().empty());
}

TEST_F(PlumtreeTest, WhatABlockedPeerMissesIsAnnouncedToItLater) {
  ctx.blocked.insert(host(2));
  ctx.receive(gossip_of(1, 4), host(1));
  ctx.receive(gossip_of(2, 6), host(1));
  EXPECT_EQ(ctx.receivers<Gossip>(), (std::vector<Host>{host(3), host(3)}));
  ctx.blocked.clear();
  node.on_session_writable(host(2));
  ASSERT_EQ(ctx.receivers<IHave>(), hosts(2, 1));
  EXPECT_EQ(ctx.last<IHave>().first.uid, (MessageUid{1, 1}));
  ASSERT_EQ(ctx.last<IHave>().more.size(), 1u);
  EXPECT_EQ(ctx.last<IHave>().more[0].round, 7u);
  node.on_session_writable(host(2));
  EXPECT_EQ(ctx.receivers<IHave>().size(), 1u);
}

class PlumtreeOptimises : public PlumtreeTest {
 protected:
  PlumtreeOptimises() : PlumtreeTest({.timeout_jitter = 0, .threshold = 3}) {}
};

TEST_F(PlumtreeOptimises, AShorterPathTakesThePlaceOfALonger) {
  prune(1);
  ctx.receive(ihave_of(1, 4), host(3));
  ctx.receive(ihave_of(1, 2), host(1));
  ctx.receive(gossip_of(1, 5), host(2));
  EXPECT_EQ(ctx.receivers<Graft>(), hosts(1, 1)) << "the shortest";
  EXPECT_EQ(ctx.last<Graft>().uid, std::nullopt);
  EXPECT_EQ(ctx.receivers<Prune>(), hosts(2, 1));
  EXPECT_TRUE(eager(1));
  EXPECT_TRUE(lazy(2));
  EXPECT_EQ(node.traffic().optimised, 1u);
}

TEST_F(PlumtreeOptimises, NotForLessThanTheThreshold) {
  prune(1);
  ctx.receive(ihave_of(1, 3), host(1));
  ctx.receive(gossip_of(1, 5), host(2));
  EXPECT_TRUE(ctx.receivers<Graft>().empty());
  EXPECT_TRUE(lazy(1));
}

TEST(PlumtreeJitter, NodesAskAtTimesOfTheirOwn) {
  std::set<Duration> times;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Plumtree node({.timeout_jitter = 0.5});
    ScriptedContext ctx(node, host(100), seed);
    ctx.sessions.insert(host(1));
    node.init(ctx.context);
    ctx.receive(ihave_of(1, 3), host(1));
    while (ctx.receivers<Graft>().empty() && ctx.clock < seconds(2)) ctx.advance(milliseconds(1));
    EXPECT_GE(ctx.clock, seconds(1));
    EXPECT_LE(ctx.clock, milliseconds(1501));
    times.insert(ctx.clock);
  }
  EXPECT_GE(times.size(), 15u);
}

class PlumtreeBatches : public PlumtreeTest {
 protected:
  PlumtreeBatches() : PlumtreeTest({.timeout_jitter = 0, .ihave_delay = milliseconds(100)}) {}
};

TEST_F(PlumtreeBatches, AnnouncementsTravelTogether) {
  prune(3);
  ctx.receive(gossip_of(1, 4), host(1));
  ctx.receive(gossip_of(2, 5), host(1));
  ctx.receive(gossip_of(3, 5), host(3));
  prune(3);
  EXPECT_TRUE(ctx.receivers<IHave>().empty());
  ctx.advance(milliseconds(100));
  ASSERT_EQ(ctx.receivers<IHave>(), hosts(3, 1));
  EXPECT_EQ(ctx.last<IHave>().first.uid, (MessageUid{1, 1}));
  ASSERT_EQ(ctx.last<IHave>().more.size(), 1u) << "not what it sent itself";
  EXPECT_EQ(ctx.last<IHave>().more[0].uid, (MessageUid{2, 2}));
  ctx.advance(seconds(1));
  EXPECT_EQ(ctx.receivers<IHave>().size(), 1u);
}

TEST_F(PlumtreeBatches, ABatchIsTakenWhole) {
  IHave batch = ihave_of(1, 3);
  for (std::uint64_t i = 2; i < 5; ++i) batch.more.push_back({{i, i}, 3});
  ctx.receive(batch, host(1));
  ctx.advance(seconds(1));
  EXPECT_EQ(ctx.receivers<Graft>().size(), 4u);
}

}  // namespace
}  // namespace myelin::protocol
