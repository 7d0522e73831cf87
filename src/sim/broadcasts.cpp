#include "sim/broadcasts.hpp"

#include <algorithm>

namespace myelin::sim {
namespace {
constexpr NodeIndex nobody = UINT32_MAX;
}

std::size_t Broadcasts::begin(NodeIndex origin, Duration now, const TypeCounts& types, std::size_t nodes) {
  at_last_ = types;
  nodes_ = nodes;
  Record& record = records_.emplace_back();
  record.result.origin = origin;
  record.result.at = now;
  visible_.push_back(records_.size() - 1);
  freeze_old();
  return records_.size() - 1;
}

// The protocol publishes the delivery at the origin, and answers with the id, in whichever order it likes.
void Broadcasts::accepted(std::size_t index, std::uint64_t high, std::uint64_t low) {
  Record& record = records_[index];
  record.result.id_high = high;
  record.result.id_low = low;
  const auto [found, fresh] = ids_.try_emplace({high, low}, index);
  if (fresh || found->second == index) return;
  // Delivered before the answer came: that record is this one.
  Record& early = records_[found->second];
  const NodeIndex origin = record.result.origin;
  const Duration at = record.result.at;
  early.result.last += early.result.at - at;
  record = std::move(early);
  record.result.origin = origin;
  record.result.at = at;
  std::erase(visible_, found->second);
  found->second = index;
}

Broadcasts::Record& Broadcasts::of(std::uint64_t high, std::uint64_t low, NodeIndex node, std::uint32_t hops,
                                   Duration now) {
  const auto [found, fresh] = ids_.try_emplace({high, low}, records_.size());
  if (!fresh) return records_[found->second];
  Record& record = records_.emplace_back();
  record.result.id_high = high;
  record.result.id_low = low;
  record.result.origin = hops == 0 ? node : nobody;
  record.result.at = now;
  visible_.push_back(records_.size() - 1);
  freeze_old();
  return records_[ids_.find({high, low})->second];
}

bool Broadcasts::delivered(NodeIndex node, const protocol::Delivered& message, std::optional<NodeIndex> from,
                           Duration now) {
  Record& record = of(message.id_high, message.id_low, node, message.hops, now);
  BroadcastResult& result = record.result;
  if (record.frozen) return true;
  if (node >= record.has.size()) {
    record.has.resize(std::max<std::size_t>(nodes_, node + 1));
    record.parent.resize(record.has.size(), nobody);
  }
  if (record.has[node]) {
    ++result.duplicates;
    return false;
  }
  record.has[node] = true;
  record.parent[node] = from && message.hops > 0 ? *from : node;
  result.max_hops = std::max(result.max_hops, message.hops);
  result.last = std::max(result.last, now - result.at);
  return true;
}

void Broadcasts::freeze_old() {
  for (; frozen_ + kept < records_.size(); ++frozen_) {
    Record& record = records_[frozen_];
    record.result = figures(record);
    record.frozen = true;
    std::vector<bool>().swap(record.has);
    std::vector<NodeIndex>().swap(record.parent);
  }
}

BroadcastResult Broadcasts::figures(const Record& record) const {
  BroadcastResult result = record.result;
  result.live = result.delivered = 0;
  for (NodeIndex node = 0; node < std::max(nodes_, record.has.size()); ++node) {
    const auto since = since_(node);
    if (!since || *since > result.at) continue;
    ++result.live;
    if (node < record.has.size() && record.has[node]) ++result.delivered;
  }
  return result;
}

BroadcastResult Broadcasts::result(std::size_t index) const {
  const Record& record = records_[visible_.at(index)];
  return record.frozen ? record.result : figures(record);
}

std::vector<std::pair<NodeIndex, NodeIndex>> Broadcasts::tree(std::size_t index) const {
  std::vector<std::pair<NodeIndex, NodeIndex>> edges;
  const Record& record = records_[visible_.at(index)];
  for (NodeIndex node = 0; node < record.has.size(); ++node)
    if (record.has[node]) edges.emplace_back(node, record.parent[node]);
  return edges;
}

std::uint64_t Broadcasts::since_last(protocol::WireId wire, const TypeCounts& types) const {
  return types.of(wire) - at_last_.of(wire);
}

}  // namespace myelin::sim
