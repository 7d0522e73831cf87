#include "kernel/run_queue.hpp"

#include <algorithm>

namespace myelin::kernel {

std::optional<Pid> RunQueue::pop() {
  if (queue_.empty()) return std::nullopt;
  Pid pid = queue_.front();
  queue_.pop_front();
  return pid;
}

void SliceMeter::measured(std::uint64_t used, Duration took) {
  // A slice that ended early says little: what it took is mostly entering and leaving.
  if (!adapts_ || used < fuel_ / 2 || took <= Duration::zero()) return;
  double factor = static_cast<double>(target_.count()) / static_cast<double>(took.count());
  factor = std::clamp(factor * static_cast<double>(used) / static_cast<double>(fuel_), 0.5, 2.0);
  auto next = static_cast<std::uint64_t>(static_cast<double>(fuel_) * factor);
  fuel_ = std::clamp(next, least_fuel, most_fuel);
}

}  // namespace myelin::kernel
