// Scheduling on one shard: who runs next, and for how much fuel.
//
// Round robin: a process whose slice is used up goes to the end. The fuel of a slice is the process's own: in the real
// world it follows measured time, because memory-bound code burns fuel slower. Pure. Thread: the shard.
#pragma once

#include "base/ids.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <deque>
#include <optional>

namespace myelin::kernel {

class RunQueue {
 public:
  // REQUIRES: it is not queued (the process keeps that flag).
  void push(const Pid& pid) { queue_.push_back(pid); }
  std::optional<Pid> pop();
  bool empty() const { return queue_.empty(); }
  std::size_t size() const { return queue_.size(); }

 private:
  std::deque<Pid> queue_;
};

class SliceMeter {
 public:
  static constexpr std::uint64_t least_fuel = 10'000;
  static constexpr std::uint64_t most_fuel = 20'000'000;

  SliceMeter(std::uint64_t fuel, Duration target, bool adapts) : fuel_(fuel), target_(target), adapts_(adapts) {}
  std::uint64_t fuel() const { return fuel_; }
  // A slice used `used` fuel and took `took`. Moves at most by half or double at a time.
  void measured(std::uint64_t used, Duration took);

 private:
  std::uint64_t fuel_;
  Duration target_;
  bool adapts_;
};

}  // namespace myelin::kernel
