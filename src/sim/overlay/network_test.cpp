// Sessions and messages of the overlay engine, fault by fault.
#include "myelin/simulation.hpp"
#include "sim/small_protocol_test.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace myelin::simulation::testing {
namespace {

Options quiet(std::uint64_t seed = 1) {
  return {.seed = seed, .latency = Latency::constant(10ms), .retry = {.max_attempts = 1}};
}

Flooder& at(Simulation& world, NodeIndex node) { return *world.find<Flooder>(node); }

// A rumour of the node's own to all its sessions.
void tell(Simulation& world, NodeIndex node, std::uint64_t number) {
  world.post(node, [&world, node, number](Context& ctx) { at(world, node).heard({number, 0}, ctx.self()); });
}

using Log = std::vector<std::string>;

TEST(OverlaySession, ConnectTakesARoundTrip) {
  Simulation world(quiet());
  world.add_nodes(2, pair());
  world.run_until(19ms);
  EXPECT_EQ(at(world, 0).log, Log{"up n1"}) << "the target knows after half of it";
  EXPECT_TRUE(at(world, 1).log.empty());
  world.run_until(20ms);
  EXPECT_EQ(at(world, 1).log, Log{"up n0"});
}

TEST(OverlaySession, DialsThatCrossBecomeOneSession) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Simulation world({.seed = seed, .latency = Latency::uniform(1ms, 30ms)});
    world.add_nodes(2, [](NodeSetup& node) { node.add<Flooder>(std::vector{node.host(1 - node.index())}); });
    world.run_for(1s);
    EXPECT_EQ(at(world, 0).log, Log{"up n1"}) << seed;
    EXPECT_EQ(at(world, 1).log, Log{"up n0"}) << seed;
    tell(world, 0, 5);
    tell(world, 1, 6);
    world.run_for(1s);
    EXPECT_EQ(at(world, 0).received, std::vector<std::uint64_t>{6});
    EXPECT_EQ(at(world, 1).received, std::vector<std::uint64_t>{5});
  }
}

TEST(OverlaySession, ADialToNobodyFailsAfterARoundTripAndIsGivenUp) {
  Simulation world(quiet());
  world.add_node([](NodeSetup& node) { node.add<Flooder>(std::vector{node.host(1), Host{"elsewhere", 9}}); });
  world.add_nodes(1, pair(), 0ms);
  world.crash(1);
  world.run_for(1s);
  Log log = at(world, 0).log;
  std::ranges::sort(log);
  EXPECT_EQ(log, (Log{"failed elsewhere offline", "failed n1 offline", "given up elsewhere 1", "given up n1 1"}));
}

TEST(OverlaySession, FailedDialsAreTriedAgainUntilTheTargetIsThere) {
  Options options = quiet();
  options.retry = {};
  Simulation world(options);
  world.add_node([](NodeSetup& node) { node.add<Flooder>(std::vector{node.host(1)}); });
  world.run_for(1s);
  const Log& log = at(world, 0).log;
  EXPECT_GT(log.size(), 2U);
  EXPECT_TRUE(std::ranges::all_of(log, [](const auto& line) { return line == "failed n1 offline"; }));
  world.add_node([](NodeSetup& node) { node.add<Flooder>(std::vector<Host>{}); });
  world.run_for(3s);
  EXPECT_EQ(log.back(), "up n1");
  EXPECT_EQ(at(world, 1).log, Log{"up n0"});
}

TEST(OverlaySession, DisconnectIsToldToBothAndStopsTheTries) {
  Simulation world(quiet());
  world.add_nodes(2, pair());
  world.run_for(1s);
  world.post(0, [&](Context& ctx) {
    ctx.disconnect(world.host(1));
    EXPECT_FALSE(ctx.send(Rumour{1, 0}, world.host(1)).has_value());
  });
  world.run_for(5ms);
  EXPECT_EQ(at(world, 0).log, (Log{"up n1", "down n1 cancelled"}));
  EXPECT_EQ(at(world, 1).log, Log{"up n0"}) << "not yet";
  world.run_for(1s);
  EXPECT_EQ(at(world, 1).log, (Log{"up n0", "down n0 link_lost"}));
}

TEST(OverlaySession, ACrashIsToldToThePeersAfterOneLatency) {
  Simulation world(quiet());
  world.add_nodes(2, pair());
  world.run_for(1s);
  world.crash(0);
  EXPECT_FALSE(world.alive(0));
  EXPECT_EQ(world.find<Flooder>(0), nullptr);
  world.run_for(9ms);
  EXPECT_EQ(at(world, 1).log, Log{"up n0"});
  world.run_for(1ms);
  EXPECT_EQ(at(world, 1).log, (Log{"up n0", "down n0 link_lost"}));
}

TEST(OverlaySession, ARestartedNodeIsNewAndTakesOverItsOldSession) {
  Simulation world(quiet());
  world.add_nodes(2, pair());
  world.run_for(1s);
  tell(world, 1, 5);
  world.run_for(1s);
  world.crash(1);
  world.restart(1);
  world.run_for(1s);
  EXPECT_TRUE(at(world, 1).known.empty());
  EXPECT_EQ(at(world, 0).log, (Log{"up n1", "down n1 link_lost", "up n1"}));
  tell(world, 0, 6);
  world.run_for(1s);
  EXPECT_EQ(at(world, 1).received, std::vector<std::uint64_t>{6});
}

TEST(OverlaySession, WhatACutNodeSendsWaitsAndArrivesWhenItIsHealed) {
  Simulation world(quiet());
  world.add_nodes(2, pair());
  world.run_for(1s);
  world.partition(1, 0);
  world.partition(0, 1);
  tell(world, 1, 5);
  world.run_for(10s);
  EXPECT_TRUE(at(world, 0).received.empty());
  EXPECT_EQ(at(world, 1).log, Log{"up n0"}) << "nobody is told";
  world.heal_all();
  world.run_for(10s);
  EXPECT_EQ(at(world, 0).received, std::vector<std::uint64_t>{5});
  EXPECT_EQ(at(world, 1).log, Log{"up n0"});
}

TEST(OverlaySession, ACutIsNoticedByTheSideThatSendsAfterTheSessionTimeout) {
  Simulation world(quiet());
  world.add_nodes(2, pair());
  world.run_for(1s);
  world.partition(1, 0);
  world.partition(0, 1);
  tell(world, 1, 5);
  world.run_for(14s);
  EXPECT_EQ(at(world, 1).log, Log{"up n0"});
  world.run_for(2s);
  EXPECT_EQ(at(world, 1).log, (Log{"up n0", "down n0 timeout"}));
  EXPECT_EQ(at(world, 0).log, Log{"up n1"}) << "it has sent nothing";
  world.heal_all();
  tell(world, 0, 6);
  world.run_for(1s);
  EXPECT_EQ(at(world, 0).log, (Log{"up n1", "down n1 link_lost"})) << "now the other side has answered";
  EXPECT_TRUE(at(world, 1).received.empty());
  EXPECT_GE(world.counters().lost, 2U);
}

TEST(OverlaySession, AnAsymmetricCutLetsTheOtherDirectionPass) {
  Simulation world(quiet());
  world.add_nodes(2, pair());
  world.run_for(1s);
  world.partition(1, 0);
  tell(world, 0, 5);
  tell(world, 1, 6);
  world.run_for(5s);
  EXPECT_EQ(at(world, 1).received, std::vector<std::uint64_t>{5});
  EXPECT_TRUE(at(world, 0).received.empty());
}

TEST(OverlaySession, ADialIntoACutTimesOut) {
  Simulation world(quiet());
  world.add_node([](NodeSetup& node) { node.add<Flooder>(std::vector<Host>{}); });
  world.partition(1, 0);
  world.add_nodes(1, pair());
  world.run_for(4900ms);
  EXPECT_TRUE(at(world, 1).log.empty());
  world.run_for(200ms);
  EXPECT_EQ(at(world, 1).log, (Log{"failed n0 timeout", "given up n0 1"}));
}

TEST(OverlaySession, AResetIsToldToBothSidesAtOnce) {
  Simulation world(quiet());
  world.add_nodes(2, pair());
  world.run_for(1s);
  world.reset_session(0, 1);
  world.run_for(0ms);
  EXPECT_EQ(at(world, 0).log.back(), "down n1 link_lost");
  EXPECT_EQ(at(world, 1).log.back(), "down n0 link_lost");
}

TEST(OverlayMessages, ArriveInOrderHoweverLongEachTakes) {
  Simulation world({.seed = 3, .latency = Latency::uniform(1ms, 200ms)});
  world.add_nodes(2, pair());
  world.run_for(1s);
  std::vector<std::uint64_t> sent;
  for (std::uint64_t i = 0; i < 200; ++i) {
    tell(world, 1, i);
    sent.push_back(i);
    world.run_for(1ms);
  }
  world.run_for(1s);
  EXPECT_EQ(at(world, 0).received, sent);
}

TEST(OverlayMessages, AreLostRepeatedAndReorderedAsTheNoiseSays) {
  Options options = quiet(5);
  Simulation world(options);
  world.add_nodes(2, pair());
  world.run_for(1s);
  const auto send = [&](std::uint64_t first) {
    for (std::uint64_t i = 0; i < 1000; ++i) {
      tell(world, 1, first + i);
      world.run_for(1ms);
    }
    world.run_for(1s);
    return std::exchange(at(world, 0).received, {});
  };
  world.set_noise({.loss = 0.3});
  const std::size_t kept = send(0).size();
  EXPECT_GT(kept, 600U);
  EXPECT_LT(kept, 800U);
  EXPECT_EQ(world.counters().lost, 1000 - kept);
  world.set_noise({.duplication = 0.2});
  const std::size_t twice = send(10'000).size();
  EXPECT_GT(twice, 1100U);
  EXPECT_LT(twice, 1300U);
  EXPECT_EQ(world.counters().duplicated, twice - 1000);
  world.set_noise({.reordering = 0.1});
  const auto mixed = send(20'000);
  EXPECT_EQ(mixed.size(), 1000U);
  EXPECT_FALSE(std::ranges::is_sorted(mixed));
  EXPECT_GT(world.counters().reordered, 50U);
  world.set_noise(Noise{});
  EXPECT_TRUE(std::ranges::is_sorted(send(30'000)));
}

TEST(OverlayMessages, NoiseOfOneLinkLeavesTheOthersAlone) {
  Simulation world(quiet());
  world.add_nodes(3, [](NodeSetup& node) {
    node.add<Flooder>(node.index() == 0 ? std::vector<Host>{} : std::vector{node.host(0)});
  });
  world.run_for(1s);
  world.set_noise(0, 1, {.loss = 1});
  tell(world, 0, 5);
  world.run_for(1s);
  EXPECT_TRUE(at(world, 1).received.empty());
  EXPECT_EQ(at(world, 2).received, std::vector<std::uint64_t>{5});
}

TEST(OverlayMessages, ASlowNodeIsLateInMessagesAndTimers) {
  Simulation world(quiet());
  world.add_nodes(2, [](NodeSetup& node) {
    node.add<Flooder>(node.index() == 0 ? std::vector<Host>{} : std::vector{node.host(0)}, 100ms);
  });
  world.run_for(1s);
  world.slow(1, 5);
  const std::uint64_t beats = at(world, 1).beats;
  tell(world, 0, 5);
  world.run_for(49ms);
  EXPECT_TRUE(at(world, 1).received.empty());
  world.run_for(1ms);
  EXPECT_EQ(at(world, 1).received.size(), 1U);
  world.run_for(10s);
  EXPECT_LT(at(world, 1).beats - beats, 30U);
  EXPECT_GT(at(world, 0).beats, 100U);
}

TEST(OverlayMessages, AMatrixSaysHowLongEachPairTakes) {
  Options options = quiet();
  options.latency = Latency::matrix({{0ms, 7ms}, {30ms, 0ms}});
  Simulation world(options);
  world.add_nodes(2, pair());
  world.run_until(30ms);
  EXPECT_EQ(at(world, 0).log.size(), 1U);
  EXPECT_TRUE(at(world, 1).log.empty());
  world.run_until(37ms);
  EXPECT_EQ(at(world, 1).log.size(), 1U);
}

TEST(OverlayMessages, AFullSessionSaysSoAndWhenThereIsRoom) {
  Options options = quiet();
  options.session_queue = 4;
  Simulation world(options);
  world.add_nodes(2, pair());
  world.run_for(1s);
  std::vector<ErrorCode> codes;
  world.post(1, [&](Context&) {
    for (std::uint64_t i = 0; i < 6; ++i) {
      const auto sent = at(world, 1).context().send(Rumour{i, 0}, world.host(0));
      if (!sent) codes.push_back(sent.error().code);
    }
  });
  world.run_for(1s);
  EXPECT_EQ(codes, (std::vector{ErrorCode::mailbox_full, ErrorCode::mailbox_full}));
  EXPECT_EQ(at(world, 1).log, (Log{"up n0", "blocked n0", "writable n0"}));
  EXPECT_EQ(at(world, 0).received.size(), 4U);
}

TEST(OverlayNames, OnlyNamesOfNodesAreNumbers) {
  Simulation world(quiet());
  world.add_nodes(3, pair());
  EXPECT_EQ(world.index_of(world.host(2)), 2U);
  for (const char* name : {"n3", "n", "n01", "x1", "n1x", "n4294967296", "N1"})
    EXPECT_FALSE(world.index_of(Host{name, 0}).has_value()) << name;
  EXPECT_FALSE(world.index_of(Host{"n1", 5}).has_value());
}

}  // namespace
}  // namespace myelin::simulation::testing
