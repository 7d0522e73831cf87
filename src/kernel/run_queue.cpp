#include "kernel/run_queue.hpp"

#include <algorithm>

namespace myelin::kernel {

RunQueue::Lane RunQueue::next() const {
  if (woken_.empty()) return Lane::spent;
  if (spent_.empty()) return Lane::woken;
  return in_a_row_ < woken_in_a_row && fuel_ < share_ ? Lane::woken : Lane::spent;
}

std::optional<Pid> RunQueue::pop() {
  if (empty()) return std::nullopt;
  last_ = next();
  Fifo<Pid>& lane = last_ == Lane::woken ? woken_ : spent_;
  Pid pid = lane.front();
  lane.pop_front();
  if (last_ == Lane::woken && !spent_.empty()) {
    ++in_a_row_;
  } else {
    in_a_row_ = 0;
    fuel_ = 0;
  }
  return pid;
}

void RunQueue::used(std::uint64_t fuel) {
  if (last_ == Lane::woken) fuel_ += fuel;
}

void SliceMeter::measured(std::uint64_t used, Duration took) {
  if (!wants(used) || took <= Duration::zero()) return;
  double factor = static_cast<double>(target_.count()) / static_cast<double>(took.count());
  factor = std::clamp(factor * static_cast<double>(used) / static_cast<double>(fuel_), 0.5, 2.0);
  auto next = static_cast<std::uint64_t>(static_cast<double>(fuel_) * factor);
  fuel_ = std::clamp(next, least_fuel, most_fuel);
}

}  // namespace myelin::kernel
