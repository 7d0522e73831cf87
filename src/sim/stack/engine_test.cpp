// Full fidelity: the same protocols over the session wire and simulated TCP.
#include "myelin/simulation.hpp"
#include "sim/small_protocol_test.hpp"

#include <gtest/gtest.h>

namespace myelin::simulation::testing {
namespace {

Options stack(std::uint64_t seed = 1) {
  return {.seed = seed, .fidelity = Fidelity::tcp, .latency = Latency::uniform(5ms, 15ms)};
}

Flooder& at(Simulation& world, NodeIndex node) { return *world.find<Flooder>(node); }

TEST(Stack, ARingHearsEverything) {
  Simulation world(stack());
  world.add_nodes(12, ring(1s), 50ms);
  world.run_for(2s);
  EXPECT_EQ(world.live(), 12U);
  EXPECT_TRUE(checks::connected(world).has_value());
  EXPECT_TRUE(checks::views_symmetric(world).has_value());
  world.broadcast(3, {1, 2, 3});
  world.run_for(2s);
  ASSERT_EQ(world.broadcast_count(), 1U);
  EXPECT_EQ(world.broadcast_result(0).delivered, 12U);
  EXPECT_GT(world.messages("test.Rumour"), 10U);
  EXPECT_EQ(world.index_of(world.host(5)), 5U);
  EXPECT_FALSE(world.index_of(Host{"10.0.0.99", 7000}).has_value());
}

TEST(Stack, ACrashIsToldToThePeersAndARestartIsNew) {
  Simulation world(stack());
  world.add_nodes(2, pair());
  world.run_for(1s);
  EXPECT_EQ(at(world, 0).sessions.size(), 1U);
  world.crash(0);
  EXPECT_FALSE(world.alive(0));
  world.run_for(1s);
  EXPECT_TRUE(at(world, 1).sessions.empty());
  world.restart(0);
  world.run_for(1s);
  ASSERT_TRUE(world.alive(0));
  EXPECT_TRUE(at(world, 0).log.empty());
}

TEST(Stack, APartitionIsNoticedByWhoSends) {
  Simulation world(stack());
  world.add_nodes(2, pair());
  world.run_for(1s);
  world.partition(0, 1);
  world.partition(1, 0);
  world.run_for(5s);
  EXPECT_EQ(at(world, 1).sessions.size(), 1U) << "nobody is told";
  world.broadcast(1, {1});
  world.run_for(120s);
  EXPECT_TRUE(at(world, 1).sessions.empty());
}

TEST(Stack, OneSeedIsOneTrace) {
  const auto trace_of = [](std::uint64_t seed) {
    std::string trace;
    Options options = stack(seed);
    options.trace = [&trace](std::string_view line) { (trace += line) += '\n'; };
    Simulation world(std::move(options));
    world.add_nodes(8, ring(500ms), 50ms);
    world.apply(Fault::crash(3s, Pick::random(2)));
    world.apply(Fault::restart(5s, Pick::random(2)));
    world.run_for(2s);
    world.broadcast(0, {1});
    world.run_for(8s);
    return trace;
  };
  const std::string first = trace_of(5);
  EXPECT_GT(first.size(), 2000U);
  EXPECT_EQ(trace_of(5), first);
  EXPECT_NE(trace_of(6), first);
}

TEST(Stack, TheSameOverLibp2p) {
  Options options = stack();
  options.fidelity = Fidelity::libp2p;
  Simulation world(options);
  world.add_nodes(6, ring(), 50ms);
  world.run_for(5s);
  EXPECT_TRUE(checks::views_symmetric(world).has_value());
  EXPECT_TRUE(checks::connected(world).has_value());
  EXPECT_TRUE(world.host(0).name.starts_with("12D3Koo")) << world.host(0).name;
  world.broadcast(2, {1});
  world.run_for(2s);
  EXPECT_EQ(world.broadcast_result(0).delivered, 6U);
  world.crash(5);
  world.run_for(5s);
  EXPECT_TRUE(checks::views_live(world).has_value());
  world.restart(5);
  world.run_for(10s);
  EXPECT_EQ(world.live(), 6U);
  EXPECT_TRUE(checks::connected(world).has_value());
}

TEST(Stack, ARuntimeThatEndsItselfIsACrashedNode) {
  Simulation world(stack());
  world.add_nodes(2, pair());
  world.run_for(1s);
  world.post(0, [](Context& ctx) { ctx.stop_runtime("enough"); });
  world.run_for(5s);
  EXPECT_FALSE(world.alive(0));
  EXPECT_EQ(world.live(), 1U);
  EXPECT_TRUE(at(world, 1).sessions.empty());
}

}  // namespace
}  // namespace myelin::simulation::testing
