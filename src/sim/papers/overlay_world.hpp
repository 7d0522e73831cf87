// OverlayWorld: the set-up that both papers share. N nodes join one by one through one contact, without a cycle in
// between; then cycles run, in each of which every node takes its turn once, in random order; messages are broadcast.
//
// Invariants: deterministic from its seed. Thread: one.
#pragma once

#include "myelin/protocols.hpp"
#include "myelin/simulation/simulation.hpp"
#include "sim/papers/graph.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace myelin::sim::papers {

enum class Overlay : std::uint8_t { hyparview, cyclon };

class OverlayWorld {
 public:
  using MakeBroadcaster = std::function<std::unique_ptr<protocol::Broadcaster>()>;

  OverlayWorld(std::size_t nodes, std::uint64_t seed, Overlay overlay, MakeBroadcaster broadcaster);

  // All nodes in, `cycles` cycles run.
  void build(std::size_t cycles);
  void cycle();
  // A broadcast, run to its end.
  simulation::BroadcastResult broadcast(simulation::NodeIndex origin);
  // The mean reliability of `count` broadcasts from random nodes, one each `interval`, and of each of them.
  std::vector<simulation::BroadcastResult> broadcasts(std::size_t count, protocol::Duration interval);
  // `share` of the nodes that run, at random, all at once.
  void crash(double share);
  void crash_count(std::size_t count);
  void settle(protocol::Duration time) { (void)world_.run_for(time); }

  simulation::NodeIndex random_live();
  std::size_t live() const { return world_.live(); }
  // Of the nodes that run, numbered anew.
  Graph graph() const;
  // How many links there are that were not there at the last call of this: a neighbour in one view at least.
  std::size_t new_links();
  // Summed over the nodes that run.
  protocol::Broadcaster::Traffic traffic() const;
  simulation::Simulation& world() { return world_; }

 private:
  std::vector<simulation::NodeIndex> live_nodes() const;
  std::vector<std::uint64_t> links() const;

  std::size_t nodes_;
  Overlay overlay_;
  MakeBroadcaster make_broadcaster_;
  std::mt19937_64 random_;
  // Good while their node runs.
  std::vector<protocol::Membership*> memberships_;
  std::vector<protocol::Broadcaster*> broadcasters_;
  std::vector<std::uint64_t> links_;  // at the last new_links()
  simulation::Simulation world_;
};

}  // namespace myelin::sim::papers
