// The simulation itself: nodes, time, picks, broadcasts, checks, curves.
#include "myelin/simulation.hpp"

#include "sim/small_protocol_test.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace myelin::simulation::testing {
namespace {

TEST(Simulation, NodesJoinOneAfterTheOther) {
  Simulation world;
  EXPECT_EQ(world.add_nodes(5, ring(), 1s), 0U);
  EXPECT_EQ(world.size(), 5U);
  EXPECT_EQ(world.live(), 0U);
  world.run_until(2500ms);
  EXPECT_EQ(world.live(), 3U);
  EXPECT_EQ(world.now(), Duration(2500ms));
  world.run_until(4s);
  EXPECT_EQ(world.live(), 5U);
}

TEST(Simulation, RunUntilLooksAfterEveryStep) {
  Simulation world;
  world.add_nodes(5, ring(), 100ms);
  EXPECT_TRUE(world.run_until([&] { return world.live() == 3; }, 10s));
  EXPECT_EQ(world.now(), Duration(200ms));
  EXPECT_FALSE(world.run_until([&] { return world.live() == 9; }, 1s));
  EXPECT_EQ(world.now(), Duration(1200ms));
}

TEST(Simulation, StepEndsWhenNothingIsLeft) {
  Simulation world;
  world.add_nodes(2, pair());
  std::size_t steps = 0;
  while (world.step()) ++steps;
  EXPECT_EQ(steps, world.counters().steps);
  EXPECT_EQ(steps, 4U) << "two starts, a dial, an answer";
}

TEST(Simulation, ActionsHappenAtTheirTime) {
  Simulation world;
  std::vector<Duration> at;
  for (const Duration when : {Duration(3s), Duration(1s), Duration(2s)})
    world.at(when, [&at](Simulation& sim) { at.push_back(sim.now()); });
  world.run_for(2500ms);
  EXPECT_EQ(at, (std::vector<Duration>{1s, 2s}));
}

TEST(Simulation, PicksNameNodes) {
  Simulation world;
  world.add_nodes(10, ring());
  world.run_for(1s);
  EXPECT_EQ(world.pick(Pick::all()).size(), 10U);
  EXPECT_EQ(world.pick(Pick::nodes({1, 40, 3})), (std::vector<NodeIndex>{1, 3}));
  EXPECT_EQ(world.pick(Pick::range(8, 5)), (std::vector<NodeIndex>{8, 9}));
  EXPECT_EQ(world.pick(Pick::fraction(0.3)).size(), 3U);
  world.crash(4);
  for (int i = 0; i < 50; ++i) {
    const auto some = world.pick(Pick::random(9));
    EXPECT_EQ(some.size(), 9U);
    EXPECT_EQ(std::ranges::count(some, 4U), 0) << "it does not run";
    EXPECT_TRUE(std::ranges::is_sorted(some));
  }
}

TEST(Simulation, FaultsOfAScenarioHappen) {
  Simulation world({.seed = 2});
  world.add_nodes(10, ring(), 10ms);
  world.run_for(1s);
  world.apply(Fault::crash(1s, Pick::fraction(0.5)));
  world.apply(Fault::restart(2s, Pick::random(2)));
  world.run_for(1500ms);
  EXPECT_EQ(world.live(), 5U);
  world.run_for(1s);
  EXPECT_EQ(world.live(), 7U);
  world.apply(Fault::churn(0s, 100ms, 2s));
  world.run_for(5s);
  EXPECT_EQ(world.live(), 7U) << "as many come as go, but for the first";
}

TEST(Simulation, APartitionOfHalvesEndsByItself) {
  Simulation world({.latency = Latency::constant(10ms)});
  world.add_nodes(10, ring(), 10ms);
  world.run_for(1s);
  world.apply(Fault::partition(0s, Pick::range(0, 5), Pick::rest(), 5s));
  world.run_for(1s);
  world.broadcast(0, {1});
  world.run_for(1s);
  EXPECT_EQ(world.broadcast_result(0).delivered, 5U);
  EXPECT_DOUBLE_EQ(world.broadcast_result(0).reliability(), 0.5);
  world.run_for(5s);
  EXPECT_EQ(world.broadcast_result(0).delivered, 10U) << "what waited has arrived";
}

TEST(Simulation, BroadcastsAreFollowed) {
  Simulation world({.seed = 6, .latency = Latency::constant(10ms)});
  world.add_nodes(12, ring(), 10ms);
  world.run_for(1s);
  for (const NodeIndex origin : {3U, 7U}) world.broadcast(origin, {1, 2});
  world.run_for(2s);
  ASSERT_EQ(world.broadcast_count(), 2U);
  const BroadcastResult result = world.broadcast_result(1);
  EXPECT_EQ(result.origin, 7U);
  EXPECT_EQ(result.live, 12U);
  EXPECT_EQ(result.delivered, 12U);
  EXPECT_EQ(result.duplicates, 0U);
  EXPECT_EQ(result.at, Duration(1s));
  EXPECT_EQ(result.last, Duration(10ms) * result.max_hops);
  const auto tree = world.delivery_tree(1);
  EXPECT_EQ(tree.size(), 12U);
  EXPECT_TRUE(checks::no_loops_in_tree()(world).has_value());
  EXPECT_TRUE(checks::reliability_at_least(1)(world).has_value());
  EXPECT_EQ(world.messages("test.Rumour"), world.counters().messages);
  world.add_node(ring());
  world.run_for(1s);
  EXPECT_EQ(world.broadcast_result(1).live, 12U) << "it did not run then";
}

TEST(Simulation, ABroadcastWithoutAProtocolForItFails) {
  class Silent final : public protocol::Protocol {
   public:
    protocol::ProtocolId id() const override { return 1; }
    std::string_view name() const override { return "silent"; }
    void start(Context&) override {}
    void init(Context&) override {}
  };
  Simulation world;
  world.add_node([](NodeSetup& node) { node.add<Silent>(); });
  world.run_for(1s);
  world.broadcast(0, {});
  EXPECT_FALSE(world.run_for(1s));
  EXPECT_EQ(world.failure()->checker, "broadcast");
}

TEST(Simulation, CheckersOfViewsSeeWhatIsWrong) {
  Simulation world({.latency = Latency::constant(10ms)});
  world.add_nodes(6, ring(), 10ms);
  world.run_for(1s);
  EXPECT_TRUE(checks::views_symmetric(world).has_value());
  EXPECT_TRUE(checks::views_live(world).has_value());
  EXPECT_TRUE(checks::connected(world).has_value());
  EXPECT_TRUE(checks::every_node(checks::view_self_free)(world).has_value());
  EXPECT_FALSE(checks::every_node(checks::view_at_most(1))(world).has_value());
  world.crash(3);
  EXPECT_FALSE(checks::views_live(world).has_value()) << "nobody knows yet";
  world.run_for(1s);
  EXPECT_TRUE(checks::views_live(world).has_value());
  world.partition(0, 1);
  world.post(0, [&](Context& ctx) { ctx.disconnect(world.host(1)); });
  world.run_for(1s);
  EXPECT_FALSE(checks::views_symmetric(world).has_value()) << "the end of the session did not pass";
  world.reset_session(4, 5);
  world.run_for(1s);
  for (const NodeIndex node : world.neighbors(5)) world.reset_session(5, node);
  world.run_for(1s);
  EXPECT_FALSE(checks::connected(world).has_value());
}

TEST(Simulation, ACheckerThatFailsStopsTheRun) {
  Simulation world;
  world.add_nodes(4, ring(100ms), 100ms);
  world.check_cycles("never more than two", [](Simulation& sim) -> Result<void> {
    if (sim.live() > 2) return fail(ErrorCode::conflict, "three");
    return {};
  });
  EXPECT_FALSE(world.run_for(60s));
  EXPECT_EQ(world.now(), Duration(10s)) << "the end of the first cycle";
  EXPECT_EQ(world.failure()->to_string().substr(0, 26), "never more than two: three");
  const auto steps = world.counters().steps;
  EXPECT_FALSE(world.step());
  EXPECT_EQ(world.counters().steps, steps);
}

TEST(Simulation, RequestsReachTheNodesProtocols) {
  Simulation world;
  world.add_nodes(2, pair());
  world.run_for(1s);
  bool answered = false;
  world.request<protocol::Broadcast, protocol::BroadcastAccepted>(
      1, {{1}}, [&](Result<protocol::BroadcastAccepted> reply) { answered = reply.has_value(); });
  world.run_for(1s);
  EXPECT_TRUE(answered);
}

TEST(Simulation, ARuntimeThatEndsItselfIsACrashedNode) {
  Simulation world;
  world.add_nodes(2, pair());
  world.run_for(1s);
  world.post(0, [](Context& ctx) { ctx.stop_runtime("enough"); });
  world.run_for(1s);
  EXPECT_FALSE(world.alive(0));
  EXPECT_EQ(world.find<Flooder>(1)->log.back(), "down n0 link_lost");
}

TEST(Simulation, MetricsAndCurvesAreTables) {
  Simulation world({.cycle = 1s});
  world.gauge("heard", [](Simulation& sim) {
    double sum = 0;
    for (NodeIndex node = 0; node < sim.size(); ++node)
      if (sim.alive(node)) sum += static_cast<double>(sim.find<Flooder>(node)->known.size());
    return sum;
  });
  world.add_nodes(5, ring(250ms), 100ms);
  world.at(1500ms, [](Simulation& sim) { sim.broadcast(2, {9}); });
  world.run_for(3s);
  const std::string csv = world.csv();
  EXPECT_TRUE(
      csv.starts_with("time_s,live,steps,messages,timers,link_events,sent,lost,duplicated,reordered,"
                      "dead_letters,crashes,heard\n1,5,"))
      << csv;
  EXPECT_EQ(std::ranges::count(csv, '\n'), 4);
  EXPECT_TRUE(csv.ends_with(",5\n"));
  const auto curves = world.curves();
  EXPECT_EQ(curves.back().name, "heard");
  EXPECT_EQ(curves.back().points, (std::vector<std::pair<double, double>>{{1, 0}, {2, 5}, {3, 5}}));
  const std::string svg = plot_svg("heard & <seen>", std::vector{curves.back()});
  EXPECT_TRUE(svg.starts_with("<svg xmlns"));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_NE(svg.find("heard &amp; &lt;seen>"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  const auto metrics = world.metrics();
  EXPECT_TRUE(std::ranges::is_sorted(metrics));
  EXPECT_TRUE(std::ranges::any_of(metrics, [](const auto& each) { return each.first == "message.dispatched"; }));
}

TEST(Simulation, LogsOfProtocolsAreLines) {
  class Talker final : public protocol::Protocol {
   public:
    protocol::ProtocolId id() const override { return 1; }
    std::string_view name() const override { return "talker"; }
    void start(Context&) override {}
    void init(Context& ctx) override {
      ctx.logger().info("hello", {{"to", "the world"}, {"n", 5}});
      ctx.logger().debug("not this");
    }
  };
  Options options;
  std::vector<std::string> lines;
  options.log = [&](NodeIndex node, std::string_view line) {
    lines.push_back(std::to_string(node) + ": " + std::string(line));
  };
  Simulation world(options);
  world.add_node([](NodeSetup& node) { node.add<Talker>(); });
  world.run_for(1s);
  ASSERT_FALSE(lines.empty());
  EXPECT_TRUE(std::ranges::any_of(lines, [](const auto& line) { return line.find("talker hello") != line.npos; }));
  EXPECT_FALSE(std::ranges::any_of(lines, [](const auto& line) { return line.find("not this") != line.npos; }));
}

}  // namespace
}  // namespace myelin::simulation::testing
