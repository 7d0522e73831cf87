#include "wasm/wasi_testing.hpp"

namespace myelin::wasm::wasi::testing {
namespace {

class WasiProcess : public WasiTest {};

TEST_F(WasiProcess, ExitEndsTheCallWithItsCode) {
  EXPECT_EQ(start("proc_exit", {3}), HostResult::exit);
  EXPECT_EQ(instance.exit_code, 3u);
  EXPECT_EQ(start("proc_exit", {0xffff'ffff}), HostResult::exit);
  EXPECT_EQ(instance.exit_code, 0xffff'ffffu);
  EXPECT_EQ(start("proc_exit", {0}), HostResult::exit);
  EXPECT_EQ(instance.exit_code, 0u);
}

TEST_F(WasiProcess, ThereAreNoSignals) { EXPECT_EQ(call("proc_raise", {9}), Errno::nosys); }

TEST_F(WasiProcess, RandomFillsExactlyWhatWasAsked) {
  ASSERT_EQ(call("random_get", {1000, 5}), Errno::success);
  EXPECT_EQ(text(999, 7), std::string("\0\1\2\3\4\5\0", 7));
  EXPECT_EQ(call("random_get", {1000, 0}), Errno::success);
  EXPECT_EQ(call("random_get", {memory_size, 0}), Errno::success);
  EXPECT_EQ(call("random_get", {memory_size - 4, 5}), Errno::fault);
  EXPECT_EQ(call("random_get", {0xffff'ffff, 0xffff'ffff}), Errno::fault);
  EXPECT_EQ(instance.bytes[memory_size - 4], 0) << "a fault writes nothing";
}

TEST_F(WasiProcess, MuchRandomComesInPiecesWithOtherTurnsBetween) {
  constexpr std::uint32_t size = 100'000;
  ASSERT_EQ(start("random_get", {1000, size}), HostResult::pending);
  int polls = 1;
  HostResult state = HostResult::pending;
  while (state == HostResult::pending) {
    EXPECT_EQ(loop.turn(), 1);
    EXPECT_EQ(wakes, polls++);
    state = poll();
    ASSERT_LT(polls, 100);
  }
  ASSERT_EQ(state, HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  EXPECT_GT(polls, 4);
  for (std::uint32_t i = 0; i < size; ++i) ASSERT_EQ(instance.bytes[1000 + i], static_cast<std::uint8_t>(i + 1)) << i;
  EXPECT_EQ(instance.bytes[1000 + size], 0);
}

TEST_F(WasiProcess, AnAbandonedRandomStartsAfresh) {
  ASSERT_EQ(start("random_get", {1000, 100'000}), HostResult::pending);
  context->abandon();
  loop.turn();
  EXPECT_EQ(wakes, 0);
  std::ranges::fill(instance.bytes, std::uint8_t{0});
  ASSERT_EQ(call("random_get", {1000, 16}), Errno::success);
  EXPECT_NE(text(1000, 16), std::string(16, '\0'));
}

TEST_F(WasiProcess, YieldGivesTheTurnAwayOnce) {
  ASSERT_EQ(start("sched_yield", {}), HostResult::pending);
  EXPECT_EQ(wakes, 0);
  loop.turn();
  EXPECT_EQ(wakes, 1);
  ASSERT_EQ(poll(), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  loop.turn();
  EXPECT_EQ(wakes, 1);
}

TEST_F(WasiProcess, AYieldThatIsResumedBeforeItsTurnLeavesNoWakeBehind) {
  ASSERT_EQ(start("sched_yield", {}), HostResult::pending);
  ASSERT_EQ(poll(), HostResult::done);
  loop.turn();
  EXPECT_EQ(wakes, 0);
}

}  // namespace
}  // namespace myelin::wasm::wasi::testing
