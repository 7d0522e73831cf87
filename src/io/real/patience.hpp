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

// IdlePatience: the same for what comes through descriptors. The loop looks for them for `most` after a time of
// idleness that was no longer. Who looks in vain may be keeping the processor from whom he waits for: he then does not
// look for some times, and for twice as many after each time in vain.
class IdlePatience {
 public:
  static constexpr unsigned first_pause = 16;
  static constexpr unsigned longest_pause = 4096;

  void set_most(Duration most) {
    most_ = most;
    wait_ = Duration::zero();
  }
  bool on() const { return most_ > Duration::zero(); }
  Duration wait() const { return wait_; }
  // An idleness has ended after so long, by what was seen without sleeping if `found`.
  void idle_for(Duration passed, bool found) {
    if (found) {
      next_pause_ = first_pause;
    } else if (wait_ > Duration::zero()) {
      pause_ = next_pause_;
      next_pause_ = std::min(next_pause_ * 2, longest_pause);
    } else if (pause_ > 0) {
      --pause_;
    }
    wait_ = pause_ == 0 && passed <= most_ ? most_ : Duration::zero();
  }

 private:
  Duration most_{};
  Duration wait_{};
  unsigned pause_ = 0;
  unsigned next_pause_ = first_pause;
};

}  // namespace myelin::io::real
