// Same seed, same trace; tracing and checking change nothing.
#include "myelin/simulation.hpp"
#include "sim/small_protocol_test.hpp"

#include <gtest/gtest.h>

namespace myelin::simulation::testing {
namespace {

Scenario stormy() {
  Scenario scenario;
  scenario.options.latency = Latency::uniform(5ms, 60ms);
  scenario.options.noise = {.loss = 0.02, .duplication = 0.02, .reordering = 0.05};
  scenario.nodes = 24;
  scenario.setup = ring(700ms);
  scenario.duration = 40s;
  scenario.faults = {Fault::crash(5s, Pick::fraction(0.25)), Fault::partition(8s, Pick::range(0, 8), Pick::rest(), 6s),
                     Fault::restart(12s, Pick::random(3)),   Fault::slow(15s, Pick::random(2), 4, 5s),
                     Fault::reset(18s, Pick::random(3)),     Fault::churn(20s, 500ms, 10s)};
  scenario.actions = broadcasts(2s, 20, 1500ms);
  return scenario;
}

std::string trace_of(const Scenario& wanted, std::uint64_t seed) {
  Scenario scenario = wanted;
  std::string trace;
  scenario.options.trace = [&trace](std::string_view line) { (trace += line) += '\n'; };
  const RunResult result = run(scenario, Case{.seed = seed});
  EXPECT_FALSE(result.failure) << result.failure->to_string();
  return trace;
}

TEST(Determinism, TwentyRunsOfOneSeedHaveOneTrace) {
  const std::string first = trace_of(stormy(), 42);
  EXPECT_GT(first.size(), 50'000U);
  for (int i = 0; i < 19; ++i) ASSERT_EQ(trace_of(stormy(), 42), first) << "run " << i;
}

TEST(Determinism, AnotherSeedIsAnotherRun) { EXPECT_NE(trace_of(stormy(), 1), trace_of(stormy(), 2)); }

TEST(Determinism, TracingAndCheckingChangeNothing) {
  Scenario scenario = stormy();
  const RunResult plain = run(scenario, Case{.seed = 9});
  scenario.options.trace = [](std::string_view) {};
  scenario.options.log = [](NodeIndex, std::string_view) {};
  scenario.each_step = {{"views have no self", checks::view_self_free}};
  scenario.each_cycle = {{"nothing", [](Simulation&) -> Result<void> { return {}; }}};
  const RunResult watched = run(scenario, Case{.seed = 9});
  EXPECT_EQ(plain.counters.steps, watched.counters.steps);
  EXPECT_EQ(plain.counters.messages, watched.counters.messages);
  EXPECT_EQ(plain.counters.lost, watched.counters.lost);
  EXPECT_EQ(plain.counters.timers, watched.counters.timers);
}

TEST(Determinism, SteppingIsRunning) {
  const auto steps_of = [](bool by_step) {
    Simulation world({.seed = 4});
    world.add_nodes(10, ring(300ms), 50ms);
    world.at(1s, [](Simulation& at) { at.crash(3); });
    if (by_step) {
      while (world.now() <= 5s && world.step()) {
      }
      while (world.counters().steps > 0 && world.now() < 5s) world.run_until(5s);
    } else {
      world.run_until(5s);
      world.step();
    }
    return std::pair(world.counters().steps, world.counters().messages);
  };
  EXPECT_EQ(steps_of(true), steps_of(false));
}

TEST(Trace, IsProtovizWithMetaFirst) {
  Scenario scenario = stormy();
  std::vector<std::string> lines;
  scenario.options.trace = [&lines](std::string_view line) { lines.emplace_back(line); };
  run(scenario, Case{.seed = 3});
  ASSERT_FALSE(lines.empty());
  EXPECT_TRUE(lines[0].starts_with(R"({"kind":"meta","format":"protoviz/1","seed":3,"start":"0s","nodes":["n0","n1",)"))
      << lines[0];
  std::map<std::string, int> kinds;
  for (const std::string& line : lines) {
    EXPECT_TRUE(line.starts_with("{\"kind\":\"") && line.ends_with("}")) << line;
    ++kinds[line.substr(9, line.find('"', 9) - 9)];
  }
  for (const char* kind : {"node", "session", "deliver", "drop", "fault"}) EXPECT_GT(kinds[kind], 0) << kind;
  EXPECT_EQ(kinds["meta"], 1);
}

}  // namespace
}  // namespace myelin::simulation::testing
