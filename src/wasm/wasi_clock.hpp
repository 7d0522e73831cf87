// The clocks that a guest sees: realtime and monotonic, in nanoseconds, rounded down to a resolution.
//
// The two CPU-time clocks are not offered: clock_res_get and clock_time_get answer inval for them, as the witx asks for
// unsupported clocks. A sleep ends only when the rounded clock shows its end, so a guest that looks is never early.
// Thread: the loop's. Source: witx `clockid`, `timestamp`, `subscription_clock`.
#pragma once

#include "base/time.hpp"
#include "io/loop.hpp"

#include <cstdint>
#include <optional>

namespace myelin::wasm::wasi {

class Clock {
 public:
  enum class Id : std::uint32_t { realtime = 0, monotonic = 1 };
  static std::optional<Id> id(std::uint32_t number);

  // `resolution` is brought into [1 ns, 1 s].
  Clock(const io::Loop& loop, Duration resolution);

  std::uint64_t resolution_ns() const { return resolution_; }
  // What clock_time_get answers: a multiple of the resolution; the monotonic clock is never 0, which Go's runtime
  // refuses.
  std::uint64_t time_ns(Id id) const { return round_down(exact_ns(id)); }
  // Unrounded, for starting points.
  std::uint64_t exact_ns(Id id) const;

  // Whether the clock shows `target_ns` or later.
  bool reached(Id id, std::uint64_t target_ns) const { return time_ns(id) >= target_ns; }
  // When (on the loop) that will be so; nothing if that is beyond any run.
  std::optional<Instant> when(Id id, std::uint64_t target_ns) const;

 private:
  std::uint64_t round_down(std::uint64_t ns) const { return ns - ns % resolution_; }
  const io::Loop& loop_;
  std::uint64_t resolution_;
};

}  // namespace myelin::wasm::wasi
