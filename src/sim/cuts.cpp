#include "sim/cuts.hpp"

#include <ranges>

namespace myelin::sim {

bool Cuts::cut(NodeIndex from, NodeIndex to) const {
  std::uint64_t order = 0;
  bool result = false;
  if (const auto found = pairs_.find({from, to}); found != pairs_.end()) std::tie(order, result) = found->second;
  for (const Rule& rule : rules_ | std::views::reverse) {
    if (rule.order < order) break;
    if (rule.from.has(from) && rule.to.has(to)) return rule.cut;
  }
  return result;
}

void Cuts::set(NodeIndex from, NodeIndex to, bool cut) { pairs_[{from, to}] = {++order_, cut}; }

void Cuts::set(NodeSet from, NodeSet to, bool cut) {
  rules_.push_back({++order_, std::move(from), std::move(to), cut});
}

void Cuts::clear() {
  rules_.clear();
  pairs_.clear();
}

}  // namespace myelin::sim
