#include "gossip.hpp"

#include <myelin/simulation.hpp>
#include <myelin/simulation/gtest.hpp>

#include <chrono>
#include <string>

using namespace myelin::simulation;
using std::chrono::milliseconds;
using std::chrono::seconds;

myelin::Result<void> everybody_heard(Simulation& world) {
  for (NodeIndex node = 0; node < world.size(); ++node)
    if (!world.find<Gossip>(node)->heard("hello"))
      return myelin::fail(myelin::ErrorCode::timeout, "node " + std::to_string(node) + " did not hear");
  return {};
}

Scenario hello() {
  Scenario scenario{.nodes = 10, .setup = [](NodeSetup& node) {
    std::set<Host> peers;
    for (int i = 0; i < 2 && node.index() > 0; ++i)
      peers.insert(node.host(static_cast<NodeIndex>(node.random() % node.index())));
    node.add<Gossip>(peers);
  }};
  scenario.options.latency = Latency::uniform(milliseconds(5), milliseconds(50));
  scenario.actions = {{.at = seconds(5), .run = [](Simulation& world) {
    world.post(0, [&world](Context&) { world.find<Gossip>(0)->say("hello"); });
  }}};
  scenario.duration = seconds(20);
  scenario.at_end = {{"everybody heard", everybody_heard}};
  return scenario;
}

TEST(Gossip, EverybodyHears) { EXPECT_TRUE(holds(hello())); }

TEST(Gossip, EverybodyHearsThoughSessionsBreak) {
  Scenario scenario = hello();
  // While the rumor is on its way, three nodes lose all their sessions.
  scenario.faults = {Fault::reset(seconds(5) + milliseconds(30), Pick::random(3))};
  EXPECT_TRUE(holds(scenario));
}
