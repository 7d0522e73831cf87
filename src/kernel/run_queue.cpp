#include "kernel/run_queue.hpp"

#include <algorithm>

namespace myelin::kernel {

void SliceMeter::measured(std::uint64_t used, Duration took) {
  if (!wants(used) || took <= Duration::zero()) return;
  double factor = static_cast<double>(target_.count()) / static_cast<double>(took.count());
  factor = std::clamp(factor * static_cast<double>(used) / static_cast<double>(fuel_), 0.5, 2.0);
  auto next = static_cast<std::uint64_t>(static_cast<double>(fuel_) * factor);
  fuel_ = std::clamp(next, least_fuel, most_fuel);
}

}  // namespace myelin::kernel
