// HyParView, message by message; as an overlay of many nodes it is tested in the simulator.
#include "protocol/overlays/hyparview.hpp"

#include "protocol/overlays/scripted_context_test.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

namespace myelin::protocol {
namespace {

using hyparview::Disconnect;
using hyparview::ForwardJoin;
using hyparview::JoinMessage;
using hyparview::Neighbor;
using hyparview::NeighborReply;
using hyparview::Shuffle;
using hyparview::ShuffleReply;
using std::chrono::seconds;

class HyParViewTest : public testing::Test {
 protected:
  explicit HyParViewTest(HyParViewParameters parameters = {.active_view_size = 3, .passive_view_size = 6})
      : node(parameters), ctx(node, host(100)) {
    node.init(ctx.context);
  }
  void links(std::uint16_t first, std::uint16_t count) {
    for (const Host& each : hosts(first, count)) {
      ctx.connected(each);
      ctx.receive(Neighbor{true}, each);
    }
    ctx.clear();
  }
  void spare(std::uint16_t first, std::uint16_t count) {
    ctx.connected(host(1000));
    ctx.receive(ShuffleReply{Shared<std::vector<Host>>::of(hosts(first, count))}, host(1000));
    ctx.clear();
  }
  bool active(std::uint16_t port) { return contains(node.active_view(), host(port)); }
  bool passive(std::uint16_t port) { return contains(node.passive_view(), host(port)); }

  HyParView node;
  ScriptedContext ctx;
};

TEST_F(HyParViewTest, AJoinIsForwardedToAllOthers) {
  links(1, 2);
  ctx.connected(host(9));
  ctx.receive(JoinMessage{}, host(9));
  EXPECT_TRUE(active(9));
  EXPECT_EQ(ctx.receivers<ForwardJoin>(), hosts(1, 2));
  EXPECT_EQ(ctx.last<ForwardJoin>().joiner, host(9));
  EXPECT_EQ(ctx.last<ForwardJoin>().ttl, 6);
  EXPECT_EQ(ctx.published<NeighborUp>().size(), 1u);
}

TEST_F(HyParViewTest, AJoinTakesAPlaceFromAnother) {
  links(1, 3);
  ctx.connected(host(9));
  ctx.receive(JoinMessage{}, host(9));
  EXPECT_EQ(node.active_view().size(), 3u);
  EXPECT_TRUE(active(9));
  ASSERT_EQ(ctx.receivers<Disconnect>().size(), 1u);
  const Host gone = ctx.receivers<Disconnect>()[0];
  EXPECT_FALSE(active(gone.port));
  EXPECT_TRUE(passive(gone.port));
  EXPECT_EQ(ctx.published<NeighborDown>()[0].host, gone);
}

TEST_F(HyParViewTest, AForwardJoinWalksAndLeavesATrace) {
  links(1, 3);
  ctx.receive(ForwardJoin{host(9), 6}, host(1));
  ASSERT_EQ(ctx.receivers<ForwardJoin>().size(), 1u);
  EXPECT_NE(ctx.receivers<ForwardJoin>()[0], host(1)) << "not back to where it came from";
  EXPECT_EQ(ctx.last<ForwardJoin>().ttl, 5);
  EXPECT_FALSE(passive(9));
  ctx.receive(ForwardJoin{host(9), 3}, host(1));
  EXPECT_TRUE(passive(9)) << "at PRWL";
  ctx.receive(ForwardJoin{host(10), 255}, host(1));
  EXPECT_LE(ctx.last<ForwardJoin>().ttl, 6) << "no peer makes a walk longer";
}

TEST_F(HyParViewTest, AForwardJoinEndsInALinkOfBothSides) {
  links(1, 3);
  ctx.receive(ForwardJoin{host(9), 0}, host(1));
  EXPECT_EQ(ctx.connects, hosts(9, 1));
  EXPECT_FALSE(active(9)) << "not before the other has agreed";
  ctx.connected(host(9));
  ASSERT_EQ(ctx.receivers<Neighbor>(), hosts(9, 1));
  EXPECT_TRUE(ctx.last<Neighbor>().high_priority);
  ctx.receive(NeighborReply{true}, host(9));
  EXPECT_TRUE(active(9));
  EXPECT_EQ(node.active_view().size(), 3u);
  EXPECT_EQ(ctx.receivers<Disconnect>().size(), 1u);
  EXPECT_EQ(ctx.timers(), 2u) << "the period's and the sweep's; none waits for the answer any more";
}

TEST_F(HyParViewTest, AForwardJoinEndsEarlyWhereThereIsOneLink) {
  links(1, 1);
  ctx.receive(ForwardJoin{host(9), 6}, host(1));
  EXPECT_EQ(ctx.connects, hosts(9, 1));
}

TEST_F(HyParViewTest, OwnJoinsThatWalkHereAreIgnored) {
  links(1, 3);
  ctx.receive(ForwardJoin{host(100), 0}, host(1));
  ctx.receive(ForwardJoin{Host{}, 0}, host(1));
  ctx.receive(ForwardJoin{host(2), 0}, host(1));
  EXPECT_TRUE(ctx.connects.empty());
  EXPECT_TRUE(ctx.receivers<Neighbor>().empty());
}

TEST_F(HyParViewTest, LowPriorityNeedsAFreePlace) {
  links(1, 2);
  ctx.connected(host(8));
  ctx.receive(Neighbor{false}, host(8));
  EXPECT_TRUE(ctx.last<NeighborReply>().accepted);
  ctx.connected(host(9));
  ctx.receive(Neighbor{false}, host(9));
  EXPECT_FALSE(ctx.last<NeighborReply>().accepted);
  EXPECT_FALSE(active(9));
  ctx.receive(Neighbor{true}, host(9));
  EXPECT_TRUE(ctx.last<NeighborReply>().accepted) << "high priority takes one";
  EXPECT_TRUE(active(9));
  EXPECT_EQ(node.active_view().size(), 3u);
}

TEST_F(HyParViewTest, ADisconnectEndsSessionAndLink) {
  links(1, 3);
  ctx.receive(Disconnect{}, host(2));
  EXPECT_FALSE(active(2));
  EXPECT_TRUE(passive(2));
  EXPECT_EQ(ctx.disconnects, hosts(2, 1));
  EXPECT_EQ(ctx.published<NeighborDown>().size(), 1u);
  ctx.receive(Neighbor{true}, host(2));
  EXPECT_FALSE(active(2)) << "it was said over the session that is being closed";
}

TEST_F(HyParViewTest, AFailedNeighbourIsReplacedFromThePassiveView) {
  links(1, 3);
  spare(20, 2);
  ctx.disconnected(host(2));
  EXPECT_FALSE(active(2));
  EXPECT_FALSE(passive(2)) << "it failed";
  ASSERT_EQ(ctx.connects.size(), 1u) << "one candidate at a time";
  const Host first = ctx.connects[0];
  ctx.failed(first);
  EXPECT_FALSE(passive(first.port)) << "an unreachable candidate is forgotten";
  ASSERT_EQ(ctx.connects.size(), 2u);
  const Host second = ctx.connects[1];
  EXPECT_NE(first, second);
  ctx.connected(second);
  EXPECT_FALSE(ctx.last<Neighbor>().high_priority);
  ctx.receive(NeighborReply{true}, second);
  EXPECT_TRUE(active(second.port));
  EXPECT_FALSE(passive(second.port)) << "no host is in both views";
}

TEST_F(HyParViewTest, ANodeThatKnowsNobodyLeftTriesThoseThatItKnewBefore) {
  links(1, 2);
  spare(20, 6);
  for (int i = 0; i < 12; ++i) node.cycle();
  spare(40, 6);
  spare(50, 6);
  const std::vector<Host> known = node.passive_view();
  ctx.clear();
  ctx.disconnected(host(1));
  ctx.disconnected(host(2));
  std::size_t failed = 0;
  for (; failed < ctx.connects.size() && failed < 50; ++failed) ctx.failed(Host(ctx.connects[failed]));
  EXPECT_LT(failed, 50u) << "each once";
  std::vector<Host> before;
  for (const Host& each : ctx.connects)
    if (!contains(known, each)) before.push_back(each);
  ASSERT_FALSE(before.empty());
  for (const Host& each : before) EXPECT_TRUE(contains(hosts(20, 6), each)) << each.to_string();
  EXPECT_TRUE(node.passive_view().empty());
}

TEST_F(HyParViewTest, TheLastLinkIsReplacedWithHighPriority) {
  links(1, 1);
  spare(20, 1);
  ctx.receive(NeighborReply{false}, host(20));
  ctx.connected(host(20));
  ctx.clear();
  ctx.disconnected(host(1));
  ctx.advance(seconds(11));
  ASSERT_FALSE(ctx.receivers<Neighbor>().empty());
  EXPECT_TRUE(ctx.last<Neighbor>().high_priority);
}

TEST_F(HyParViewTest, ARejectedCandidateStaysAndIsNotAskedAgainInTheRound) {
  links(1, 3);
  spare(20, 2);
  ctx.disconnected(host(2));
  const Host first = ctx.connects.at(0);
  ctx.connected(first);
  ctx.receive(NeighborReply{false}, first);
  EXPECT_TRUE(passive(first.port));
  const Host second = ctx.connects.at(1);
  ctx.connected(second);
  ctx.receive(NeighborReply{false}, second);
  EXPECT_EQ(ctx.receivers<Neighbor>().size(), 2u);
  node.cycle();
  EXPECT_EQ(ctx.receivers<Neighbor>().size(), 3u) << "the next cycle begins a new round";
}

TEST_F(HyParViewTest, APeerThatNeverAnswersIsGivenUp) {
  links(1, 2);
  spare(20, 1);
  node.cycle();
  ctx.connected(host(20));
  EXPECT_EQ(ctx.receivers<Neighbor>(), hosts(20, 1));
  ctx.advance(seconds(3));
  EXPECT_FALSE(passive(20));
  EXPECT_TRUE(contains(ctx.disconnects, host(20)));
}

TEST_F(HyParViewTest, ARequestThatMetAnOldSessionsEndIsMadeOnceMore) {
  links(1, 2);
  spare(20, 1);
  ctx.connected(host(20));
  node.cycle();
  ASSERT_EQ(ctx.receivers<Neighbor>(), hosts(20, 1));
  ctx.disconnected(host(20));
  EXPECT_EQ(ctx.connects, hosts(20, 1));
  ctx.connected(host(20));
  EXPECT_EQ(ctx.receivers<Neighbor>().size(), 2u);
  ctx.disconnected(host(20));
  EXPECT_EQ(ctx.connects.size(), 1u) << "but not for ever";
  EXPECT_FALSE(passive(20));
}

TEST_F(HyParViewTest, AnAgreementThatComesTooLateIsTakenBack) {
  links(1, 2);
  spare(20, 1);
  node.cycle();
  ctx.connected(host(20));
  links(3, 1);
  ctx.receive(NeighborReply{true}, host(20));
  EXPECT_FALSE(active(20)) << "the place is taken";
  EXPECT_EQ(ctx.receivers<Disconnect>(), hosts(20, 1)) << "it has us in its view";
}

TEST_F(HyParViewTest, AStrangersLinkIsEnded) {
  links(1, 2);
  ctx.connected(host(9));
  ctx.receive(Shuffle{host(9), 3, Shared<std::vector<Host>>::of(hosts(9, 1))}, host(9));
  EXPECT_EQ(ctx.receivers<Disconnect>(), hosts(9, 1));
}

TEST_F(HyParViewTest, AShuffleHoldsBothViewsAndItself) {
  links(1, 3);
  spare(20, 6);
  node.cycle();
  ASSERT_EQ(ctx.receivers<Shuffle>().size(), 1u);
  const auto& shuffle = ctx.last<Shuffle>();
  EXPECT_EQ(shuffle.origin, host(100));
  EXPECT_EQ(shuffle.ttl, 6);
  const std::set<Host> nodes(shuffle.nodes.value->begin(), shuffle.nodes.value->end());
  EXPECT_EQ(nodes.size(), shuffle.nodes.value->size());
  EXPECT_TRUE(nodes.contains(host(100)));
  EXPECT_FALSE(nodes.contains(ctx.receivers<Shuffle>()[0]));
  const auto of_active = std::count_if(nodes.begin(), nodes.end(), [](const Host& each) { return each.port < 10; });
  EXPECT_EQ(of_active, 2) << "ka of 3, but the target";
  EXPECT_EQ(nodes.size(), 1u + 2u + 4u);
}

TEST_F(HyParViewTest, AShuffleWalksOnOrIsAnsweredOverAConnectionOfItsOwn) {
  links(1, 3);
  spare(20, 4);
  const auto nodes = Shared<std::vector<Host>>::of(hosts(50, 3));
  ctx.receive(Shuffle{host(50), 6, nodes}, host(1));
  ASSERT_EQ(ctx.receivers<Shuffle>().size(), 1u);
  EXPECT_NE(ctx.receivers<Shuffle>()[0], host(1));
  EXPECT_EQ(ctx.last<Shuffle>().ttl, 5);
  EXPECT_EQ(ctx.last<Shuffle>().nodes.value.get(), nodes.value.get()) << "shared, not copied";
  EXPECT_FALSE(passive(51));
  ctx.receive(Shuffle{host(50), 1, nodes}, host(1));
  EXPECT_EQ(ctx.connects, hosts(50, 1));
  for (std::uint16_t port = 50; port < 53; ++port) EXPECT_TRUE(passive(port)) << port;
  EXPECT_EQ(node.passive_view().size(), 6u);
  ctx.connected(host(50));
  ASSERT_EQ(ctx.receivers<ShuffleReply>(), hosts(50, 1));
  EXPECT_EQ(ctx.last<ShuffleReply>().nodes.value->size(), 3u) << "as many as were sent";
  ctx.advance(seconds(5));
  EXPECT_TRUE(contains(ctx.disconnects, host(50)));
}

TEST_F(HyParViewTest, AHugeShuffleIsNotTakenWhole) {
  links(1, 3);
  ctx.receive(Shuffle{host(50), 1, Shared<std::vector<Host>>::of(hosts(200, 5000))}, host(1));
  EXPECT_LE(node.passive_view().size(), 6u);
  ctx.connected(host(50));
  EXPECT_LE(ctx.last<ShuffleReply>().nodes.value->size(), 6u);
}

TEST_F(HyParViewTest, GivesPeers) {
  links(1, 3);
  auto all = ctx.ask<GetPeers, Peers>({0, host(2)});
  ASSERT_TRUE(all);
  std::sort(all->hosts.begin(), all->hosts.end());
  EXPECT_EQ(all->hosts, (std::vector<Host>{host(1), host(3)}));
  const auto two = ctx.ask<GetPeers, Peers>({2, {}});
  EXPECT_EQ(two->hosts.size(), 2u);
}

TEST_F(HyParViewTest, JoinsWhenAskedTo) {
  ASSERT_TRUE((ctx.ask<Join, Joined>({host(7)})));
  EXPECT_EQ(ctx.connects, hosts(7, 1));
  ctx.connected(host(7));
  EXPECT_EQ(ctx.receivers<JoinMessage>(), hosts(7, 1));
  EXPECT_TRUE(active(7));
}

TEST_F(HyParViewTest, OfThoseThatJoinTheNewestGoes) {
  links(1, 2);
  for (std::uint16_t port = 20; port < 30; ++port) {
    ctx.connected(host(port));
    ctx.receive(JoinMessage{}, host(port));
    EXPECT_TRUE(active(1) && active(2) && active(port)) << port;
    ctx.advance(std::chrono::milliseconds(10));
  }
}

TEST_F(HyParViewTest, AJoinThatComesLaterTakesAnyPlace) {
  links(1, 2);
  bool old_ones_go = false;
  for (std::uint16_t port = 20; port < 30; ++port) {
    ctx.advance(std::chrono::milliseconds(300));
    ctx.connected(host(port));
    ctx.receive(JoinMessage{}, host(port));
    old_ones_go |= !active(1) || !active(2);
  }
  EXPECT_TRUE(old_ones_go);
}

TEST_F(HyParViewTest, OnePlaceMayStayFreeOnceAllHaveRefused) {
  links(1, 3);
  spare(10, 16);
  ctx.disconnected(host(3));
  const auto refuse_all = [this] {
    std::size_t asked = 0;
    for (; !ctx.receivers<Neighbor>().empty(); ++asked) {
      EXPECT_FALSE(ctx.last<Neighbor>().high_priority);
      const Host to = ctx.receivers<Neighbor>().back();
      ctx.clear();
      ctx.receive(NeighborReply{false}, to);
    }
    return asked;
  };
  for (std::uint16_t port = 10; port < 26; ++port) ctx.connected(host(port));
  EXPECT_EQ(refuse_all(), 6u);
  for (int cycle = 1; cycle < 10; ++cycle) {
    node.cycle();
    EXPECT_EQ(refuse_all(), 6u) << cycle;
  }
  node.cycle();
  EXPECT_EQ(refuse_all(), 0u);
  ctx.disconnected(host(2));
  EXPECT_EQ(refuse_all(), 6u) << "another loss";
}

TEST_F(HyParViewTest, ANodeThatStaysShortOfLinksInsists) {
  links(1, 1);
  spare(10, 6);
  for (std::uint16_t port = 10; port < 16; ++port) ctx.connected(host(port));
  const auto refuse = [this](bool high_priority) {
    std::size_t asked = 0;
    for (; !ctx.receivers<Neighbor>().empty(); ++asked) {
      EXPECT_EQ(ctx.last<Neighbor>().high_priority, high_priority);
      const Host to = ctx.receivers<Neighbor>().back();
      ctx.clear();
      ctx.receive(NeighborReply{false}, to);
    }
    return asked;
  };
  node.cycle();
  EXPECT_EQ(refuse(false), 6u);
  node.cycle();
  EXPECT_EQ(refuse(true), 6u);
  links(2, 1);
  node.cycle();
  EXPECT_TRUE(ctx.receivers<Neighbor>().empty()) << "no longer";
}

class HyParViewContacts : public HyParViewTest {
 protected:
  HyParViewContacts() : HyParViewTest({.contacts = {host(100), host(7)}}) {}
};

TEST_F(HyParViewContacts, JoinsThroughAContactUntilOneAnswers) {
  EXPECT_EQ(ctx.connects, hosts(7, 1)) << "not through itself";
  ctx.failed(host(7));
  EXPECT_EQ(ctx.disconnects, hosts(7, 1));
  ctx.advance(seconds(5));
  EXPECT_EQ(ctx.connects.size(), 2u);
  ctx.connected(host(7));
  EXPECT_TRUE(active(7));
}

TEST_F(HyParViewContacts, ANewNodeWaitsForTheEndsOfItsWalks) {
  ctx.connected(host(7));
  ctx.receive(ShuffleReply{Shared<std::vector<Host>>::of(hosts(20, 4))}, host(7));
  ctx.clear();
  ctx.receive(Disconnect{}, host(7));
  EXPECT_TRUE(ctx.receivers<Neighbor>().empty() && ctx.connects.empty()) << "nobody is asked meanwhile";
  ctx.connected(host(30));
  ctx.receive(Neighbor{true}, host(30));
  EXPECT_TRUE(active(30));
  EXPECT_TRUE(ctx.connects.empty());
  ctx.receive(Disconnect{}, host(30));
  EXPECT_FALSE(ctx.connects.empty()) << "that was one of them: a node without a link looks for another";
}

TEST_F(HyParViewContacts, WhenNoWalkEndsItAsksItself) {
  ctx.connected(host(7));
  ctx.receive(Disconnect{}, host(7));
  ctx.disconnected(host(7));
  ctx.clear();
  ctx.advance(seconds(3));
  EXPECT_EQ(ctx.connects, hosts(7, 1)) << "its contact, for new walks";
  ctx.connected(host(7));
  EXPECT_EQ(ctx.receivers<JoinMessage>(), hosts(7, 1));
}

TEST_F(HyParViewContacts, AMemberThatJoinsAgainDoesNotWait) {
  ctx.connected(host(7));
  ctx.advance(seconds(3));
  ctx.clear();
  ctx.receive(ShuffleReply{Shared<std::vector<Host>>::of(hosts(20, 6))}, host(7));
  ctx.disconnected(host(7));
  ASSERT_EQ(ctx.connects.size(), 1u);
  const Host candidate = ctx.connects[0];
  EXPECT_NE(candidate, host(7));
  ASSERT_TRUE((ctx.ask<Join, Joined>({host(7)})));
  ctx.connected(host(7));
  EXPECT_EQ(ctx.receivers<JoinMessage>(), hosts(7, 1));
  ctx.clear();
  ctx.failed(candidate);
  EXPECT_EQ(ctx.connects.size(), 1u) << "what it knows is all over the overlay";
}

TEST_F(HyParViewContacts, ANodeThatKnowsFewShufflesWithItsContactToo) {
  links(1, 3);
  std::size_t outside = 0;
  for (int i = 0; i < 64; ++i) {
    node.cycle();
    ctx.connected(host(7));
    outside += contains(ctx.receivers<Shuffle>(), host(7));
    ctx.clear();
  }
  EXPECT_GT(outside, 8u);
  EXPECT_LT(outside, 56u);
}

TEST_F(HyParViewContacts, ALonelyNodeJoinsAgain) {
  ctx.connected(host(7));
  ctx.disconnected(host(7));
  EXPECT_TRUE(node.active_view().empty());
  ctx.clear();
  ctx.advance(seconds(11));
  EXPECT_EQ(ctx.connects, hosts(7, 1));
}

}  // namespace
}  // namespace myelin::protocol
