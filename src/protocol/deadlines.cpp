#include "protocol/deadlines.hpp"

namespace myelin::protocol {

void Deadlines::place(std::size_t at, Entry entry) {
  places_[entry.slot] = static_cast<std::uint32_t>(at);
  heap_[at] = entry;
  if (at == 0) first_ = entry.when;
}

void Deadlines::up(std::size_t at, Entry entry) {
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (!entry.before(heap_[parent])) break;
    place(at, heap_[parent]);
    at = parent;
  }
  place(at, entry);
}

void Deadlines::down(std::size_t at, Entry entry) {
  for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
    if (!heap_[child].before(entry)) break;
    place(at, heap_[child]);
    at = child;
  }
  place(at, entry);
}

void Deadlines::add(std::uint32_t slot, Instant when) {
  if (slot >= places_.size()) places_.resize(slot + 1, nowhere);
  const Entry entry{when, order_++, slot};
  heap_.push_back(entry);
  up(heap_.size() - 1, entry);
}

void Deadlines::remove(std::uint32_t slot) {
  if (slot >= places_.size() || places_[slot] == nowhere) return;
  const std::size_t at = places_[slot];
  places_[slot] = nowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (heap_.empty()) first_ = Instant::max();
  if (at == heap_.size()) return;
  if (at > 0 && last.before(heap_[(at - 1) / 2])) {
    up(at, last);
  } else {
    down(at, last);
  }
}

void Deadlines::clear() {
  heap_.clear();
  first_ = Instant::max();
  places_.clear();
}

}  // namespace myelin::protocol
