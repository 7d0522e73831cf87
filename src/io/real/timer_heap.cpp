#include "io/real/timer_heap.hpp"

#include "base/check.hpp"

#include <utility>

namespace myelin::io::real {

Loop::TimerId TimerHeap::start(Instant when, Callback callback) {
  std::uint32_t slot = 0;
  if (free_slots_.empty()) {
    MYELIN_CHECK(slots_.size() < (std::size_t{1} << slot_bits), "more than 2^24 timers on one loop");
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[slot].callback = std::move(callback);
  slots_[slot].used = true;
  heap_.emplace_back();
  sift_up(heap_.size() - 1, Entry{when, next_order_++, slot});
  return slots_[slot].generation << slot_bits | slot;
}

void TimerHeap::cancel(Loop::TimerId id) {
  const std::size_t slot = id & ((std::uint64_t{1} << slot_bits) - 1);
  if (slot >= slots_.size() || !slots_[slot].used || slots_[slot].generation != id >> slot_bits) return;
  const Callback dropped = remove_at(slots_[slot].position);  // destroyed last: its destructor may use this heap
}

std::optional<Callback> TimerHeap::pop_due(Instant now, std::uint64_t mark) {
  // An entry of the same turn is never before an older one that is due, unless its time is: then it waits a turn.
  if (heap_.empty() || heap_.front().when > now || heap_.front().order >= mark) return std::nullopt;
  return remove_at(0);
}

Callback TimerHeap::remove_at(std::size_t position) {
  const Entry removed = heap_[position];
  const Entry last = heap_.back();
  heap_.pop_back();
  if (position < heap_.size()) {
    if (position > 0 && before(last, heap_[(position - 1) / 2])) {
      sift_up(position, last);
    } else {
      sift_down(position, last);
    }
  }
  Slot& slot = slots_[removed.slot];
  slot.used = false;
  ++slot.generation;
  free_slots_.push_back(removed.slot);
  return std::exchange(slot.callback, {});
}

void TimerHeap::place(std::size_t position, Entry entry) {
  heap_[position] = entry;
  slots_[entry.slot].position = static_cast<std::uint32_t>(position);
}

void TimerHeap::sift_up(std::size_t position, Entry entry) {
  while (position > 0) {
    const std::size_t parent = (position - 1) / 2;
    if (!before(entry, heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void TimerHeap::sift_down(std::size_t position, Entry entry) {
  while (true) {
    std::size_t child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], entry)) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, entry);
}

}  // namespace myelin::io::real
