// Plumtree, flood and eager gossip over overlays of many nodes.
#include "myelin/protocols.hpp"
#include "myelin/simulation.hpp"
#include "myelin/simulation/gtest.hpp"

#include <algorithm>
#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <numeric>
#include <vector>

namespace myelin::simulation {
namespace {

using protocol::Broadcaster;
using protocol::Bytes;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<Host> contact(NodeSetup& node) {
  return node.index() == 0 ? std::vector<Host>{} : std::vector<Host>{node.host(0)};
}

template <typename Make>
Setup over_hyparview(Make make) {
  return [make](NodeSetup& node) {
    node.add(protocol::make_hyparview({.contacts = contact(node), .shuffle_period = seconds(2)}));
    node.add(make());
  };
}
Setup plumtree(protocol::PlumtreeParameters parameters = {}) {
  return over_hyparview([parameters] { return protocol::make_plumtree(parameters); });
}

Broadcaster::Traffic traffic(const Simulation& world) {
  Broadcaster::Traffic sum;
  for (NodeIndex node = 0; node < world.size(); ++node) {
    const auto* each = world.find<Broadcaster>(node);
    if (each == nullptr) continue;
    sum.payload += each->traffic().payload;
    sum.control += each->traffic().control;
    sum.redundant += each->traffic().redundant;
    sum.delivered += each->traffic().delivered;
  }
  return sum;
}

TEST(PlumtreeOverlay, BroadcastDeliversOnce) {
  Scenario scenario{.name = "plumtree", .nodes = 25, .setup = plumtree()};
  scenario.actions = broadcasts(seconds(20), 20, milliseconds(100));
  scenario.each_step = {{"delivers once", checks::delivers_once}};
  scenario.at_end = {{"everybody hears", checks::reliability_at_least(1)}};
  scenario.least_nodes = 2;
  EXPECT_TRUE(holds(scenario, {.seeds = 30}));
}

TEST(PlumtreeOverlay, TreeConvergesLowDuplicates) {
  Simulation world({.seed = 11});
  world.add_nodes(20, plumtree(), milliseconds(100));
  ASSERT_TRUE(world.run_for(seconds(20)));
  for (int i = 0; i < 5; ++i) {
    world.broadcast(0, Bytes{1});
    ASSERT_TRUE(world.run_for(seconds(2)));
  }
  const auto before = traffic(world);
  world.broadcast(0, Bytes{1});
  ASSERT_TRUE(world.run_for(seconds(2)));
  const auto after = traffic(world);
  EXPECT_EQ(after.payload - before.payload, 19u) << "n - 1 deliveries over n - 1 edges";
  EXPECT_EQ(after.redundant - before.redundant, 0u);
  std::size_t eager = 0;
  for (NodeIndex node = 0; node < 20; ++node) eager += world.find<Broadcaster>(node)->eager_push_peers().size();
  EXPECT_EQ(eager, 2u * 19) << "both ends of each edge of the tree";
  EXPECT_TRUE(checks::no_loops_in_tree(1)(world));
}

TEST(PlumtreeOverlay, TheTreeIsMendedWhenNodesFail) {
  Scenario scenario{.name = "plumtree", .nodes = 40, .setup = plumtree()};
  scenario.duration = seconds(90);
  scenario.actions = broadcasts(seconds(20), 120, milliseconds(500));
  scenario.faults = {Fault::crash(seconds(30), Pick::fraction(0.2)), Fault::crash(seconds(50), Pick::fraction(0.2))};
  scenario.each_step = {{"delivers once", checks::delivers_once}};
  scenario.at_end = {{"everybody hears", checks::reliability_at_least(0.95)}};
  scenario.least_nodes = 2;
  EXPECT_TRUE(holds(scenario, {.seeds = 20}));
}

// Repairs and fresh broadcasts of many senders cross each other, and the tree settles all the same.
Result<void> last_ones_were_quick(Simulation& world) {
  const auto all = world.broadcasts();
  for (std::size_t i = all.size() - std::min<std::size_t>(all.size(), 40); i < all.size(); ++i)
    if (all[i].last > milliseconds(500))
      return fail(ErrorCode::timeout, "broadcast " + std::to_string(i) + " was slow");
  return {};
}

TEST(PlumtreeOverlay, TheTreeSettlesUnderTraffic) {
  Scenario scenario{.name = "plumtree", .nodes = 30, .setup = plumtree()};
  scenario.duration = seconds(90);
  scenario.actions = broadcasts(seconds(20), 120, milliseconds(500));
  scenario.faults = {Fault::crash(seconds(30), Pick::fraction(0.2))};
  scenario.at_end = {{"the last were quick", last_ones_were_quick}};
  scenario.least_nodes = 2;
  EXPECT_TRUE(holds(scenario, {.seeds = 30}));
}

TEST(PlumtreeOverlay, PartitionHeal) {
  Simulation world({.seed = 21});
  world.add_nodes(30, plumtree(), milliseconds(100));
  ASSERT_TRUE(world.run_for(seconds(20)));
  world.broadcast(0, Bytes{1});
  ASSERT_TRUE(world.run_for(seconds(2)));
  EXPECT_EQ(world.broadcasts().back().delivered, 30u);

  world.apply(Fault::partition(seconds(0), Pick::range(0, 15)));
  ASSERT_TRUE(world.run_for(milliseconds(100)));
  world.broadcast(0, Bytes{2});
  ASSERT_TRUE(world.run_for(seconds(2)));
  EXPECT_LE(world.broadcasts().back().delivered, 15u) << "nothing crosses the cut";

  world.heal_all();
  ASSERT_TRUE(world.run_for(seconds(60)));
  // Whatever the views were left with: one side joins the other again.
  world.request<protocol::Join, protocol::Joined>(20, {world.host(0)},
                                                  [](Result<protocol::Joined> joined) { EXPECT_TRUE(joined); });
  ASSERT_TRUE(world.run_for(seconds(30)));
  for (NodeIndex origin : {NodeIndex{0}, NodeIndex{29}}) {
    world.broadcast(origin, Bytes{3});
    ASSERT_TRUE(world.run_for(seconds(5)));
    EXPECT_EQ(world.broadcasts().back().delivered, 30u) << "from " << origin;
  }
}

TEST(PlumtreeOverlay, LossIsMendedByAnnouncements) {
  Scenario scenario{.name = "plumtree", .nodes = 20, .setup = plumtree()};
  scenario.options.noise.duplication = 0.1;
  scenario.actions = broadcasts(seconds(20), 30, milliseconds(200));
  scenario.faults = {Fault::disturb(seconds(20), {.loss = 0.02, .duplication = 0.1}, seconds(10))};
  scenario.each_step = {{"delivers once", checks::delivers_once}};
  scenario.at_end = {{"nearly everybody hears", checks::reliability_at_least(0.8)}};
  scenario.least_nodes = 2;
  EXPECT_TRUE(holds(scenario, {.seeds = 15}));
}

// -- The optimisation, where hops and time disagree: over uneven latencies a tree of the fastest first copies is deep.

double mean_hops(unsigned threshold, std::uint64_t seed) {
  Simulation world({.seed = seed, .latency = Latency::uniform(milliseconds(1), milliseconds(100))});
  world.add_nodes(300, plumtree({.timeout1 = seconds(4), .threshold = threshold}), milliseconds(50));
  EXPECT_TRUE(world.run_for(seconds(40)));
  double hops = 0;
  for (NodeIndex i = 0; i < 60; ++i) {
    world.broadcast((i * 37) % 300, Bytes{1});
    EXPECT_TRUE(world.run_for(seconds(5)));
    EXPECT_EQ(world.broadcasts().back().delivered, 300u);
    if (i >= 40) hops += world.broadcasts().back().max_hops;
  }
  return hops / 20;
}

TEST(PlumtreeOverlay, TheOptimisationMakesPathsShorter) {
  double without = 0, with = 0;
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    without += mean_hops(0, seed) / 4;
    with += mean_hops(3, seed) / 4;
  }
  EXPECT_LT(with, 0.85 * without) << with << " hops against " << without;
}

// -- The thresholds of iroh-gossip's simulations: last delivery hop, redundancy, none missed.

struct Measured {
  double ldh = 0, rmr = 0;
  std::size_t missed = 0;
};
Measured measure(std::size_t nodes, std::size_t rounds, bool one_sender) {
  Simulation world({.seed = 8, .latency = Latency::uniform(milliseconds(10), milliseconds(50))});
  world.add_nodes(nodes, plumtree({.threshold = 7}), milliseconds(50));
  EXPECT_TRUE(world.run_for(seconds(10) + milliseconds(50) * static_cast<std::int64_t>(nodes)));
  // The first builds the tree.
  world.broadcast(0, Bytes{1});
  EXPECT_TRUE(world.run_for(seconds(5)));
  Measured sum;
  for (std::size_t i = 0; i < rounds; ++i) {
    const auto before = traffic(world);
    world.broadcast(one_sender ? 0 : static_cast<NodeIndex>(world.random() % nodes), Bytes{1});
    EXPECT_TRUE(world.run_for(seconds(5)));
    const auto result = world.broadcasts().back();
    sum.missed += result.live - result.delivered;
    sum.ldh += result.max_hops / static_cast<double>(rounds);
    const double payload = static_cast<double>(traffic(world).payload - before.payload);
    sum.rmr += (payload / static_cast<double>(nodes - 1) - 1) / static_cast<double>(rounds);
  }
  return sum;
}

TEST(PlumtreeOverlay, ManySendersAmongAThousand) {
  const Measured many = measure(1000, 30, false);
  EXPECT_LT(many.ldh, 18);
  EXPECT_LT(many.rmr, 1);
  EXPECT_EQ(many.missed, 0u);
}

TEST(PlumtreeOverlay, OneSenderAmongAThousand) {
  const Measured one = measure(1000, 30, true);
  EXPECT_LT(one.ldh, 15);
  EXPECT_LT(one.rmr, 0.2);
  EXPECT_EQ(one.missed, 0u);
}

TEST(PlumtreeOverlay, AllBroadcastAtOnce) {
  constexpr std::size_t nodes = 100;
  Simulation world({.seed = 12, .latency = Latency::uniform(milliseconds(10), milliseconds(50))});
  world.add_nodes(nodes, plumtree(), milliseconds(50));
  ASSERT_TRUE(world.run_for(seconds(20)));
  const auto before = traffic(world);
  for (NodeIndex node = 0; node < nodes; ++node) world.broadcast(node, Bytes{1});
  ASSERT_TRUE(world.run_for(seconds(20)));
  const auto results = world.broadcasts();
  ASSERT_EQ(results.size(), nodes);
  double hops = 0;
  for (const BroadcastResult& each : results) {
    EXPECT_EQ(each.delivered, nodes);
    EXPECT_EQ(each.duplicates, 0u);
    hops += each.max_hops / static_cast<double>(nodes);
  }
  EXPECT_LT(hops, 30);
  const double payload = static_cast<double>(traffic(world).payload - before.payload);
  EXPECT_LT(payload / (nodes * (nodes - 1.0)) - 1, 3);
}

// -- The baselines.

TEST(FloodOverlay, ReachesAllOverEveryLink) {
  Simulation world({.seed = 14});
  world.add_nodes(50, over_hyparview([] { return protocol::make_flood({}); }), milliseconds(100));
  ASSERT_TRUE(world.run_for(seconds(30)));
  std::size_t links = 0;
  for (NodeIndex node = 0; node < 50; ++node) links += world.neighbors(node).size();
  world.broadcast(7, Bytes{1});
  ASSERT_TRUE(world.run_for(seconds(2)));
  EXPECT_EQ(world.broadcasts().back().delivered, 50u);
  EXPECT_EQ(traffic(world).payload, links - 49) << "each link both ways, but not back where it came from first";
}

TEST(EagerGossipOverlay, RunsOverCyclonThatKeepsNoConnections) {
  Simulation world({.seed = 15});
  world.add_nodes(
      100,
      [](NodeSetup& node) {
        node.add(protocol::make_cyclon(
            {.contacts = contact(node), .view_size = 15, .shuffle_length = 6, .shuffle_period = seconds(2)}));
        node.add(protocol::make_eager_gossip({.fanout = 6}));
      },
      milliseconds(100));
  ASSERT_TRUE(world.run_for(seconds(40)));
  for (NodeIndex origin = 0; origin < 10; ++origin) {
    world.broadcast(origin, Bytes{1});
    ASSERT_TRUE(world.run_for(seconds(5)));
  }
  double reached = 0;
  for (const BroadcastResult& each : world.broadcasts()) {
    EXPECT_EQ(each.duplicates, 0u);
    reached += each.reliability() / 10;
  }
  EXPECT_GE(reached, 0.97) << "a fanout of 6";
}

TEST(Overlays, TheSameSeedIsTheSameRun) {
  const auto run = [](std::uint64_t seed) {
    std::string trace;
    Simulation world({.seed = seed, .trace = [&](std::string_view line) { trace.append(line).push_back('\n'); }});
    world.add_nodes(30, plumtree({.threshold = 3}), milliseconds(50));
    world.apply(Fault::crash(seconds(15), Pick::fraction(0.2)));
    EXPECT_TRUE(world.run_for(seconds(20)));
    world.broadcast(world.pick(Pick::random(1)).at(0), Bytes{1});
    EXPECT_TRUE(world.run_for(seconds(5)));
    return trace;
  };
  const std::string first = run(31);
  EXPECT_EQ(first, run(31));
  EXPECT_NE(first, run(32));
}

}  // namespace
}  // namespace myelin::simulation
