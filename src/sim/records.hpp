// Records: what both engines count and write down while they run.
//
// Thread: one.
#pragma once

#include "base/time.hpp"
#include "myelin/simulation/simulation.hpp"
#include "sim/trace.hpp"

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::sim {

// Delivered messages by type.
class TypeCounts {
 public:
  void add(protocol::WireId wire) {
    if (last_ < counts_.size() && counts_[last_].wire == wire) {
      ++counts_[last_].count;
      return;
    }
    for (last_ = 0; last_ < counts_.size(); ++last_)
      if (counts_[last_].wire == wire) break;
    if (last_ == counts_.size()) counts_.push_back({wire, 0});
    ++counts_[last_].count;
  }
  std::uint64_t of(protocol::WireId wire) const {
    for (const auto& each : counts_)
      if (each.wire == wire) return each.count;
    return 0;
  }

 private:
  struct Count {
    protocol::WireId wire;
    std::uint64_t count;
  };
  std::vector<Count> counts_;  // few, and the same again and again
  std::size_t last_ = 0;
};

// What messages' types are called, by their wire ids, as far as a runtime has said.
class TypeNames {
 public:
  void add(const protocol::MessageType& type) { names_.try_emplace(type.wire, type.name); }
  bool has(protocol::WireId wire) const { return names_.contains(wire); }
  // The id in hexadecimal, if nobody knows better.
  std::string of(protocol::WireId wire) const {
    if (const auto found = names_.find(wire); found != names_.end()) return std::string(found->second);
    char text[20];
    std::snprintf(text, sizeof text, "0x%016llx", static_cast<unsigned long long>(wire));
    return text;
  }

 private:
  std::map<protocol::WireId, std::string_view> names_;  // of the types, which stay
};

struct Records {
  simulation::Counters counters;
  TypeCounts types;
  TypeNames names;
  Trace trace;
};

}  // namespace myelin::sim
