// Running of a process: slices, limits, and what the end of a guest call means.
#include "kernel/actor.hpp"
#include "kernel/shard.hpp"

#include <algorithm>

namespace myelin::kernel {

namespace {

Result<void> result_of(const wasm::Run& run) {
  switch (run.state) {
    case wasm::Run::State::exited:
      if (run.exit_code == 0) return {};
      return fail(ErrorCode::guest_failed, "the guest ended with exit code " + std::to_string(run.exit_code),
                  run.exit_code);
    case wasm::Run::State::trapped:
      return fail(ErrorCode::trapped, run.reason);
    default:
      return {};
  }
}

}  // namespace

void Actor::enqueue(Lane lane) {
  if (queued_ || stopped_) return;
  queued_ = true;
  if (lane == Lane::woken && instance_ && shard_.crowded()) instance_->prefetch();
  shard_.enqueue(*this, lane);
}

void Actor::wake() {
  // What comes between the end of a slice and its bookkeeping must not be missed.
  if (waiting_)
    enqueue();
  else
    woken_ = true;
}

io::Callback Actor::waker() {
  return guarded([](Actor& self) { self.wake(); });
}

void Actor::abort_soon(Error why) {
  if (!abort_) abort_ = std::move(why);
}

// From here on count the limits of one call, or of one received message.
void Actor::begin_period() {
  cancel_timer(wall_timer_);
  period_fuel_ = instance_->fuel_used();
  if (limits().wall_per_call <= Duration::zero()) return;
  wall_timer_ = shard_.loop.start_timer(shard_.loop.now() + limits().wall_per_call, guarded([](Actor& self) {
                                          self.wall_timer_ = 0;
                                          self.wall_passed();
                                        }));
}

void Actor::wall_passed() {
  Error late{ErrorCode::timeout, "the wall time of a call is used up"};
  if (current_) return abort_current(std::move(late));
  ++failures_;
  drop_instance();
  failure(std::move(late), true);
}

std::uint64_t Actor::slice_budget() const {
  std::uint64_t budget = meter_.fuel();
  if (limits().fuel_per_call == 0) return budget;
  std::uint64_t used = instance_->fuel_used() - period_fuel_;
  std::uint64_t left = limits().fuel_per_call > used ? limits().fuel_per_call - used : 1;
  return std::min(budget, left);
}

std::uint64_t Actor::slice() {
  queued_ = false;
  if (!instance_ || !instance_->busy() || stopped_) return 0;
  waiting_ = false;
  woken_ = false;
  std::uint64_t before = instance_->fuel_used();
  Instant begun = shard_.latest_look();
  wasm::Run run = instance_->resume(slice_budget());
  std::uint64_t used = instance_->fuel_used() - before;
  if (meter_.wants(used)) meter_.measured(used, shard_.look() - begun);
  fuel_used_ += used;
  shard_.counters.fuel += used;
  after_slice(run);
  return used;
}

void Actor::after_slice(const wasm::Run& run) {
  exchange_.flush();
  if (abort_) return run_ended(run);
  switch (run.state) {
    case wasm::Run::State::waiting:
      waiting_ = true;
      if (woken_) enqueue();
      // In `receive` nothing is being worked on: no limit runs.
      if (exchange_.receiving() && phase_ == Phase::calling && !current_) cancel_timer(wall_timer_);
      period_restart_ = period_restart_ && !exchange_.receiving();
      break;
    case wasm::Run::State::sliced:
      if (limits().fuel_per_call != 0 && !period_restart_ &&
          instance_->fuel_used() - period_fuel_ >= limits().fuel_per_call)
        return run_ended(wasm::Run{wasm::Run::State::trapped, 0, "out of fuel"});
      enqueue(Lane::spent);
      break;
    default:
      return run_ended(run);
  }
  if (std::exchange(period_restart_, false)) begin_period();
}

void Actor::run_ended(const wasm::Run& run) {
  Result<void> result = result_of(run);
  // A limit that was passed says more than what the guest made of it.
  if (abort_) result = fail(*std::exchange(abort_, std::nullopt));
  bool returned = run.state == wasm::Run::State::finished && result;
  if (run.state == wasm::Run::State::trapped) ++shard_.counters.traps;
  if (!result) ++failures_;
  flush_log();
  if (phase_ == Phase::starting) {
    if (returned) return started();
    drop_instance();
    if (result) result = fail(ErrorCode::guest_failed, "the guest ended in _initialize");
    return start_failed(result.error());
  }
  if (classified_.kind == ProcessKind::mailbox) {
    drop_instance();
    cancel_timer(wall_timer_);
    if (result) return failure(Error{ErrorCode::guest_failed, "the process has ended"}, false);
    return failure(result.error(), true);
  }
  bool left = current_->left;
  if (classified_.kind == ProcessKind::command || !returned) {
    finish_current(result);
    drop_instance();
  } else {
    finish_current(result);
  }
  if (classified_.kind == ProcessKind::command || returned) {
    if (!result) note(result.error());
    phase_ = Phase::idle;
    return next();
  }
  if (result) return fresh(Error{ErrorCode::guest_failed, "the guest ended with exit code 0"});
  // What its caller's leaving brought about does not count against it.
  if (left) return fresh(result.error());
  failure(result.error(), true);
}

}  // namespace myelin::kernel
