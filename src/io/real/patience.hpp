// Patience: how long a loop that has nothing to do looks for a post before it sleeps.
//
// Follows what it has seen: waking from a sleep that a post ended at once begins it, each wait that was worth it
// doubles it, each that was not halves it, down to none. So an idle loop, or one that waits for descriptors and timers,
// spends nothing on it. Pure. Thread: the loop's.
#pragma once

#include "base/time.hpp"

#include <algorithm>
#include <chrono>

namespace myelin::io::real {

class Patience {
 public:
  static constexpr Duration least = std::chrono::microseconds(2);
  static constexpr Duration most = std::chrono::microseconds(20);
  // A sleep that a post ended within this was not worth going to sleep.
  static constexpr Duration short_sleep = std::chrono::microseconds(60);

  // Zero: do not wait.
  Duration wait() const { return wait_; }
  void waited(bool worth_it) {
    wait_ = worth_it ? std::min(wait_ * 2, most) : wait_ / 2;
    if (wait_ < least) wait_ = Duration::zero();
  }
  // A post ended a sleep that took so long.
  void woken_after(Duration slept) {
    if (slept < short_sleep) wait_ = std::clamp(wait_ * 2, least * 4, most);
  }

 private:
  Duration wait_{};
};

}  // namespace myelin::io::real
