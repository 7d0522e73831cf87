// HyParView and Cyclon as overlays of many nodes.
#include "myelin/protocols.hpp"
#include "myelin/simulation.hpp"
#include "myelin/simulation/gtest.hpp"

#include <algorithm>
#include <chrono>
#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace myelin::simulation {
namespace {

using protocol::Membership;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Each node joins through the one before it.
void chain(NodeSetup& node) {
  protocol::HyParViewParameters parameters{.shuffle_period = seconds(2)};
  if (node.index() != 0) parameters.contacts.push_back(node.host(node.index() - 1));
  node.add(protocol::make_hyparview(std::move(parameters)));
}
// All join through the first.
void star(NodeSetup& node) {
  protocol::HyParViewParameters parameters{.shuffle_period = seconds(2)};
  if (node.index() != 0) parameters.contacts.push_back(node.host(0));
  node.add(protocol::make_hyparview(std::move(parameters)));
}

Scenario overlay(std::size_t nodes, Setup setup) {
  Scenario scenario{.name = "hyparview", .nodes = nodes, .setup = std::move(setup)};
  scenario.each_step = {{"no node has itself", checks::view_self_free}, {"views are bounded", checks::view_at_most(5)}};
  scenario.at_end = {{"views are symmetric", checks::views_symmetric},
                     {"views are live", checks::views_live},
                     {"one component", checks::connected}};
  scenario.least_nodes = 2;
  return scenario;
}

TEST(HyParViewOverlay, ChainConvergence) {
  const Scenario scenario = overlay(20, chain);
  EXPECT_TRUE(holds(scenario, {.seeds = 30}));
}

TEST(HyParViewOverlay, ChainConvergesWhenAllStartAtOnce) {
  Scenario scenario = overlay(20, chain);
  scenario.join_interval = milliseconds(0);
  EXPECT_TRUE(holds(scenario, {.seeds = 30}));
}

TEST(HyParViewOverlay, ConvergesOverUnevenLatencies) {
  Scenario scenario = overlay(40, star);
  scenario.join_interval = milliseconds(5);
  scenario.options.latency = Latency::uniform(milliseconds(1), milliseconds(300));
  EXPECT_TRUE(holds(scenario, {.seeds = 20}));
}

TEST(HyParViewOverlay, ChurnConverges) {
  Scenario scenario = overlay(40, star);
  scenario.duration = seconds(60);
  scenario.faults = {Fault::crash(seconds(20), Pick::fraction(0.25))};
  EXPECT_TRUE(holds(scenario, {.seeds = 30}));
}

TEST(HyParViewOverlay, ConvergesAfterNodesCameAndWent) {
  Scenario scenario = overlay(30, star);
  scenario.duration = seconds(90);
  scenario.faults = {Fault::churn(seconds(15), seconds(1), seconds(40))};
  EXPECT_TRUE(holds(scenario, {.seeds = 20}));
}

TEST(HyParViewOverlay, ConvergesAfterSessionsBroke) {
  Scenario scenario = overlay(30, star);
  scenario.duration = seconds(60);
  for (int i = 0; i < 10; ++i) scenario.faults.push_back(Fault::reset(seconds(15 + i), Pick::random(10)));
  EXPECT_TRUE(holds(scenario, {.seeds = 20}));
}

TEST(HyParViewOverlay, IsOneAgainAfterAPartition) {
  Scenario scenario = overlay(30, star);
  scenario.duration = seconds(120);
  scenario.faults = {Fault::partition(seconds(20), Pick::range(0, 15), Pick::rest(), seconds(10))};
  EXPECT_TRUE(holds(scenario, {.seeds = 20}));
}

// Far more join through one contact at once than it has places, before the walks of the first have ended.
TEST(HyParViewOverlay, ACrowdThatJoinsAtOnceIsOneOverlay) {
  for (const auto interval : {std::chrono::microseconds(100), std::chrono::microseconds(2000)}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      Simulation world({.seed = seed, .latency = Latency::uniform(milliseconds(10), milliseconds(50))});
      world.add_nodes(2000, star, interval);
      ASSERT_TRUE(world.run_for(interval * 2000 + seconds(20)));
      const auto connected = checks::connected(world);
      EXPECT_TRUE(connected) << to_string(connected.error()) << ", seed " << seed;
      std::size_t few = 0;
      for (NodeIndex node = 0; node < world.size(); ++node) few += world.neighbors(node).size() < 4;
      EXPECT_LE(few, 4u) << "next to all have the neighbours that a fanout of four needs, seed " << seed;
    }
  }
}

// A node that was refused by all it knows, and has all its links but one, leaves it at that: no new link disturbs what
// is built on the overlay.
TEST(HyParViewOverlay, ComesToRest) {
  Simulation world({.seed = 2});
  world.add_nodes(500, star, milliseconds(20));
  ASSERT_TRUE(world.run_for(seconds(60)));
  std::vector<std::vector<NodeIndex>> before;
  for (NodeIndex node = 0; node < world.size(); ++node) before.push_back(world.neighbors(node));
  ASSERT_TRUE(world.run_for(seconds(120)));
  for (NodeIndex node = 0; node < world.size(); ++node) EXPECT_EQ(world.neighbors(node), before[node]) << node;
}

TEST(HyParViewOverlay, ShuffleRotatesPassive) {
  Simulation world({.seed = 5});
  world.add_nodes(60, star, milliseconds(100));
  ASSERT_TRUE(world.run_for(seconds(30)));
  std::size_t rotated = 0, full = 0;
  std::vector<std::set<Host>> before;
  for (NodeIndex node = 0; node < 60; ++node) {
    const auto view = world.find<Membership>(node)->passive_view();
    EXPECT_LE(view.size(), 30u);
    full += view.size() >= 20;
    before.emplace_back(view.begin(), view.end());
  }
  EXPECT_GE(full, 55u) << "shuffles fill the passive views";
  ASSERT_TRUE(world.run_for(seconds(30)));
  for (NodeIndex node = 0; node < 60; ++node) {
    const auto view = world.find<Membership>(node)->passive_view();
    const auto active = world.find<Membership>(node)->active_view();
    rotated += std::any_of(view.begin(), view.end(), [&](const Host& each) { return !before[node].contains(each); });
    for (const Host& each : view) {
      EXPECT_NE(each, world.host(node));
      EXPECT_EQ(std::count(active.begin(), active.end(), each), 0) << "no host is in both views";
    }
    EXPECT_EQ(std::set<Host>(view.begin(), view.end()).size(), view.size());
  }
  EXPECT_GE(rotated, 55u);
}

TEST(HyParViewOverlay, ConnectionsFollowTheActiveView) {
  Simulation world({.seed = 9});
  world.add_nodes(100, star, milliseconds(100));
  ASSERT_TRUE(world.run_for(seconds(60)));
  std::size_t links = 0;
  for (NodeIndex node = 0; node < 100; ++node) {
    EXPECT_EQ(world.neighbors(node).size(), world.find<Membership>(node)->active_view().size());
    links += world.neighbors(node).size();
  }
  EXPECT_GE(links, 490u) << "nearly all views are full";
}

// 1,000 nodes of which a tenth fails at once: the rest stays one graph.
TEST(HyParViewOverlay, StaysConnectedWhenATenthOfAThousandFails) {
  Simulation world({.seed = 3});
  world.add_nodes(1000, star, milliseconds(20));
  ASSERT_TRUE(world.run_for(seconds(40)));
  ASSERT_TRUE(checks::connected(world));
  world.apply(Fault::crash(seconds(0), Pick::fraction(0.1)));
  ASSERT_TRUE(world.run_for(seconds(10)));
  EXPECT_EQ(world.live(), 900u);
  const auto connected = checks::connected(world);
  EXPECT_TRUE(connected) << to_string(connected.error());
  const auto symmetric = checks::views_symmetric(world);
  EXPECT_TRUE(symmetric) << to_string(symmetric.error());
}

// -- Cyclon.

void cyclon(NodeSetup& node) {
  protocol::CyclonParameters parameters{.view_size = 12, .shuffle_length = 5, .shuffle_period = seconds(2)};
  if (node.index() != 0) parameters.contacts.push_back(node.host(0));
  node.add(protocol::make_cyclon(std::move(parameters)));
}

Result<void> cyclon_views(Simulation& world) {
  for (NodeIndex node = 0; node < world.size(); ++node) {
    if (!world.alive(node)) continue;
    const auto view = world.find<Membership>(node)->active_view();
    const std::set<Host> distinct(view.begin(), view.end());
    if (view.size() > 12 || distinct.size() != view.size() || distinct.contains(world.host(node)))
      return fail(ErrorCode::conflict, "the view of " + std::to_string(node) + " is no set of others");
    if (view.size() < 6) return fail(ErrorCode::conflict, std::to_string(node) + " knows few");
  }
  return {};
}

TEST(CyclonOverlay, FillsAndMixesItsViews) {
  Scenario scenario{.name = "cyclon", .nodes = 40, .setup = cyclon};
  scenario.at_end = {{"views", cyclon_views}};
  scenario.least_nodes = 13;
  EXPECT_TRUE(holds(scenario, {.seeds = 20}));
}

TEST(CyclonOverlay, InDegreesAreEven) {
  Simulation world({.seed = 4});
  world.add_nodes(200, cyclon, milliseconds(100));
  ASSERT_TRUE(world.run_for(seconds(80)));
  std::vector<int> in_degree(200);
  std::size_t sum = 0;
  for (NodeIndex node = 0; node < 200; ++node)
    for (const Host& each : world.find<Membership>(node)->active_view()) ++in_degree[*world.index_of(each)], ++sum;
  EXPECT_GT(sum, 200u * 11);
  EXPECT_LE(*std::max_element(in_degree.begin(), in_degree.end()), 30) << "the contact is nothing special";
  EXPECT_GE(*std::min_element(in_degree.begin(), in_degree.end()), 2);
}

TEST(CyclonOverlay, ForgetsFailedNodes) {
  Simulation world({.seed = 6});
  world.add_nodes(100, cyclon, milliseconds(100));
  ASSERT_TRUE(world.run_for(seconds(40)));
  world.apply(Fault::crash(seconds(0), Pick::fraction(0.3)));
  ASSERT_TRUE(world.run_for(seconds(120)));
  std::size_t dead = 0, all = 0;
  for (NodeIndex node = 0; node < 100; ++node) {
    if (!world.alive(node)) continue;
    for (const Host& each : world.find<Membership>(node)->active_view()) {
      ++all;
      dead += !world.alive(*world.index_of(each));
    }
  }
  EXPECT_LE(dead * 50, all) << dead << " of " << all;
}

}  // namespace
}  // namespace myelin::simulation
