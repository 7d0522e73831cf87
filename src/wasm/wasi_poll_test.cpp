#include "wasm/wasi_testing.hpp"

namespace myelin::wasm::wasi::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t ms = 1'000'000;
enum : std::uint32_t { realtime = 0, monotonic = 1 };
enum : std::uint32_t { type_clock = 0, type_read = 1, type_write = 2 };

class WasiPoll : public WasiTest {
 protected:
  static constexpr std::uint32_t in = 4096, out = 65536, count_at = 32;

  void clock(std::uint32_t i, std::uint64_t userdata, std::uint32_t id, std::uint64_t timeout,
             std::uint32_t flags = 0) {
    put_u64(in + i * 48, userdata);
    put_u64(in + i * 48 + 8, type_clock);
    put_u32(in + i * 48 + 16, id);
    put_u64(in + i * 48 + 24, timeout);
    put_u64(in + i * 48 + 32, 0);
    put_u64(in + i * 48 + 40, flags);
  }
  void fd(std::uint32_t i, std::uint64_t userdata, std::uint32_t type, std::uint32_t number) {
    put_u64(in + i * 48, userdata);
    put_u64(in + i * 48 + 8, type);
    put_u32(in + i * 48 + 16, number);
  }
  HostResult wait(std::uint32_t count) { return start("poll_oneoff", {in, out, count, count_at}); }
  std::uint32_t events() { return u32(count_at); }
  std::uint64_t userdata(std::uint32_t i) { return u64(out + i * 32); }
  Errno error(std::uint32_t i) { return static_cast<Errno>(u32(out + i * 32 + 8) & 0xffff); }
  std::uint32_t type(std::uint32_t i) { return u32(out + i * 32 + 8) >> 16; }
  std::uint64_t bytes(std::uint32_t i) { return u64(out + i * 32 + 16); }
  std::uint64_t flags(std::uint32_t i) { return u64(out + i * 32 + 24); }
};

TEST_F(WasiPoll, ARelativeSleepEndsAtItsTimeAndNotBefore) {
  clock(0, 0xfeed'beef'0000'0001, monotonic, 10 * ms);
  ASSERT_EQ(wait(1), HostResult::pending);
  loop.advance(10ms - 1us);
  loop.turn();
  EXPECT_EQ(wakes, 0);
  EXPECT_EQ(poll(), HostResult::pending) << "a spurious poll does not start the sleep again";
  loop.advance(1us);
  loop.turn();
  EXPECT_EQ(wakes, 1);
  ASSERT_EQ(poll(), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  ASSERT_EQ(events(), 1u);
  EXPECT_EQ(userdata(0), 0xfeed'beef'0000'0001);
  EXPECT_EQ(error(0), Errno::success);
  EXPECT_EQ(type(0), type_clock);
  EXPECT_EQ(loop.timers(), 0u);
}

TEST_F(WasiPoll, AnAbsoluteSleepNamesAPointOfItsClock) {
  ASSERT_EQ(call("clock_time_get", {monotonic, 0, 64}), Errno::success);
  clock(0, 1, monotonic, u64(64) + 5 * ms, 1);
  ASSERT_EQ(wait(1), HostResult::pending);
  loop.advance(5ms);
  loop.turn();
  ASSERT_EQ(poll(), HostResult::done);
  EXPECT_EQ(events(), 1u);

  ASSERT_EQ(call("clock_time_get", {realtime, 0, 64}), Errno::success);
  clock(0, 2, realtime, u64(64) + 5 * ms, 1);
  ASSERT_EQ(wait(1), HostResult::pending);
  loop.advance(5ms);
  loop.turn();
  ASSERT_EQ(poll(), HostResult::done);
  EXPECT_EQ(userdata(0), 2u);
  clock(0, 3, realtime, 1, 1);  // long past
  ASSERT_EQ(wait(1), HostResult::done);
}

TEST_F(WasiPoll, ARelativeSleepDoesNotFollowTheWallClock) {
  clock(0, 1, realtime, 10 * ms);
  ASSERT_EQ(wait(1), HostResult::pending);
  loop.set_wall(WallTime(0s));
  loop.advance(10ms);
  loop.turn();
  EXPECT_EQ(poll(), HostResult::done);
}

TEST_F(WasiPoll, NoTimeAtAllIsNoWait) {
  loop.advance(123ns);  // between two ticks of the guest's clock
  clock(0, 1, monotonic, 0);
  fd(1, 2, type_read, 0);
  ASSERT_EQ(wait(2), HostResult::done);
  ASSERT_EQ(events(), 1u);
  EXPECT_EQ(userdata(0), 1u);
}

TEST_F(WasiPoll, TheEarliestClockWakes) {
  clock(0, 1, monotonic, 30 * ms);
  clock(1, 2, monotonic, 10 * ms);
  clock(2, 3, monotonic, 20 * ms);
  ASSERT_EQ(wait(3), HostResult::pending);
  ASSERT_EQ(loop.timers(), 1u);
  EXPECT_EQ(loop.next_timer() - loop.now(), 10ms);
  loop.advance(25ms);
  loop.turn();
  ASSERT_EQ(poll(), HostResult::done);
  ASSERT_EQ(events(), 2u);
  EXPECT_EQ(userdata(0), 2u);
  EXPECT_EQ(userdata(1), 3u);
}

TEST_F(WasiPoll, EndlessTimeoutsWaitForEver) {
  clock(0, 1, monotonic, UINT64_MAX);
  clock(1, 2, realtime, UINT64_MAX, 1);
  ASSERT_EQ(wait(2), HostResult::pending);
  EXPECT_EQ(loop.timers(), 0u);
  fd(1, 2, type_read, 0);
  ASSERT_EQ(wait(2), HostResult::pending);
  tapes[0]->feed(loop, "x");
  loop.turn();
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(poll(), HostResult::done);
}

TEST_F(WasiPoll, ReadyDescriptorsAreToldInOrderOfSubscription) {
  tapes[0]->input = "hello";
  fd(0, 10, type_write, 1);
  fd(1, 11, type_read, 0);
  fd(2, 12, type_read, 2);  // nothing there
  fd(3, 13, type_read, 0);  // twice the same
  clock(4, 14, monotonic, ms);
  ASSERT_EQ(wait(5), HostResult::done);
  ASSERT_EQ(events(), 3u);
  EXPECT_EQ(userdata(0), 10u);
  EXPECT_EQ(type(0), type_write);
  EXPECT_EQ(userdata(1), 11u);
  EXPECT_EQ(type(1), type_read);
  EXPECT_EQ(bytes(1), 5u);
  EXPECT_EQ(flags(1), 0u);
  EXPECT_EQ(userdata(2), 13u);
  EXPECT_EQ(tapes[0]->input, "hello") << "polling reads nothing";
}

TEST_F(WasiPoll, TheEndOfInputIsReadableWithHangup) {
  tapes[0]->input_ended = true;
  fd(0, 1, type_read, 0);
  ASSERT_EQ(wait(1), HostResult::done);
  EXPECT_EQ(error(0), Errno::success);
  EXPECT_EQ(bytes(0), 0u);
  EXPECT_EQ(flags(0), 1u);
}

TEST_F(WasiPoll, WaitsForReadingAndWritingAtOnceAndWakesOnce) {
  tapes[1]->room = 0;
  fd(0, 1, type_read, 0);
  fd(1, 2, type_write, 1);
  clock(2, 3, monotonic, 100 * ms);
  ASSERT_EQ(wait(3), HostResult::pending);
  tapes[1]->room = 1;
  tapes[1]->tell(loop);
  tapes[0]->feed(loop, "x");
  loop.turn();
  EXPECT_EQ(wakes, 1);
  ASSERT_EQ(poll(), HostResult::done);
  ASSERT_EQ(events(), 2u);
  EXPECT_EQ(loop.timers(), 0u) << "the timer is gone with the wait";
}

TEST_F(WasiPoll, WhatIsWrongWithOneIsItsEvent) {
  ASSERT_EQ(call("fd_fdstat_set_rights", {2, 1 << 6, 0}), Errno::success);
  fd(0, 1, type_read, 77);
  clock(1, 2, 3, 0);                  // a clock that is not offered
  clock(2, 3, monotonic, 0, 2);       // a flag that does not exist
  fd(3, 4, type_write, 2);            // the right to poll given up
  clock(4, 5, monotonic, 1000 * ms);  // sound, not due
  ASSERT_EQ(wait(5), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  ASSERT_EQ(events(), 4u);
  EXPECT_EQ(error(0), Errno::badf);
  EXPECT_EQ(type(0), type_read);
  EXPECT_EQ(error(1), Errno::inval);
  EXPECT_EQ(error(2), Errno::inval);
  EXPECT_EQ(error(3), Errno::notcapable);
  EXPECT_EQ(userdata(3), 4u);
}

TEST_F(WasiPoll, TheNumberOfSubscriptionsIsBounded) {
  EXPECT_EQ(call("poll_oneoff", {in, out, 0, count_at}), Errno::inval);
  EXPECT_EQ(call("poll_oneoff", {in, out, 1025, count_at}), Errno::inval);
  EXPECT_EQ(call("poll_oneoff", {in, out, 0xffff'ffff, count_at}), Errno::inval);
  for (std::uint32_t i = 0; i < 1024; ++i) clock(i, i, monotonic, 0);
  ASSERT_EQ(start("poll_oneoff", {in, out, 1024, count_at}), HostResult::done);
  ASSERT_EQ(code(), Errno::success);
  ASSERT_EQ(events(), 1024u);
  EXPECT_EQ(userdata(1023), 1023u);
}

TEST_F(WasiPoll, AnUnknownTypeIsInvalid) {
  tapes[0]->input = "x";
  fd(0, 1, type_read, 0);
  fd(1, 2, 3, 0);
  put_u32(count_at, 99);
  EXPECT_EQ(call("poll_oneoff", {in, out, 2, count_at}), Errno::inval);
  EXPECT_EQ(events(), 99u) << "nothing is written";
}

TEST_F(WasiPoll, PointersOutsideAreFaults) {
  clock(0, 1, monotonic, 0);
  EXPECT_EQ(call("poll_oneoff", {memory_size - 47, out, 1, count_at}), Errno::fault);
  EXPECT_EQ(call("poll_oneoff", {in, memory_size - 31, 1, count_at}), Errno::fault);
  EXPECT_EQ(call("poll_oneoff", {in, out, 1, outside}), Errno::fault);
  EXPECT_EQ(call("poll_oneoff", {0xffff'fff0, 0xffff'fff0, 1024, count_at}), Errno::fault);
}

TEST_F(WasiPoll, EventsOverSubscriptionsStayInMemory) {
  for (std::uint32_t i = 0; i < 8; ++i) clock(i, UINT64_MAX, monotonic, 0);
  ASSERT_EQ(start("poll_oneoff", {in, in + 8, 8, count_at}), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  EXPECT_LE(events(), 8u);
}

TEST_F(WasiPoll, AnAbandonedWaitLeavesNoTimer) {
  clock(0, 1, monotonic, ms);
  ASSERT_EQ(wait(1), HostResult::pending);
  EXPECT_EQ(loop.timers(), 1u);
  context->abandon();
  EXPECT_EQ(loop.timers(), 0u);
  ASSERT_EQ(wait(1), HostResult::pending);
  context.reset();
  EXPECT_EQ(loop.timers(), 0u);
  loop.advance(1s);
  loop.turn();
  EXPECT_EQ(wakes, 0);
}

TEST_F(WasiPoll, ADescriptorThatIsReplacedMeanwhileIsLookedAtAnew) {
  fd(0, 1, type_read, 0);
  ASSERT_EQ(wait(1), HostResult::pending);
  context->bind(0, null_descriptor());
  loop.turn();
  EXPECT_EQ(wakes, 1);
  ASSERT_EQ(poll(), HostResult::done);
  EXPECT_EQ(flags(0), 1u) << "what was bound in its place is at its end";
}

}  // namespace
}  // namespace myelin::wasm::wasi::testing
