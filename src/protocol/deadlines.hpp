// Deadlines: what is due first, of things that lie in numbered slots; a binary heap that knows where each slot stands,
// so that removing one costs as little as adding it.
//
// Equal instants come in the order of their adds. Thread: values.
#pragma once

#include "base/prefetch.hpp"
#include "base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace myelin::protocol {

class Deadlines {
 public:
  // REQUIRES: `slot` is not in it.
  void add(std::uint32_t slot, Instant when);
  // No effect if it is not in it.
  void remove(std::uint32_t slot);
  void clear();

  // Asks the memory for what the first is taken from.
  void prefetch() const {
    prefetch_lines(heap_.data(), 2);
    __builtin_prefetch(places_.data());
  }
  bool empty() const { return first_ == Instant::max() && heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  // Instant::max() if it is empty.
  Instant first() const { return first_; }
  // REQUIRES: not empty.
  std::uint32_t first_slot() const { return heap_.front().slot; }

 private:
  struct Entry {
    Instant when;
    std::uint64_t order;
    std::uint32_t slot;
    bool before(const Entry& other) const { return when != other.when ? when < other.when : order < other.order; }
  };
  static constexpr std::uint32_t nowhere = 0xffffffff;
  void place(std::size_t at, Entry entry);
  void up(std::size_t at, Entry entry);
  void down(std::size_t at, Entry entry);

  // The heap's first, kept here so that asking for it, which is done far more often than anything changes, waits for
  // no other memory.
  Instant first_ = Instant::max();
  std::vector<Entry> heap_;
  std::vector<std::uint32_t> places_;  // of slots in the heap
  std::uint64_t order_ = 0;
};

}  // namespace myelin::protocol
