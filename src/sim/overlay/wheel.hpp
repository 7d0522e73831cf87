// Wheel: what is to happen later, put away by its time without being compared, and given back a window of time at once.
//
// A hierarchy of 64 slots a level, by the digits of the window's number: each key moves down a level when its slot's
// time has come, one after the other through memory, where a heap of as many keys waits for memory at each of its
// levels.
//
// Invariants: every key it holds is of a later window than the one it gave last. Memory of a burst is given back.
// Thread: values.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace myelin::sim::overlay {

// A Key has its time as `at`, in nanoseconds.
template <typename Key>
class Wheel {
 public:
  static constexpr unsigned window_bits = 18;  // a window is 262 µs

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // Whether a key of that time belongs here; others are of the window that was given last, or of an earlier one.
  bool is_later(std::int64_t at) const { return window(at) > window_; }
  // REQUIRES: is_later(key.at).
  void add(const Key& key) {
    ++size_;
    place(key);
  }
  // Goes to the next window that has keys and gives them, in no order. REQUIRES: not empty.
  template <typename F>
  void next(F&& take) {
    for (bool any = false; !any;) {
      unsigned level = 0;
      while (filled_[level] == 0) ++level;
      const auto slot = static_cast<unsigned>(std::countr_zero(filled_[level]));
      filled_[level] &= filled_[level] - 1;
      const unsigned below = level * digit_bits;
      window_ = (window_ >> (below + digit_bits) << digit_bits | slot) << below;
      moving_.swap(slots_[level][slot]);
      for (const Key& key : moving_) {
        if (is_later(key.at)) {
          place(key);
        } else {
          any = true;
          --size_;
          take(key);
        }
      }
      moving_.clear();
      if (moving_.capacity() > kept_keys) std::vector<Key>().swap(moving_);
    }
  }

 private:
  static constexpr unsigned digit_bits = 6;
  static constexpr unsigned levels = (63 - window_bits + digit_bits - 1) / digit_bits;
  static constexpr std::size_t kept_keys = 4096;

  static std::int64_t window(std::int64_t at) { return at >> window_bits; }
  // By the highest digit in which its window differs from the last.
  void place(const Key& key) {
    const auto number = static_cast<std::uint64_t>(window(key.at));
    const auto differs = static_cast<unsigned>(std::bit_width(number ^ static_cast<std::uint64_t>(window_))) - 1;
    const unsigned level = differs / digit_bits;
    const unsigned slot = static_cast<unsigned>(number >> (level * digit_bits)) & ((1u << digit_bits) - 1);
    slots_[level][slot].push_back(key);
    filled_[level] |= std::uint64_t{1} << slot;
  }

  std::int64_t window_ = 0;  // the number of the window that was given last
  std::size_t size_ = 0;
  std::array<std::uint64_t, levels> filled_{};
  std::array<std::array<std::vector<Key>, 1u << digit_bits>, levels> slots_;
  std::vector<Key> moving_;
};

}  // namespace myelin::sim::overlay
