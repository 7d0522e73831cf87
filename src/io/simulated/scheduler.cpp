#include "io/simulated/scheduler.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace myelin::io::simulated {

namespace {

// A TimerId is a slot and how often that slot was used before: 2^28 timers at a time, 2^36 uses of each slot.
constexpr unsigned slot_bits = 28;
constexpr std::uint64_t slot_mask = (std::uint64_t{1} << slot_bits) - 1;
constexpr std::size_t least_stale = 64;

}  // namespace

bool Scheduler::later(const Due& a, const Due& b) {
  return std::tie(a.when, a.tie, a.id) > std::tie(b.when, b.tie, b.id);
}

Scheduler::LoopId Scheduler::add_loop() {
  loops_.emplace_back();
  return static_cast<LoopId>(loops_.size() - 1);
}

void Scheduler::enqueue(LoopId loop, Ready ready) {
  if (dropping(loop)) return;
  auto& queue = loops_[loop].queue;
  if (queue.empty()) ready_.push_back(loop);
  queue.push(std::move(ready));
}

void Scheduler::post(LoopId loop, Callback callback) { enqueue(loop, Ready{std::move(callback), {}}); }

void Scheduler::resume_soon(LoopId loop, std::coroutine_handle<> handle) { enqueue(loop, Ready{{}, handle}); }

Scheduler::TimerId Scheduler::at(LoopId loop, Instant when, Callback callback) {
  std::uint32_t index = 0;
  if (free_slots_.empty()) {
    MYELIN_CHECK(slots_.size() <= slot_mask, "too many timers at a time");
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  auto& slot = slots_[index];
  const TimerId id = (slot.generation << slot_bits) | index;
  if (dropping(loop)) {
    ++slot.generation;
    free_slots_.push_back(index);
    return id;
  }
  slot.callback = std::move(callback);
  slot.loop = loop;
  slot.armed = true;
  heap_.push_back({std::max(when, now_), random_.next(), id});
  std::push_heap(heap_.begin(), heap_.end(), later);
  return id;
}

Scheduler::Slot* Scheduler::find(TimerId id) {
  const auto index = static_cast<std::size_t>(id & slot_mask);
  if (index >= slots_.size()) return nullptr;
  auto& slot = slots_[index];
  return slot.armed && slot.generation == id >> slot_bits ? &slot : nullptr;
}

Callback Scheduler::release(TimerId id) {
  auto& slot = slots_[static_cast<std::size_t>(id & slot_mask)];
  Callback callback = std::exchange(slot.callback, {});
  slot.armed = false;
  ++slot.generation;
  free_slots_.push_back(static_cast<std::uint32_t>(id & slot_mask));
  return callback;
}

void Scheduler::cancel(LoopId loop, TimerId id) {
  const Slot* slot = find(id);
  if (slot == nullptr || slot->loop != loop) return;
  ++stale_;
  const Callback dropped = release(id);
  if (stale_ > least_stale && stale_ * 2 > heap_.size()) drop_stale();
}

void Scheduler::drop_stale() {
  std::erase_if(heap_, [this](const Due& due) { return find(due.id) == nullptr; });
  std::make_heap(heap_.begin(), heap_.end(), later);
  stale_ = 0;
}

void Scheduler::stop(LoopId loop) {
  std::vector<Callback> dropped;
  Fifo<Ready> queue;
  if (loop != no_loop) {
    loops_[loop].stopped = true;
    std::swap(queue, loops_[loop].queue);
    std::erase(ready_, loop);
  }
  for (std::size_t index = 0; index < slots_.size(); ++index) {
    const auto& slot = slots_[index];
    if (slot.armed && slot.loop == loop) dropped.push_back(release((slot.generation << slot_bits) | index));
  }
  drop_stale();
}

void Scheduler::stop_all() {
  closing_ = true;
  for (LoopId loop = 0; loop < loops_.size(); ++loop) stop(loop);
  stop(no_loop);
}

bool Scheduler::step(Instant limit) {
  MYELIN_CHECK(!running_, "the world is driven from inside one of its own callbacks");
  if (now_ > limit) return false;
  while (!heap_.empty() && find(heap_.front().id) == nullptr) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
    --stale_;
  }
  bool due = !heap_.empty() && heap_.front().when <= now_;
  if (ready_.empty() && !due) {
    if (heap_.empty() || heap_.front().when > limit) return false;
    now_ = heap_.front().when;
    turns_ = 0;
    due = true;
  }
  if (++turns_ > turns_per_instant) {
    turns_ = 0;
    now_ += stuck_step;
  }
  const std::size_t choices = ready_.size() + (due ? 1 : 0);
  const std::size_t choice = choices == 1 ? 0 : static_cast<std::size_t>(random_.below(choices));
  if (choice < ready_.size()) {
    run_ready(choice);
  } else {
    run_timer();
  }
  return true;
}

void Scheduler::advance(Instant when) {
  if (when <= now_) return;
  now_ = when;
  turns_ = 0;
}

void Scheduler::run_ready(std::size_t index) {
  const LoopId loop = ready_[index];
  auto& queue = loops_[loop].queue;
  Ready ready = queue.pop();
  if (queue.empty()) {
    ready_[index] = ready_.back();
    ready_.pop_back();
  }
  run(loop, std::move(ready));
}

void Scheduler::run_timer() {
  const TimerId id = heap_.front().id;
  std::pop_heap(heap_.begin(), heap_.end(), later);
  heap_.pop_back();
  const LoopId loop = find(id)->loop;
  run(loop, Ready{release(id), {}});
}

void Scheduler::run(LoopId loop, Ready ready) {
  current_ = loop;
  running_ = true;
  if (ready.handle) {
    ready.handle.resume();
  } else {
    ready.callback();
  }
  ready.callback = {};  // still as part of the turn: what it owns may ask which loop it is on
  running_ = false;
  current_ = no_loop;
}

void Scheduler::run_outside(Callback& work) {
  const LoopId loop = std::exchange(current_, no_loop);
  work();
  current_ = loop;
}

}  // namespace myelin::io::simulated
