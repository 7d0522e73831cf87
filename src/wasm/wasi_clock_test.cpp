#include "wasm/wasi_clock.hpp"

#include "wasm/wasi_testing.hpp"

namespace myelin::wasm::wasi::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t second_ns = 1'000'000'000;

class WasiClock : public WasiTest {
 protected:
  WasiClock() : WasiTest({.clock_resolution = 1ms}) {}
  std::uint64_t read(std::uint32_t clock) {
    EXPECT_EQ(call("clock_time_get", {clock, 0, 64}), Errno::success);
    return u64(64);
  }
};

TEST_F(WasiClock, ResolutionIsTheConfiguredOne) {
  for (const std::uint32_t clock : {0u, 1u}) {
    ASSERT_EQ(call("clock_res_get", {clock, 64}), Errno::success);
    EXPECT_EQ(u64(64), 1'000'000u);
  }
}

TEST_F(WasiClock, RealtimeIsTheWallClockRoundedDown) {
  loop.set_wall(WallTime(1'700'000'000s + 1'999'999ns));
  EXPECT_EQ(read(0), 1'700'000'000 * second_ns + 1'000'000);
  loop.set_wall(WallTime(-5s));
  EXPECT_EQ(read(0), 0u);
}

TEST_F(WasiClock, MonotonicIsTheLoopsRoundedDownAndNeverZero) {
  const std::uint64_t start = read(1);
  EXPECT_GT(start, 0u);
  EXPECT_EQ(start % 1'000'000, 0u);
  loop.advance(999'999ns);
  EXPECT_EQ(read(1), start);
  loop.advance(1ns);
  EXPECT_EQ(read(1), start + 1'000'000);
  loop.set_wall(WallTime(0s));  // somebody sets the wall clock back
  EXPECT_EQ(read(1), start + 1'000'000);
}

TEST_F(WasiClock, OtherClocksAreInvalid) {
  for (const std::uint32_t clock : {2u, 3u, 4u, 0xffff'ffffu}) {
    EXPECT_EQ(call("clock_time_get", {clock, 0, 64}), Errno::inval) << clock;
    EXPECT_EQ(call("clock_res_get", {clock, 64}), Errno::inval) << clock;
  }
}

TEST_F(WasiClock, PointersOutsideAreFaults) {
  EXPECT_EQ(call("clock_time_get", {1, 0, memory_size - 7}), Errno::fault);
  EXPECT_EQ(call("clock_time_get", {1, UINT64_MAX, memory_size - 8}), Errno::success);
  EXPECT_EQ(call("clock_res_get", {1, 0xffff'ffff}), Errno::fault);
}

TEST(Clock, ResolutionStaysBetweenANanosecondAndASecond) {
  const HandLoop loop;
  EXPECT_EQ(Clock(loop, Duration(0)).resolution_ns(), 1u);
  EXPECT_EQ(Clock(loop, Duration(-7)).resolution_ns(), 1u);
  EXPECT_EQ(Clock(loop, 1h).resolution_ns(), second_ns);
  EXPECT_EQ(Clock(loop, 1h).time_ns(Clock::Id::monotonic), second_ns);  // still not 0
}

TEST(Clock, AWaitEndsWhenTheRoundedClockShowsIt) {
  HandLoop loop;
  const Clock clock(loop, 1ms);
  loop.advance(300us);
  const std::uint64_t target = clock.exact_ns(Clock::Id::monotonic) + 1'000'000;
  const auto when = clock.when(Clock::Id::monotonic, target);
  ASSERT_TRUE(when);
  EXPECT_EQ(*when - Instant{}, 2ms);
  loop.advance(*when - loop.now() - 1ns);
  EXPECT_FALSE(clock.reached(Clock::Id::monotonic, target));
  loop.advance(1ns);
  EXPECT_TRUE(clock.reached(Clock::Id::monotonic, target));
}

TEST(Clock, WaitsWithoutEndAreNone) {
  const HandLoop loop;
  const Clock clock(loop, 1us);
  EXPECT_FALSE(clock.when(Clock::Id::monotonic, UINT64_MAX));
  EXPECT_FALSE(clock.when(Clock::Id::realtime, UINT64_MAX));
  EXPECT_FALSE(clock.when(Clock::Id::realtime, UINT64_MAX - 1));
  EXPECT_EQ(clock.when(Clock::Id::realtime, 0), loop.now());
}

}  // namespace
}  // namespace myelin::wasm::wasi::testing
