#include "io/simulated/loop.hpp"

#include <utility>

namespace myelin::io::simulated {

namespace {

// 2026-01-01T00:00:00Z: where the world's wall clock starts.
constexpr WallTime start_of_time{std::chrono::seconds(1'767'225'600)};

}  // namespace

Duration device_time(Random& random) {
  return std::chrono::microseconds(50) + random.up_to(std::chrono::microseconds(100));
}

SimulatedLoop::SimulatedLoop(std::uint64_t number, Fabric& fabric, Machine& machine, Disk& disk, const Names& names,
                             const Programs& programs)
    : scheduler_(fabric.scheduler()),
      machine_(machine),
      id_(scheduler_.add_loop()),
      entropy_(derive_seed(fabric.seed(), Purpose::entropy, number)),
      devices_(derive_seed(fabric.seed(), Purpose::devices, number)),
      network_(*this, fabric, machine, names),
      files_(*this, disk, devices_),
      children_(*this, programs) {
  if (machine.crashed) stop();
}

WallTime SimulatedLoop::wall() const { return start_of_time + now().time_since_epoch(); }

void SimulatedLoop::offload(Callback work, Callback done) {
  const Duration takes = device_time(devices_);
  scheduler_.at(id_, now(), [this, takes, work = std::move(work), done = std::move(done)]() mutable {
    scheduler_.run_outside(work);
    scheduler_.at(id_, now() + takes, std::move(done));
  });
}

}  // namespace myelin::io::simulated
