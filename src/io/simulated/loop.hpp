// One loop of a simulated host.
//
// Lifetime: owned by its host; outlives everything that was given a reference to it.
#pragma once

#include "io/loop.hpp"
#include "io/simulated/children.hpp"
#include "io/simulated/fabric.hpp"
#include "io/simulated/files.hpp"
#include "io/simulated/network.hpp"
#include "io/simulated/random.hpp"
#include "io/simulated/scheduler.hpp"

namespace myelin::io::simulated {

// What a blocking operation takes: between 50 and 150 µs, so that two of them may end in either order.
Duration device_time(Random& random);

class SimulatedLoop final : public Loop {
 public:
  // `number` is unique in the world; the loop's randomness comes from it.
  SimulatedLoop(std::uint64_t number, Fabric& fabric, Machine& machine, Disk& disk, const Names& names,
                const Programs& programs);

  Instant now() const override { return scheduler_.now(); }
  WallTime wall() const override;
  void post(Callback callback) override { scheduler_.post(id_, std::move(callback)); }
  void resume_soon(std::coroutine_handle<> handle) override { scheduler_.resume_soon(id_, handle); }
  bool here() const override { return scheduler_.current() == id_; }
  bool crashed() const override { return machine_.crashed; }
  TimerId start_timer(Instant when, Callback callback) override {
    return scheduler_.at(id_, when, std::move(callback));
  }
  void cancel_timer(TimerId id) override { scheduler_.cancel(id_, id); }
  void random(MutableView out) override { entropy_.fill(out); }
  Network& network() override { return network_; }
  Files& files() override { return files_; }
  Children& children() override { return children_; }
  void offload(Callback work, Callback done) override;

  // Drops all that waits here, for good.
  void stop() { scheduler_.stop(id_); }

 private:
  Scheduler& scheduler_;
  Machine& machine_;
  Scheduler::LoopId id_;
  Random entropy_;
  Random devices_;
  SimulatedNetwork network_;
  SimulatedFiles files_;
  SimulatedChildren children_;
};

}  // namespace myelin::io::simulated
