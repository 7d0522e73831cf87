// The overlays that ship, over the session wire and over libp2p: everybody hears everything, one seed is one trace, and
// traces and counters say the same as at overlay fidelity.
#include "myelin/protocols.hpp"
#include "myelin/simulation.hpp"
#include "sim/small_protocol_test.hpp"

#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <ranges>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::simulation::testing {
namespace {

using protocol::Bytes;

std::vector<Host> contact(NodeSetup& node) {
  return node.index() == 0 ? std::vector<Host>{} : std::vector<Host>{node.host(0)};
}
void plumtree(NodeSetup& node) {
  node.add(protocol::make_hyparview({.contacts = contact(node), .shuffle_period = 2s}));
  node.add(protocol::make_plumtree({}));
}
void flood(NodeSetup& node) {
  node.add(protocol::make_hyparview({.contacts = contact(node), .shuffle_period = 2s}));
  node.add(protocol::make_flood({}));
}
// With so many peers chosen for each message, that one of 200 nodes is missed is a matter of one run in thousands.
void gossip(NodeSetup& node) {
  node.add(protocol::make_cyclon({.contacts = contact(node), .shuffle_period = 2s}));
  node.add(protocol::make_eager_gossip({.fanout = 15}));
}

Scenario overlay(Fidelity fidelity, std::size_t nodes, Setup setup) {
  Scenario scenario{.name = "overlay", .nodes = nodes, .setup = std::move(setup)};
  scenario.options.fidelity = fidelity;
  scenario.options.latency = Latency::uniform(5ms, 15ms);
  scenario.join_interval = 20ms;
  scenario.duration = 16s;
  scenario.actions = broadcasts(10s, 5, 500ms);
  scenario.at_end = {{"everybody hears", checks::reliability_at_least(1, 3s)}};
  return scenario;
}

struct Outcome {
  std::string trace, failure;
  Counters counters;
  std::set<std::string> wires;  // of all delivered messages
  std::vector<double> reliability;
};

Outcome outcome(Scenario scenario, std::uint64_t seed, bool traced) {
  Outcome seen;
  if (traced) scenario.options.trace = [&seen](std::string_view line) { (seen.trace += line) += '\n'; };
  const auto result = run(scenario, {.seed = seed}, [&seen](Simulation& world) {
    for (const auto& each : world.broadcasts()) seen.reliability.push_back(each.reliability());
  });
  if (result.failure) seen.failure = result.failure->to_string();
  seen.counters = result.counters;
  std::uint64_t delivered = 0;
  for (const auto part : std::views::split(seen.trace, '\n')) {
    const std::string_view line(part.begin(), part.end());
    if (!line.starts_with(R"({"kind":"deliver")")) continue;
    const auto json = nlohmann::json::parse(line);
    seen.wires.insert(json.at("wire").get<std::string>());
    EXPECT_TRUE(json.contains("bytes")) << line;
    ++delivered;
  }
  if (traced) EXPECT_EQ(delivered, seen.counters.messages);
  return seen;
}

void everybody_hears(Fidelity fidelity, std::size_t nodes, const Setup& setup) {
  const Outcome seen = outcome(overlay(fidelity, nodes, setup), 3, false);
  EXPECT_EQ(seen.failure, "");
  EXPECT_EQ(seen.reliability, std::vector<double>(5, 1.0));
  // Each node shuffles every 2 s, from 4 s (when the last has joined) to 16 s at least.
  EXPECT_GE(seen.counters.timers, nodes * 5);
}

constexpr std::size_t many = 200;  // over TCP
constexpr std::size_t some = 25;   // over libp2p, whose handshakes are real

TEST(StackOverlays, PlumtreeOverHyParViewOverTcp) { everybody_hears(Fidelity::tcp, many, plumtree); }
TEST(StackOverlays, FloodOverHyParViewOverTcp) { everybody_hears(Fidelity::tcp, many, flood); }
TEST(StackOverlays, GossipOverCyclonOverTcp) { everybody_hears(Fidelity::tcp, many, gossip); }
TEST(StackOverlays, PlumtreeOverHyParViewOverLibp2p) { everybody_hears(Fidelity::libp2p, some, plumtree); }
TEST(StackOverlays, FloodOverHyParViewOverLibp2p) { everybody_hears(Fidelity::libp2p, some, flood); }
TEST(StackOverlays, GossipOverCyclonOverLibp2p) { everybody_hears(Fidelity::libp2p, some, gossip); }

void one_seed_one_trace(Fidelity fidelity, std::size_t nodes, const Setup& setup) {
  Scenario scenario = overlay(fidelity, nodes, setup);
  scenario.duration = 13s;
  scenario.faults = {Fault::crash(9s, Pick::fraction(0.1)), Fault::restart(10s, Pick::fraction(0.5))};
  scenario.at_end.clear();
  const Outcome first = outcome(scenario, 5, true);
  EXPECT_GT(first.trace.size(), nodes * 1000);
  EXPECT_TRUE(outcome(scenario, 5, true).trace == first.trace) << "a second run of one seed";
  const Outcome untraced = outcome(scenario, 5, false);
  EXPECT_EQ(untraced.counters.steps, first.counters.steps) << "tracing changed the run";
  EXPECT_EQ(untraced.counters.messages, first.counters.messages);
  EXPECT_EQ(untraced.counters.timers, first.counters.timers);
  EXPECT_TRUE(outcome(scenario, 6, true).trace != first.trace);
}

TEST(StackOverlays, OneSeedIsOneTraceOverTcp) { one_seed_one_trace(Fidelity::tcp, 100, plumtree); }
TEST(StackOverlays, OneSeedIsOneTraceOverLibp2p) { one_seed_one_trace(Fidelity::libp2p, 20, plumtree); }

TEST(StackOverlays, TracesNameTheSameMessageTypesAtEachFidelity) {
  for (void (*const setup)(NodeSetup&) : {plumtree, gossip}) {
    const Outcome whole = outcome(overlay(Fidelity::overlay, 20, setup), 2, true);
    EXPECT_FALSE(whole.wires.empty());
    for (const std::string& wire : whole.wires) EXPECT_FALSE(wire.starts_with("0x")) << wire;
    EXPECT_EQ(outcome(overlay(Fidelity::tcp, 20, setup), 2, true).wires, whole.wires);
    EXPECT_EQ(outcome(overlay(Fidelity::libp2p, 20, setup), 2, true).wires, whole.wires);
  }
}

// A run in which nothing depends on chance: every figure is the same.
TEST(StackOverlays, CountersAndSizesAreTheSameAtEachFidelity) {
  const auto told = [](Fidelity fidelity) {
    std::vector<std::string> lines;
    Options options{.seed = 1, .fidelity = fidelity, .latency = Latency::constant(10ms)};
    options.trace = [&lines](std::string_view line) {
      const auto json = nlohmann::json::parse(line);
      if (json.at("kind") == "deliver")
        lines.push_back(json.at("wire").get<std::string>() + " " + json.at("bytes").dump());
    };
    Simulation world(options);
    world.add_nodes(2, ring(700ms));
    world.run_for(5s);
    for (int i = 0; i < 3; ++i) {
      world.broadcast(0, Bytes{1});
      world.run_for(1s);
    }
    lines.push_back("timers " + std::to_string(world.counters().timers));
    lines.push_back("messages " + std::to_string(world.counters().messages));
    lines.push_back("sent " + std::to_string(world.counters().sent));
    return lines;
  };
  const auto whole = told(Fidelity::overlay);
  EXPECT_EQ(whole.front(), "test.Rumour 12");
  EXPECT_EQ(whole[whole.size() - 3], "timers 22") << "two nodes, a beat each 700 ms for 8 s";
  EXPECT_EQ(told(Fidelity::tcp), whole);
  EXPECT_EQ(told(Fidelity::libp2p), whole);
}

}  // namespace
}  // namespace myelin::simulation::testing
