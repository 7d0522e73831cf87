// TimerHeap: the timers of one loop, as a binary heap with positions, so that starting and cancelling are O(log n) and
// a cancelled timer leaves nothing behind.
//
// Invariants: timers come out in the order of their time, those of one time in the order of their start; an id is never
// 0 and never names a second timer. Pure: no clock. Thread: one.
#pragma once

#include "base/time.hpp"
#include "io/loop.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace myelin::io::real {

class TimerHeap {
 public:
  Loop::TimerId start(Instant when, Callback callback);
  // The callback is destroyed; no effect if the timer is gone.
  void cancel(Loop::TimerId id);
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  // When the first timer is due. REQUIRES: not empty.
  Instant next() const { return heap_.front().when; }
  // Mark for pop_due: timers started from now on have this or a higher one.
  std::uint64_t mark() const { return next_order_; }
  // Takes out the first timer that is due at `now` and was started before `mark`.
  std::optional<Callback> pop_due(Instant now, std::uint64_t mark);

 private:
  struct Entry {
    Instant when;
    std::uint64_t order;
    std::uint32_t slot;
  };
  struct Slot {
    Callback callback;
    std::uint32_t position = 0;    // in heap_
    std::uint64_t generation = 1;  // goes up when the slot is freed
    bool used = false;
  };
  static constexpr unsigned slot_bits = 24;  // 16 million timers at a time, 2^40 uses of each slot

  static bool before(const Entry& a, const Entry& b) { return a.when != b.when ? a.when < b.when : a.order < b.order; }
  void place(std::size_t position, Entry entry);
  void sift_up(std::size_t position, Entry entry);
  void sift_down(std::size_t position, Entry entry);
  Callback remove_at(std::size_t position);

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t next_order_ = 0;
};

}  // namespace myelin::io::real
