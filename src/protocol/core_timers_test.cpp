#include "protocol/core_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace myelin::protocol::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct TimerTest : ::testing::Test {
  TimerTest() : a(world.add(1, "a")), b(world.add(2, "b")) { world.start(); }
  std::int64_t now_ms() const { return a.ctx->now() / milliseconds(1); }
  World world;
  Scripted& a;
  Scripted& b;
  std::vector<std::int64_t> fired;
};

TEST_F(TimerTest, FiresOnceInItsTime) {
  a.ctx->start_timer(milliseconds(10), [this] { fired.push_back(now_ms()); });
  EXPECT_EQ(world.executor.alarm, Instant(milliseconds(10)));
  world.advance(milliseconds(9));
  EXPECT_THAT(fired, IsEmpty());
  world.advance(milliseconds(100));
  EXPECT_THAT(fired, ElementsAre(10));
  EXPECT_EQ(world.executor.alarm, Instant::max());
}

TEST_F(TimerTest, OneOfThisVeryMomentFiresToo) {
  a.ctx->start_timer(milliseconds(10), [this] {
    fired.push_back(0);
    a.ctx->start_timer(Duration{0}, [this] { fired.push_back(now_ms()); });
  });
  world.executor.now_ = std::exchange(world.executor.alarm, Instant::max());
  world.core->turn();
  EXPECT_EQ(world.executor.alarm, Instant(milliseconds(10)));
  world.core->turn();
  EXPECT_THAT(fired, ElementsAre(0, 10));
}

TEST_F(TimerTest, EqualTimesKeepTheOrderOfTheirStarts) {
  for (int i = 0; i < 5; ++i) a.ctx->start_timer(milliseconds(10), [this, i] { fired.push_back(i); });
  a.ctx->start_timer(milliseconds(5), [this] { fired.push_back(99); });
  world.advance(milliseconds(10));
  EXPECT_THAT(fired, ElementsAre(99, 0, 1, 2, 3, 4));
}

TEST_F(TimerTest, APeriodDoesNotDrift) {
  a.ctx->start_periodic_timer(milliseconds(10), milliseconds(3), [this] { fired.push_back(now_ms()); });
  world.advance(milliseconds(13));
  // The machine sleeps for a while: the beat is kept, and what was missed runs once.
  world.executor.now_ += milliseconds(8);  // 21; missed: 16, 19
  world.core->turn();
  world.run();
  world.advance(milliseconds(5));
  EXPECT_THAT(fired, ElementsAre(10, 13, 21, 22, 25));
}

TEST_F(TimerTest, CancelBefore) {
  const TimerId id = a.ctx->start_timer(milliseconds(10), [this] { fired.push_back(1); });
  EXPECT_TRUE(a.ctx->cancel_timer(id));
  EXPECT_FALSE(a.ctx->cancel_timer(id));
  world.advance(seconds(1));
  EXPECT_THAT(fired, IsEmpty());
}

TEST_F(TimerTest, CancelAfterItIsDueAndBeforeItRuns) {
  const TimerId id = a.ctx->start_timer(milliseconds(10), [this] { fired.push_back(1); });
  a.ctx->start_timer(milliseconds(9), [this, id] {
    fired.push_back(0);
    EXPECT_TRUE(a.ctx->cancel_timer(id));
  });
  world.executor.now_ += milliseconds(20);  // both are due at once
  world.run();
  EXPECT_THAT(fired, ElementsAre(0));
}

TEST_F(TimerTest, CancelWithinItsOwnCallback) {
  TimerId once = 0, often = 0;
  once = a.ctx->start_timer(milliseconds(1), [&] {
    EXPECT_FALSE(a.ctx->cancel_timer(once));  // it is no more
    fired.push_back(1);
  });
  auto kept = std::make_shared<int>(7);
  often = a.ctx->start_periodic_timer(milliseconds(2), milliseconds(2), [&, kept] {
    fired.push_back(*kept);
    if (fired.size() == 3) {
      EXPECT_TRUE(a.ctx->cancel_timer(often));
      EXPECT_FALSE(a.ctx->cancel_timer(often));
      // What comes into the slot meanwhile is not taken for it.
      a.ctx->start_timer(milliseconds(50), [&] { fired.push_back(9); });
    }
    EXPECT_EQ(*kept, 7);  // the callback is alive to its end
  });
  world.advance(milliseconds(100));
  EXPECT_THAT(fired, ElementsAre(1, 7, 7, 9));
  EXPECT_EQ(kept.use_count(), 1);
}

TEST_F(TimerTest, CancelAfterItRan) {
  const TimerId id = a.ctx->start_timer(milliseconds(1), [] {});
  world.advance(milliseconds(2));
  EXPECT_FALSE(a.ctx->cancel_timer(id));
}

TEST_F(TimerTest, IdsAreScopedToTheirProtocol) {
  const TimerId id = a.ctx->start_timer(milliseconds(1), [this] { fired.push_back(1); });
  EXPECT_NE(id, 0u);
  EXPECT_FALSE(b.ctx->cancel_timer(id));
  EXPECT_FALSE(b.ctx->cancel_timer(0));
  EXPECT_FALSE(b.ctx->cancel_timer(~0ull));
  world.advance(milliseconds(2));
  EXPECT_THAT(fired, ElementsAre(1));
}

TEST_F(TimerTest, ThousandsInAnyOrder) {
  std::vector<TimerId> ids;
  for (int i = 0; i < 5000; ++i) {
    const int at = (i * 7919) % 5000;
    ids.push_back(a.ctx->start_timer(milliseconds(at), [this, at] { fired.push_back(at); }));
  }
  for (int i = 0; i < 5000; i += 2) EXPECT_TRUE(a.ctx->cancel_timer(ids[static_cast<std::size_t>(i)]));
  world.advance(seconds(6));
  EXPECT_EQ(fired.size(), 2500u);
  EXPECT_TRUE(std::ranges::is_sorted(fired));
}

TEST_F(TimerTest, TimesBeyondTheEndAreNever) {
  a.ctx->start_timer(Duration::max(), [this] { fired.push_back(1); });
  a.ctx->start_timer(-seconds(5), [this] { fired.push_back(2); });
  world.advance(seconds(1));
  EXPECT_THAT(fired, ElementsAre(2));
}

TEST_F(TimerTest, NoneAfterTheStop) {
  a.ctx->start_periodic_timer(milliseconds(1), milliseconds(1), [this] { fired.push_back(1); });
  world.advance(milliseconds(2));
  world.core->cancel();
  world.advance(seconds(1));
  EXPECT_EQ(fired.size(), 2u);
  EXPECT_EQ(world.executor.alarm, Instant::max());
}

}  // namespace
}  // namespace myelin::protocol::testing
