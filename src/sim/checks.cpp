#include "myelin/simulation/checks.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace myelin::simulation::checks {
namespace {

std::string text(NodeIndex node) { return std::to_string(node); }

std::unexpected<Error> broken(std::string what) { return myelin::fail(ErrorCode::conflict, std::move(what)); }

bool has(const std::vector<NodeIndex>& view, NodeIndex node) { return std::ranges::find(view, node) != view.end(); }

std::vector<std::vector<NodeIndex>> views(const Simulation& world) {
  std::vector<std::vector<NodeIndex>> all(world.size());
  for (NodeIndex node = 0; node < world.size(); ++node) all[node] = world.neighbors(node);
  return all;
}

}  // namespace

Result<void> view_self_free(Simulation& world, NodeIndex node) {
  std::vector<NodeIndex> view = world.neighbors(node);
  if (has(view, node)) return broken(text(node) + " has itself in its view");
  std::ranges::sort(view);
  if (const auto twice = std::ranges::adjacent_find(view); twice != view.end())
    return broken(text(node) + " has " + text(*twice) + " twice in its view");
  return {};
}

Simulation::LocalCheck view_at_most(std::size_t most) {
  return [most](Simulation& world, NodeIndex node) -> Result<void> {
    const std::size_t size = world.neighbors(node).size();
    if (size > most)
      return broken(text(node) + " has " + std::to_string(size) + " nodes in its view, at most " +
                    std::to_string(most) + " are allowed");
    return {};
  };
}

Result<void> delivers_once(Simulation& world, NodeIndex node) {
  if (world.duplicate_deliveries(node) > 0) return broken(text(node) + " delivered a broadcast twice");
  return {};
}

Simulation::GlobalCheck every_node(Simulation::LocalCheck check) {
  return [check = std::move(check)](Simulation& world) -> Result<void> {
    for (NodeIndex node = 0; node < world.size(); ++node)
      if (world.alive(node))
        if (auto held = check(world, node); !held) return held;
    return {};
  };
}

Result<void> views_symmetric(Simulation& world) {
  const auto all = views(world);
  for (NodeIndex node = 0; node < all.size(); ++node)
    for (const NodeIndex peer : all[node])
      if (world.alive(peer) && !has(all[peer], node))
        return broken(text(node) + " has " + text(peer) + " in its view, " + text(peer) + " has not " + text(node));
  return {};
}

Result<void> views_live(Simulation& world) {
  if (world.live() < 2) return {};
  for (NodeIndex node = 0; node < world.size(); ++node) {
    if (!world.alive(node)) continue;
    const std::vector<NodeIndex> view = world.neighbors(node);
    if (view.empty()) return broken(text(node) + " has nobody in its view");
    for (const NodeIndex peer : view)
      if (!world.alive(peer)) return broken(text(node) + " has " + text(peer) + " in its view, which does not run");
  }
  return {};
}

Result<void> connected(Simulation& world) {
  std::vector<std::vector<NodeIndex>> edges(world.size());
  for (NodeIndex node = 0; node < world.size(); ++node)
    for (const NodeIndex peer : world.neighbors(node)) {
      if (!world.alive(peer)) continue;
      edges[node].push_back(peer);
      edges[peer].push_back(node);
    }
  std::vector<bool> seen(world.size());
  std::vector<NodeIndex> todo;
  for (NodeIndex node = 0; node < world.size() && todo.empty(); ++node)
    if (world.alive(node)) todo.push_back(node), seen[node] = true;
  std::size_t reached = 0;
  while (!todo.empty()) {
    const NodeIndex node = todo.back();
    todo.pop_back();
    ++reached;
    for (const NodeIndex peer : edges[node])
      if (!seen[peer]) seen[peer] = true, todo.push_back(peer);
  }
  if (reached == world.live()) return {};
  NodeIndex out = 0;
  while (!world.alive(out) || seen[out]) ++out;
  return broken("of " + std::to_string(world.live()) + " nodes " + std::to_string(reached) + " are connected; " +
                text(out) + " is not among them");
}

Simulation::GlobalCheck reliability_at_least(double share, Duration age) {
  return [share, age](Simulation& world) -> Result<void> {
    for (std::size_t i = 0; i < world.broadcast_count(); ++i) {
      const BroadcastResult result = world.broadcast_result(i);
      if (world.now() - result.at < age || result.live == 0 || result.reliability() >= share) continue;
      return broken("broadcast " + std::to_string(i) + " of node " + text(result.origin) + " reached " +
                    std::to_string(result.delivered) + " of " + std::to_string(result.live) + " nodes");
    }
    return {};
  };
}

Simulation::GlobalCheck no_loops_in_tree(std::size_t recent) {
  return [recent](Simulation& world) -> Result<void> {
    const std::size_t count = world.broadcast_count();
    for (std::size_t i = count > recent ? count - recent : 0; i < count; ++i) {
      std::vector<NodeIndex> parent(world.size());
      std::vector<bool> in(world.size());
      const auto tree = world.delivery_tree(i);
      for (const auto& [node, from] : tree) parent[node] = from, in[node] = true;
      for (const auto& [node, from] : tree) {
        NodeIndex at = node;
        for (std::size_t hops = 0; parent[at] != at; ++hops) {
          if (hops > world.size()) return broken("broadcast " + std::to_string(i) + ": a loop through " + text(node));
          at = parent[at];
          if (!in[at])
            return broken("broadcast " + std::to_string(i) + ": " + text(at) + " passed on what it had not delivered");
        }
      }
    }
    return {};
  };
}

Simulation::GlobalCheck redundancy_at_most(double most, std::string wire_name) {
  return [most, wire = std::move(wire_name)](Simulation& world) -> Result<void> {
    if (world.broadcast_count() == 0) return {};
    const BroadcastResult last = world.broadcast_result(world.broadcast_count() - 1);
    if (last.live < 2) return {};
    const double rmr =
        static_cast<double>(world.messages_since_broadcast(wire)) / static_cast<double>(last.live - 1) - 1;
    if (rmr > most) return broken("relative message redundancy " + std::to_string(rmr) + " of the last broadcast");
    return {};
  };
}

}  // namespace myelin::simulation::checks
