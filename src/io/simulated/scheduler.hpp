// The seeded scheduler: the virtual clock, the timers, and the queue of each loop.
//
// A turn runs one callback: either the oldest of one loop's queue, or the earliest due timer. Which one, when several
// could run at this instant, is drawn from the seed. A loop's queue keeps its order, so callbacks posted to it run in
// the order of their posts. The clock moves only when nothing can run at this instant. A turn takes no time; only after
// `turns_per_instant` of them without a move does the clock advance by `stuck_step`, so that a task that polls in a
// loop cannot stop the world.
//
// Timers are a binary heap of small records over a table of slots; a cancelled one stays in the heap until it comes up
// or until half of the heap is stale.
//
// Invariants: no callback runs inside the call that registers it; a callback that is dropped is destroyed after all
// bookkeeping, because its destructor may call back. Thread: one.
#pragma once

#include "io/loop.hpp"
#include "io/simulated/fifo.hpp"
#include "io/simulated/random.hpp"

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <optional>
#include <vector>

namespace myelin::io::simulated {

class Scheduler {
 public:
  using LoopId = std::uint32_t;
  using TimerId = std::uint64_t;
  // Owner of what happens outside all loops: packets under way.
  static constexpr LoopId no_loop = UINT32_MAX;
  static constexpr std::uint64_t turns_per_instant = 1'000'000;
  static constexpr Duration stuck_step = std::chrono::microseconds(1);

  explicit Scheduler(std::uint64_t seed) : random_(seed) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  Instant now() const { return now_; }
  // The loop whose callback runs; no_loop outside of one.
  LoopId current() const { return current_; }

  LoopId add_loop();
  void post(LoopId loop, Callback callback);
  void resume_soon(LoopId loop, std::coroutine_handle<> handle);
  // Runs `callback` as a turn of `loop` (or of none) at `when`, or now if that has passed. Never 0, even if it is
  // dropped.
  TimerId at(LoopId loop, Instant when, Callback callback);
  void cancel(LoopId loop, TimerId id);

  // Drops everything of that loop without running it, now and from now on.
  void stop(LoopId loop);
  // The same for all loops and for what belongs to none.
  void stop_all();

  // Runs one turn that is due at `limit` or before. False if there is none.
  bool step(Instant limit);
  // Moves the clock to `when`, if it is behind. REQUIRES: step(when) is false.
  void advance(Instant when);

  // Runs `work` with no loop current.
  void run_outside(Callback& work);

  // Records in the heap, stale ones among them (tests).
  std::size_t heap_size() const { return heap_.size(); }

 private:
  struct Ready {
    Callback callback;
    std::coroutine_handle<> handle;  // instead of the callback, if set
  };
  struct LoopQueue {
    Fifo<Ready> queue;
    bool stopped = false;
  };
  struct Slot {
    Callback callback;
    std::uint64_t generation = 1;
    LoopId loop = no_loop;
    bool armed = false;
  };
  struct Due {
    Instant when;
    std::uint64_t tie;
    TimerId id;
  };
  static bool later(const Due& a, const Due& b);

  bool dropping(LoopId loop) const { return closing_ || (loop != no_loop && loops_[loop].stopped); }
  void enqueue(LoopId loop, Ready ready);
  Slot* find(TimerId id);
  Callback release(TimerId id);
  void drop_stale();
  void run_ready(std::size_t index);
  void run_timer();
  void run(LoopId loop, Ready ready);

  Random random_;
  Instant now_{};
  LoopId current_ = no_loop;
  bool running_ = false;
  bool closing_ = false;
  std::uint64_t turns_ = 0;
  std::vector<LoopQueue> loops_;
  std::vector<LoopId> ready_;  // loops whose queue is not empty
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Due> heap_;
  std::size_t stale_ = 0;
};

}  // namespace myelin::io::simulated
