#include "sim/papers/experiments.hpp"

#include "base/check.hpp"
#include "sim/papers/overlay_world.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace myelin::sim::papers {

using protocol::Broadcaster;
using simulation::BroadcastResult;
using simulation::NodeIndex;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr NodeIndex one_sender = 7;

Figures copies(const std::vector<Experiment>& experiments, unsigned parallel) {
  auto figures = run_copies(experiments, parallel);
  MYELIN_CHECK(figures, figures ? "" : to_string(figures.error()));
  return std::move(*figures);
}

void graph_figures(const OverlayWorld& world, std::uint32_t stride, Figures& figures) {
  const Graph graph = world.graph();
  const Graph::Paths paths = graph.shortest_paths(stride);
  figures.add("clustering", graph.clustering_coefficient());
  figures.add("path", paths.average);
  figures.add("diameter", paths.diameter);
  figures.add("component", static_cast<double>(graph.largest_component()) / static_cast<double>(graph.size()));
  const auto degrees = graph.degrees();
  figures.add("degree5",
              degrees.size() > 5 ? static_cast<double>(degrees[5]) / static_cast<double>(graph.size()) : 0.0);
}

// One broadcast, and what the nodes received for it.
BroadcastResult measured(OverlayWorld& world, NodeIndex origin, Figures& figures) {
  const Broadcaster::Traffic before = world.traffic();
  const BroadcastResult result = world.broadcast(origin);
  const Broadcaster::Traffic after = world.traffic();
  const double payload = static_cast<double>(after.payload - before.payload);
  figures.add("payload", payload);
  figures.add("control", static_cast<double>(after.control - before.control));
  figures.add("optimised", static_cast<double>(after.optimised - before.optimised));
  figures.add("rmr", result.delivered > 1 ? payload / static_cast<double>(result.delivered - 1) - 1 : 0.0);
  figures.add("hops", result.max_hops);
  figures.add("reliability", result.reliability());
  return result;
}

Figures after_failure(OverlayWorld& world, double share, std::size_t messages) {
  Figures figures;
  world.crash(share);
  const auto first = world.broadcasts(1, milliseconds(0));
  figures.add("at_once", first.front().reliability());
  std::vector<double> reliability;
  for (const BroadcastResult& each : world.broadcasts(messages, milliseconds(100))) {
    figures.add("reliability", each.reliability());
    reliability.push_back(each.reliability());
  }
  const Graph graph = world.graph();
  figures.add("component", static_cast<double>(graph.largest_component()) / static_cast<double>(graph.size()));
  double healing = 0;
  for (double now = mean(reliability); now < 0.999 && healing < 10; ++healing) {
    world.cycle();
    reliability.clear();
    for (const BroadcastResult& each : world.broadcasts(10, milliseconds(100)))
      reliability.push_back(each.reliability());
    now = mean(reliability);
  }
  figures.add("healing", healing);
  return figures;
}

Figures overlay(const Setting& setting, Overlay kind, OverlayWorld::MakeBroadcaster make, std::uint32_t stride,
                const std::vector<int>& failures, std::size_t messages) {
  OverlayWorld world(setting.nodes, setting.seed, kind, std::move(make));
  world.build(setting.stabilise);
  Figures figures;
  graph_figures(world, stride, figures);
  for (int i = 0; i < 20; ++i) (void)measured(world, world.random_live(), figures);
  std::vector<Experiment> experiments;
  for (const int percent : failures)
    experiments.push_back({"fail" + std::to_string(percent),
                           [&world, percent, messages] { return after_failure(world, percent / 100.0, messages); }});
  figures.take("", copies(experiments, setting.parallel));
  return figures;
}

// So many cycles, with a broadcast after each; and the links that the cycle made.
Figures broadcasts(OverlayWorld& world, std::size_t cycles, bool single) {
  Figures figures;
  (void)world.new_links();
  for (std::size_t i = 0; i < cycles; ++i) {
    world.cycle();
    figures.add("links", static_cast<double>(world.new_links()));
    (void)measured(world, single ? one_sender : world.random_live(), figures);
  }
  return figures;
}

Figures uneven(OverlayWorld& world, std::size_t count, bool single) {
  Figures figures;
  world.world().set_latency(simulation::Latency::uniform(milliseconds(1), milliseconds(100)));
  for (std::size_t i = 0; i < count; ++i) (void)measured(world, single ? one_sender : world.random_live(), figures);
  return figures;
}

Figures massive(OverlayWorld& world, int percent) {
  Figures figures;
  // A tree that many senders have used.
  for (int i = 0; i < 5; ++i) (void)world.broadcast(world.random_live());
  world.crash(percent / 100.0);
  (void)measured(world, world.random_live(), figures);
  for (int i = 0; i < 7; ++i) {
    world.cycle();
    (void)measured(world, world.random_live(), figures);
  }
  return figures;
}

Figures constant(OverlayWorld& world, std::size_t cycles, std::size_t each) {
  Figures figures;
  for (int i = 0; i < 5; ++i) (void)world.broadcast(world.random_live());
  for (std::size_t i = 0; i < cycles; ++i) {
    world.crash_count(each);
    world.cycle();
    (void)measured(world, world.random_live(), figures);
  }
  return figures;
}

OverlayWorld::MakeBroadcaster make_plumtree(unsigned threshold) {
  return [threshold] { return protocol::make_plumtree({.timeout1 = seconds(3), .threshold = threshold}); };
}

}  // namespace

std::vector<int> hyparview_failures() { return {10, 20, 30, 40, 50, 60, 70, 80, 90, 95}; }
std::vector<int> cyclon_failures() { return {10, 20, 30, 40, 50, 60, 70, 80, 90, 95}; }
std::vector<int> plumtree_failures() { return {10, 30, 50, 70, 80, 90}; }

Figures flood_over_hyparview(const Setting& setting) {
  return overlay(
      setting, Overlay::hyparview, [] { return protocol::make_flood({}); }, 1, hyparview_failures(), setting.messages);
}

Figures gossip_over_cyclon(const Setting& setting) {
  return overlay(
      setting, Overlay::cyclon, [] { return protocol::make_eager_gossip({.fanout = 4}); }, 10, cyclon_failures(),
      setting.messages / 10);
}

Figures plumtree(const Setting& setting) {
  OverlayWorld world(setting.nodes, setting.seed, Overlay::hyparview, make_plumtree(0));
  world.build(setting.stabilise);
  std::vector<Experiment> experiments{
      {"ss", [&] { return broadcasts(world, setting.cycles, true); }},
      {"ms", [&] { return broadcasts(world, setting.cycles, false); }},
      {"ssu", [&] { return uneven(world, setting.cycles, true); }},
      {"msu", [&] { return uneven(world, setting.cycles, false); }},
      {"constant", [&] { return constant(world, setting.cycles, setting.nodes / 200); }},
  };
  for (const int percent : plumtree_failures())
    experiments.push_back({"fail" + std::to_string(percent), [&world, percent] { return massive(world, percent); }});
  return copies(experiments, setting.parallel);
}

Figures plumtree_optimised(const Setting& setting, unsigned threshold, bool single) {
  OverlayWorld world(setting.nodes, setting.seed, Overlay::hyparview, make_plumtree(threshold));
  world.build(setting.stabilise);
  const std::string name = single ? "ss" : "ms";
  return copies({{name, [&] { return broadcasts(world, setting.cycles, single); }},
                 {name + "u", [&] { return uneven(world, setting.cycles, single); }}},
                setting.parallel);
}

}  // namespace myelin::sim::papers
