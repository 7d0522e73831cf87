// Broadcasts: what became of each, from what nodes delivered.
//
// Who delivered what is kept of the last `kept` broadcasts; of older ones the figures, as they were then. Thread: one.
#pragma once

#include "myelin/protocols.hpp"
#include "myelin/simulation/simulation.hpp"
#include "sim/records.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace myelin::sim {

using simulation::BroadcastResult;
using simulation::NodeIndex;

class Broadcasts {
 public:
  static constexpr std::size_t kept = 1024;
  // Since when a node has been running; nothing if it does not.
  using RunningSince = std::function<std::optional<Duration>(NodeIndex)>;

  explicit Broadcasts(RunningSince since) : since_(std::move(since)) {}

  // One is sent now; gives its index.
  std::size_t begin(NodeIndex origin, Duration now, const TypeCounts& types, std::size_t nodes);
  // The broadcast protocol has given it an id.
  void accepted(std::size_t index, std::uint64_t high, std::uint64_t low);
  // Whether it was the first time at that node.
  bool delivered(NodeIndex node, const protocol::Delivered& message, std::optional<NodeIndex> from, Duration now);

  std::size_t size() const { return visible_.size(); }
  BroadcastResult result(std::size_t index) const;
  std::vector<std::pair<NodeIndex, NodeIndex>> tree(std::size_t index) const;
  std::uint64_t since_last(protocol::WireId wire, const TypeCounts& types) const;

 private:
  struct Record {
    BroadcastResult result;
    bool frozen = false;
    std::vector<bool> has;
    std::vector<NodeIndex> parent;
  };
  Record& of(std::uint64_t high, std::uint64_t low, NodeIndex node, std::uint32_t hops, Duration now);
  void freeze_old();
  BroadcastResult figures(const Record& record) const;

  RunningSince since_;
  std::vector<Record> records_;
  std::vector<std::size_t> visible_;  // records, in the order of the sends, without those that became part of another
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> ids_;
  std::size_t nodes_ = 0;
  std::size_t frozen_ = 0;
  TypeCounts at_last_;
};

}  // namespace myelin::sim
