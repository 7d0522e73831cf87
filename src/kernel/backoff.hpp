// Restart policy: whether a process that ended starts again, and when.
//
// Delays double from 100 ms to 30 s with each end in a row, and begin anew after the process has been up for 30 s.
// Ends that a caller could bring about at will do not come here: they are started afresh at once and not counted.
// Pure. Thread: any.
#pragma once

#include "base/time.hpp"
#include "kernel/process.hpp"

#include <cstdint>
#include <optional>

namespace myelin::kernel {

class Backoff {
 public:
  static constexpr Duration first = std::chrono::milliseconds(100);
  static constexpr Duration longest = std::chrono::seconds(30);
  static constexpr Duration long_enough_up = std::chrono::seconds(30);

  explicit Backoff(RestartPolicy policy) : policy_(policy) {}

  // The process came up at `now`.
  void up(Instant now) { up_since_ = now; }
  // It ended: the delay before its next start, or nothing if it shall not start again.
  std::optional<Duration> ended(Instant now, bool failed);

 private:
  RestartPolicy policy_;
  std::optional<Instant> up_since_;
  std::uint32_t in_a_row_ = 0;
};

}  // namespace myelin::kernel
