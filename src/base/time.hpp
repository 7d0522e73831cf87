// The types of time. Nothing here reads a clock: `now` comes from io::Loop, and machines get it as an argument.
#pragma once

#include <chrono>
#include <cstdint>

namespace myelin {

using Duration = std::chrono::nanoseconds;

// Tag of the monotonic clock; its epoch is arbitrary (in the simulated world: the start of the run).
struct Monotonic {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
};
using Instant = std::chrono::time_point<Monotonic, Duration>;

// Wall-clock time, nanoseconds since 1970-01-01T00:00:00Z.
struct Wall {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
};
using WallTime = std::chrono::time_point<Wall, Duration>;

}  // namespace myelin
