// The simulator in a GoogleTest of yours:
//
//   TEST(Gossip, EverybodyHears) {
//     Scenario scenario{.nodes = 20, .setup = [](NodeSetup& node) { node.add<Gossip>(node.host(0)); }};
//     scenario.at_end = {{"everybody heard", everybody_heard}};
//     EXPECT_TRUE(holds(scenario));
//   }
//
// runs a hundred seeds, and prints the first that fails, made as short as it can be, with the command that replays it.
// This is the only header of ours that wants GoogleTest.
#pragma once

#include "myelin/simulation/scenario.hpp"

#include <gtest/gtest.h>
#include <string>

namespace myelin::simulation {

inline testing::AssertionResult holds(const Scenario& scenario, SeedOptions options = {}) {
  if (const auto* test = testing::UnitTest::GetInstance()->current_test_info();
      test != nullptr && options.replay.empty())
    options.replay = "MYELIN_SEED={} " + testing::internal::GetArgvs().front() +
                     " --gtest_filter=" + test->test_suite_name() + "." + test->name();
  const Verdict verdict = run_seeds(scenario, options);
  if (verdict) return testing::AssertionSuccess();
  return testing::AssertionFailure() << verdict.report();
}

}  // namespace myelin::simulation
