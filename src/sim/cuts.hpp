// Cuts: which node reaches which. Partitions are ordered rules over sets of nodes, so that cutting ten thousand nodes
// in two costs two sets and not fifty million pairs; the last rule that names a pair holds.
//
// Thread: values.
#pragma once

#include "myelin/simulation/options.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace myelin::sim {

using simulation::NodeIndex;

class NodeSet {
 public:
  NodeSet() = default;
  explicit NodeSet(const std::vector<NodeIndex>& nodes) {
    for (const NodeIndex node : nodes) add(node);
  }
  void add(NodeIndex node) {
    if (node >= in_.size()) in_.resize(node + 1);
    in_[node] = true;
  }
  bool has(NodeIndex node) const { return node < in_.size() && in_[node]; }

 private:
  std::vector<bool> in_;
};

class Cuts {
 public:
  bool any() const { return !rules_.empty() || !pairs_.empty(); }
  // Whether nothing passes from `from` to `to`.
  bool cut(NodeIndex from, NodeIndex to) const;

  void set(NodeIndex from, NodeIndex to, bool cut);
  void set(NodeSet from, NodeSet to, bool cut);
  void clear();

 private:
  struct Rule {
    std::uint64_t order;
    NodeSet from, to;
    bool cut;
  };
  std::vector<Rule> rules_;
  std::map<std::pair<NodeIndex, NodeIndex>, std::pair<std::uint64_t, bool>> pairs_;
  std::uint64_t order_ = 0;
};

}  // namespace myelin::sim
