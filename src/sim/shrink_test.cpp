// Many seeds, failing runs made short, and cases as text.
#include "myelin/simulation/gtest.hpp"
#include "sim/small_protocol_test.hpp"

#include <cstdlib>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

namespace myelin::simulation::testing {
namespace {

// Everybody hears every rumour, unless something is wrong.
Scenario rumours(std::vector<Fault> faults) {
  Scenario scenario{.nodes = 16, .setup = ring(), .duration = 30s};
  scenario.least_nodes = 2;
  scenario.faults = std::move(faults);
  scenario.actions = broadcasts(10s, 5, 1s);
  scenario.at_end = {{"everybody heard", checks::reliability_at_least(1)},
                     {"no loops", checks::no_loops_in_tree()},
                     {"once", checks::every_node(checks::delivers_once)}};
  return scenario;
}

TEST(Seeds, AHundredHoldWhereNothingIsWrong) { EXPECT_TRUE(holds(rumours({}))); }

TEST(Seeds, AFailureIsMadeShortAndCanBeReplayed) {
  Scenario scenario = rumours({Fault::slow(1s, Pick::node(3), 2), Fault::slow(2s, Pick::node(2), 2),
                               Fault::disturb(5s, {.loss = 0.5}), Fault::slow(3s, Pick::node(1), 2)});
  const Verdict verdict = run_seeds(scenario, {.seeds = 100, .replay = "replay --seed {}"});
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.failed->failure->checker, "everybody heard");
  ASSERT_TRUE(verdict.shrunk.has_value());
  EXPECT_LT(verdict.shrunk->nodes, 8U);
  EXPECT_EQ(verdict.shrunk->which.faults, std::vector<std::size_t>{2}) << "only the loss matters";
  EXPECT_LE(verdict.shrunk->which.actions->size(), 2U);
  EXPECT_LT(verdict.shrunk->counters.steps, verdict.failed->counters.steps);
  EXPECT_EQ(verdict.replay, "replay --seed " + verdict.shrunk->which.to_string());
  EXPECT_NE(verdict.report().find("everybody heard"), std::string::npos);

  const auto again = Case::parse(verdict.shrunk->which.to_string());
  ASSERT_TRUE(again.has_value());
  const RunResult replayed = run(scenario, *again);
  ASSERT_TRUE(replayed.failure.has_value());
  EXPECT_EQ(replayed.failure->to_string(), verdict.shrunk->failure->to_string());
}

TEST(Seeds, AFailureDuringTheRunEndsAtItsStep) {
  Scenario scenario = rumours({});
  scenario.at_end = {};
  scenario.each_step = {{"nobody hears two", [](Simulation& world, NodeIndex node) -> Result<void> {
                           if (world.find<Flooder>(node)->known.size() >= 2) return fail(ErrorCode::conflict, "two");
                           return {};
                         }}};
  const Verdict verdict = run_seeds(scenario, {.seeds = 3});
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.runs, 1U);
  EXPECT_EQ(verdict.shrunk->which.steps, verdict.shrunk->failure->step);
  EXPECT_EQ(verdict.shrunk->counters.steps, verdict.shrunk->failure->step);
  EXPECT_EQ(verdict.shrunk->nodes, 2U);
  EXPECT_EQ(verdict.shrunk->which.actions->size(), 2U);
}

TEST(Seeds, TheEnvironmentChoosesOneCase) {
  const Scenario scenario = rumours({Fault::disturb(5s, {.loss = 0.9})});
  ::setenv("MYELIN_SEED", "3/nodes=4", 1);
  const Verdict verdict = run_seeds(scenario);
  ::setenv("MYELIN_SEED", "not a case", 1);
  const Verdict bad = run_seeds(scenario);
  ::unsetenv("MYELIN_SEED");
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.failed->which.to_string(), "3/nodes=4");
  EXPECT_EQ(verdict.failed->nodes, 4U);
  EXPECT_NE(verdict.replay.find("MYELIN_SEED=3/nodes=4 "), std::string::npos);
  ASSERT_FALSE(bad) << "a case that is none must not pass";
}

TEST(Seeds, GoogleTestPrintsTheReport) {
  EXPECT_NONFATAL_FAILURE(EXPECT_TRUE(holds(rumours({Fault::disturb(5s, {.loss = 0.9})}))),
                          "--gtest_filter=Seeds.GoogleTestPrintsTheReport");
}

TEST(Seeds, ASetupWithoutProtocolsFails) {
  Scenario scenario{.nodes = 2, .setup = [](NodeSetup&) {}};
  const RunResult result = run(scenario, {});
  ASSERT_TRUE(result.failure.has_value());
  EXPECT_EQ(result.failure->checker, "start");
}

TEST(Seeds, ANodeThatNeverRestsIsALivelock) {
  class Restless final : public protocol::Protocol {
   public:
    protocol::ProtocolId id() const override { return 1; }
    std::string_view name() const override { return "restless"; }
    void start(Context& ctx) override { ctx_ = &ctx; }
    void init(Context&) override { again(); }
    void again() {
      ctx_->defer([this] { again(); });
    }
    Context* ctx_ = nullptr;
  };
  Scenario scenario{.nodes = 1, .setup = [](NodeSetup& node) { node.add<Restless>(); }};
  const RunResult result = run(scenario, {});
  ASSERT_TRUE(result.failure.has_value());
  EXPECT_EQ(result.failure->checker, "livelock");
}

TEST(Case, IsTextAndBack) {
  for (const char* text : {"1", "18446744073709551615", "17/nodes=4", "17/faults=0,2/steps=913",
                           "17/faults=", "17/nodes=1/faults=1/actions=0,5,9/steps=1"}) {
    const auto parsed = Case::parse(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(parsed->to_string(), text);
  }
  for (const char* text : {"", "x", "1/", "1/nodes", "1/nodes=x", "1/faults=2,1", "1/faults=1,,2", "1/what=1", "-1"})
    EXPECT_TRUE(!Case::parse(text) || std::string_view(text) == "1/") << text;
}

}  // namespace
}  // namespace myelin::simulation::testing
