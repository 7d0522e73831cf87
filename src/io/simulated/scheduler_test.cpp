#include "io/simulated/scheduler.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace myelin::io::simulated {
namespace {

using namespace std::chrono_literals;

constexpr Instant at(Duration since_start) { return Instant(since_start); }

void drain(Scheduler& scheduler) {
  while (scheduler.step(Instant::max())) {
  }
}

TEST(Scheduler, PostsOfOneLoopKeepTheirOrder) {
  Scheduler scheduler(1);
  const auto loop = scheduler.add_loop();
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) scheduler.post(loop, [&order, i] { order.push_back(i); });
  EXPECT_TRUE(order.empty());
  drain(scheduler);
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
  EXPECT_EQ(scheduler.now(), Instant{});
}

std::string interleaving(std::uint64_t seed) {
  Scheduler scheduler(seed);
  std::string order;
  for (const char name : {'a', 'b', 'c'}) {
    const auto loop = scheduler.add_loop();
    for (int i = 0; i < 6; ++i) scheduler.post(loop, [&order, name] { order += name; });
    scheduler.at(loop, at(5ms), [&order, name] { order += static_cast<char>(name - 'a' + 'A'); });
  }
  drain(scheduler);
  return order;
}

TEST(Scheduler, TheSeedBreaksTies) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto order = interleaving(seed);
    EXPECT_EQ(order, interleaving(seed));
    seen.insert(order);
  }
  EXPECT_GT(seen.size(), 15U);
}

TEST(Scheduler, TimersRunInTheOrderOfTheirTimes) {
  Scheduler scheduler(2);
  const auto loop = scheduler.add_loop();
  std::vector<std::int64_t> times;
  for (int i = 0; i < 500; ++i) {
    const auto when = at(Duration((i * 7919) % 1000));
    scheduler.at(loop, when, [&, when] {
      EXPECT_EQ(scheduler.now(), when);
      times.push_back(when.time_since_epoch().count());
    });
  }
  drain(scheduler);
  EXPECT_EQ(times.size(), 500U);
  EXPECT_TRUE(std::ranges::is_sorted(times));
}

TEST(Scheduler, ATimerInThePastRunsNowInALaterTurn) {
  Scheduler scheduler(2);
  const auto loop = scheduler.add_loop();
  scheduler.advance(at(1s));
  bool ran = false;
  scheduler.at(loop, at(1ms), [&] { ran = true; });
  EXPECT_FALSE(ran);
  EXPECT_TRUE(scheduler.step(at(1s)));
  EXPECT_TRUE(ran);
  EXPECT_EQ(scheduler.now(), at(1s));
}

TEST(Scheduler, CancelledTimersNeverRunAndLeaveTheHeap) {
  Scheduler scheduler(3);
  const auto loop = scheduler.add_loop();
  int ran = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto id = scheduler.at(loop, at(10s), [&] { ++ran; });
    EXPECT_NE(id, 0U);
    scheduler.cancel(loop, id);
    scheduler.cancel(loop, id);
  }
  EXPECT_LT(scheduler.heap_size(), 200U);
  drain(scheduler);
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(scheduler.now(), Instant{});
}

TEST(Scheduler, TimerIdsAreNotReused) {
  Scheduler scheduler(3);
  const auto loop = scheduler.add_loop();
  std::set<Scheduler::TimerId> ids;
  for (int i = 0; i < 1000; ++i) {
    ids.insert(scheduler.at(loop, at(1s), [] {}));
    if (i % 3 == 0) drain(scheduler);
  }
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(Scheduler, ALoopCannotCancelAnothersTimer) {
  Scheduler scheduler(4);
  const auto mine = scheduler.add_loop();
  const auto other = scheduler.add_loop();
  bool ran = false;
  const auto id = scheduler.at(mine, at(1s), [&] { ran = true; });
  scheduler.cancel(other, id);
  drain(scheduler);
  EXPECT_TRUE(ran);
}

TEST(Scheduler, ATimerMayCancelOthersAndItself) {
  Scheduler scheduler(4);
  const auto loop = scheduler.add_loop();
  bool ran = false;
  const auto second = scheduler.at(loop, at(2s), [&] { ran = true; });
  Scheduler::TimerId first = 0;
  first = scheduler.at(loop, at(1s), [&] {
    scheduler.cancel(loop, first);
    scheduler.cancel(loop, second);
  });
  drain(scheduler);
  EXPECT_FALSE(ran);
  EXPECT_EQ(scheduler.now(), at(1s));
}

TEST(Scheduler, StepStopsAtItsLimit) {
  Scheduler scheduler(5);
  const auto loop = scheduler.add_loop();
  scheduler.at(loop, at(2s), [] {});
  EXPECT_FALSE(scheduler.step(at(1s)));
  EXPECT_EQ(scheduler.now(), Instant{});
  EXPECT_TRUE(scheduler.step(at(2s)));
  EXPECT_FALSE(scheduler.step(Instant::max()));
}

TEST(Scheduler, CurrentIsTheLoopWhoseCallbackRuns) {
  Scheduler scheduler(6);
  const auto one = scheduler.add_loop();
  const auto two = scheduler.add_loop();
  std::vector<Scheduler::LoopId> seen;
  scheduler.post(one, [&] { seen.push_back(scheduler.current()); });
  drain(scheduler);
  scheduler.at(two, at(1s), [&] { seen.push_back(scheduler.current()); });
  scheduler.at(Scheduler::no_loop, at(2s), [&] { seen.push_back(scheduler.current()); });
  drain(scheduler);
  EXPECT_EQ(seen, (std::vector<Scheduler::LoopId>{one, two, Scheduler::no_loop}));
  EXPECT_EQ(scheduler.current(), Scheduler::no_loop);
}

// Calls back into the scheduler when it is destroyed, as objects do that own a timer.
struct Owner {
  Scheduler* scheduler;
  Scheduler::LoopId loop;
  int* destroyed;
  Owner(Scheduler* s, Scheduler::LoopId l, int* d) : scheduler(s), loop(l), destroyed(d) {}
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() {
    ++*destroyed;
    scheduler->post(loop, [] { FAIL() << "a stopped loop ran a callback"; });
    scheduler->cancel(loop, scheduler->at(loop, Instant{}, [] { FAIL() << "a stopped loop ran a timer"; }));
  }
};

TEST(Scheduler, StopDropsWithoutRunning) {
  Scheduler scheduler(7);
  const auto loop = scheduler.add_loop();
  const auto other = scheduler.add_loop();
  int destroyed = 0;
  int ran = 0;
  for (int i = 0; i < 10; ++i) {
    scheduler.post(loop, [&ran, owner = std::make_unique<Owner>(&scheduler, loop, &destroyed)] { ++ran; });
    scheduler.at(loop, at(1s), [&ran, owner = std::make_unique<Owner>(&scheduler, loop, &destroyed)] { ++ran; });
  }
  bool other_ran = false;
  scheduler.at(other, at(2s), [&] { other_ran = true; });
  scheduler.stop(loop);
  EXPECT_EQ(destroyed, 20);
  scheduler.post(loop, [&] { ++ran; });
  EXPECT_NE(scheduler.at(loop, at(1s), [&] { ++ran; }), 0U);
  drain(scheduler);
  EXPECT_EQ(ran, 0);
  EXPECT_TRUE(other_ran);
}

TEST(Scheduler, StopFromInsideTheLoopLetsTheCallbackEnd) {
  Scheduler scheduler(8);
  const auto loop = scheduler.add_loop();
  bool ended = false;
  scheduler.post(loop, [&] {
    scheduler.stop(loop);
    ended = true;
  });
  scheduler.post(loop, [] { FAIL() << "it was stopped"; });
  drain(scheduler);
  EXPECT_TRUE(ended);
}

TEST(Scheduler, StopAllDropsWhatBelongsToNoLoopToo) {
  Scheduler scheduler(9);
  const auto loop = scheduler.add_loop();
  int destroyed = 0;
  scheduler.at(Scheduler::no_loop, at(1s), [owner = std::make_unique<Owner>(&scheduler, loop, &destroyed)] {});
  scheduler.post(loop, [owner = std::make_unique<Owner>(&scheduler, loop, &destroyed)] {});
  scheduler.stop_all();
  EXPECT_EQ(destroyed, 2);
  EXPECT_FALSE(scheduler.step(Instant::max()));
}

TEST(Scheduler, ALoopThatNeverRestsDoesNotStopTheClock) {
  Scheduler scheduler(10);
  const auto loop = scheduler.add_loop();
  bool fired = false;
  scheduler.at(loop, at(Scheduler::stuck_step), [&] { fired = true; });
  struct Poll {
    Scheduler& scheduler;
    Scheduler::LoopId loop;
    bool& fired;
    void operator()() const {
      if (!fired) scheduler.post(loop, Poll{scheduler, loop, fired});
    }
  };
  scheduler.post(loop, Poll{scheduler, loop, fired});
  drain(scheduler);
  EXPECT_TRUE(fired);
}

TEST(Scheduler, DrivingItFromInsideIsABrokenInvariant) {
  EXPECT_DEATH(
      {
        Scheduler scheduler(11);
        scheduler.post(scheduler.add_loop(), [&] { scheduler.step(Instant::max()); });
        drain(scheduler);
      },
      "from inside");
}

}  // namespace
}  // namespace myelin::io::simulated
