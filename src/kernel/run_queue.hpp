// Scheduling on one shard: who runs next, and for how much fuel.
//
// Two lanes, each first in, first out. Who has used up a slice goes to the end of one; who was woken by what it waited
// for goes to the end of the other, which comes first, so that a guest that answers in microseconds does not wait
// behind all those that spin. It does not starve them: once the woken have used `share` units of fuel or had
// `woken_in_a_row` turns, one of the spent runs. The fuel of a slice is the process's own: in the real world it follows
// measured time, because memory-bound code burns fuel slower. Pure. Thread: the shard.
#pragma once

#include "base/fifo.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <optional>

namespace myelin::kernel {

enum class Lane : std::uint8_t { woken, spent };

// Of T that are cheap to copy.
template <typename T>
class RunQueue {
 public:
  static constexpr std::uint32_t woken_in_a_row = 16;

  explicit RunQueue(std::uint64_t share) : share_(share) {}

  // REQUIRES: it is not queued (the process keeps that flag).
  void push(T item, Lane lane) { (lane == Lane::woken ? woken_ : spent_).push_back(item); }
  std::optional<T> pop() {
    if (empty()) return std::nullopt;
    last_ = next();
    Fifo<T>& lane = last_ == Lane::woken ? woken_ : spent_;
    T item = lane.front();
    lane.pop_front();
    if (last_ == Lane::woken && !spent_.empty()) {
      ++in_a_row_;
    } else {
      in_a_row_ = 0;
      fuel_ = 0;
    }
    return item;
  }
  // The lane of the one that pop() gives. REQUIRES: not empty().
  Lane next() const {
    if (woken_.empty()) return Lane::spent;
    if (spent_.empty()) return Lane::woken;
    return in_a_row_ < woken_in_a_row && fuel_ < share_ ? Lane::woken : Lane::spent;
  }
  // What the one that was popped last has used.
  void used(std::uint64_t fuel) {
    if (last_ == Lane::woken) fuel_ += fuel;
  }
  // Takes it out, wherever it is.
  void erase(T item) {
    for (Fifo<T>* lane : {&woken_, &spent_})
      for (auto each = lane->begin(); each != lane->end(); ++each)
        if (*each == item) return lane->erase(each);
  }
  bool empty() const { return woken_.empty() && spent_.empty(); }
  std::size_t size() const { return woken_.size() + spent_.size(); }

 private:
  std::uint64_t share_;
  Fifo<T> woken_, spent_;
  Lane last_ = Lane::spent;
  // Of the woken, since one of the spent ran.
  std::uint32_t in_a_row_ = 0;
  std::uint64_t fuel_ = 0;
};

class SliceMeter {
 public:
  static constexpr std::uint64_t least_fuel = 1'000;
  static constexpr std::uint64_t most_fuel = 20'000'000;

  SliceMeter(std::uint64_t fuel, Duration target, bool adapts) : fuel_(fuel), target_(target), adapts_(adapts) {}
  std::uint64_t fuel() const { return fuel_; }
  // Whether a slice that used so much is worth measuring: one that ended early says little, what it took is mostly
  // entering and leaving.
  bool wants(std::uint64_t used) const { return adapts_ && used >= fuel_ / 2; }
  // A slice used `used` fuel and took `took`. Moves at most by half or double at a time.
  void measured(std::uint64_t used, Duration took);

 private:
  std::uint64_t fuel_;
  Duration target_;
  bool adapts_;
};

}  // namespace myelin::kernel
