#include "wasm/wasi_clock.hpp"

#include "wasm/wasi_calls.hpp"
#include "wasm/wasi_state.hpp"

#include <algorithm>

namespace myelin::wasm::wasi {

namespace {

// Added to the loop's time, which starts at 0 in a simulated world.
constexpr std::uint64_t monotonic_offset_ns = 1'000'000'000;
// Waits beyond this (about 146 years) are waits for ever.
constexpr std::uint64_t longest_wait_ns = std::uint64_t{1} << 62;

std::uint64_t not_negative(std::int64_t ns) { return ns < 0 ? 0 : static_cast<std::uint64_t>(ns); }

}  // namespace

std::optional<Clock::Id> Clock::id(std::uint32_t number) {
  if (number > static_cast<std::uint32_t>(Id::monotonic)) return std::nullopt;
  return static_cast<Id>(number);
}

Clock::Clock(const io::Loop& loop, Duration resolution)
    : loop_(loop),
      resolution_(
          static_cast<std::uint64_t>(std::clamp(resolution, Duration(1), Duration(std::chrono::seconds(1))).count())) {}

std::uint64_t Clock::exact_ns(Id id) const {
  if (id == Id::realtime) return not_negative(loop_.wall().time_since_epoch().count());
  return not_negative(loop_.now().time_since_epoch().count()) + monotonic_offset_ns;
}

std::optional<Instant> Clock::when(Id id, std::uint64_t target_ns) const {
  const std::uint64_t now_ns = exact_ns(id);
  if (target_ns > longest_wait_ns) return std::nullopt;
  const std::uint64_t rounded_up = round_down(target_ns + resolution_ - 1);
  if (rounded_up <= now_ns) return loop_.now();
  const Instant now = loop_.now();
  const auto wait = Duration(static_cast<std::int64_t>(rounded_up - now_ns));
  if (wait > Instant::max() - now) return std::nullopt;
  return now + wait;
}

HostResult calls::clock_res_get(Instance& instance, Args args, std::uint64_t* result, bool) {
  if (!Clock::id(word(args[0]))) return answer(result, Errno::inval);
  const bool stored = instance.memory().store_u64(word(args[1]), state_of(instance).clock.resolution_ns());
  return answer(result, stored ? Errno::success : Errno::fault);
}

// The second parameter, the precision that the guest would put up with, asks for nothing that we have.
HostResult calls::clock_time_get(Instance& instance, Args args, std::uint64_t* result, bool) {
  const auto id = Clock::id(word(args[0]));
  if (!id) return answer(result, Errno::inval);
  const bool stored = instance.memory().store_u64(word(args[2]), state_of(instance).clock.time_ns(*id));
  return answer(result, stored ? Errno::success : Errno::fault);
}

}  // namespace myelin::wasm::wasi
