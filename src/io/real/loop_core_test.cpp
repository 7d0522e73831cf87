#include "io/real/loop_core.hpp"

#include "io/real.hpp"
#include "io/scope.hpp"
#include "io/sync.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace myelin::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct RealLoopTest : testing::Test {
  std::unique_ptr<RealLoop> loop = RealLoop::create();
};

TEST_F(RealLoopTest, PostsRunLaterInOrder) {
  std::string order;
  loop->post([&] {
    order += 'a';
    loop->post([&] { order += 'c'; });
    order += 'b';
  });
  EXPECT_EQ(order, "");
  loop->poll();
  EXPECT_EQ(order, "abc");
}

TEST_F(RealLoopTest, KnowsWhetherTheCallerIsOnIt) {
  const auto other = RealLoop::create();
  EXPECT_FALSE(loop->here());
  bool on_loop = false;
  bool on_other = true;
  loop->post([&] {
    on_loop = loop->here();
    on_other = other->here();
  });
  loop->poll();
  EXPECT_TRUE(on_loop);
  EXPECT_FALSE(on_other);
  EXPECT_FALSE(loop->here());
}

TEST_F(RealLoopTest, StopReturnsAfterTheCallbackUnderWay) {
  std::string order;
  loop->post([&] {
    order += 'a';
    loop->stop();
    order += 'b';
  });
  loop->post([&] {
    order += 'c';
    loop->stop();
  });
  loop->run();
  EXPECT_EQ(order, "ab");
  loop->run();
  EXPECT_EQ(order, "abc") << "what was queued is kept for the next run";
}

TEST_F(RealLoopTest, AStopBeforeTheRunCounts) {
  bool ran = false;
  loop->post([&] { ran = true; });
  loop->stop();
  loop->run();
  EXPECT_FALSE(ran);
  loop->poll();
  EXPECT_TRUE(ran);
}

TEST_F(RealLoopTest, StopFromAnotherThreadEndsASleep) {
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(20));
    loop->stop();
  });
  loop->run();
  stopper.join();
  SUCCEED() << "run() returned";
}

TEST_F(RealLoopTest, TimeStandsStillInATurnAndNeverGoesBack) {
  std::vector<Instant> seen;
  loop->post([&] {
    seen.push_back(loop->now());
    const auto until = std::chrono::steady_clock::now() + milliseconds(3);
    while (std::chrono::steady_clock::now() < until) {
    }
    seen.push_back(loop->now());
    loop->post([&] { seen.push_back(loop->now()); });
  });
  loop->poll();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_GE(seen[2] - seen[1], milliseconds(3));
  EXPECT_GT(loop->wall().time_since_epoch(), std::chrono::hours(24 * 365 * 50));
}

TEST_F(RealLoopTest, TimersFireInOrderAndNotEarly) {
  std::string order;
  std::vector<Duration> late;
  const Instant start = loop->now();
  for (const auto& [ms, mark] : std::vector<std::pair<int, char>>{{15, 'c'}, {5, 'a'}, {10, 'b'}}) {
    const Instant when = start + milliseconds(ms);
    loop->start_timer(when, [&, when, c = mark] {
      order += c;
      late.push_back(loop->now() - when);
      if (c == 'c') loop->stop();
    });
  }
  loop->run();
  EXPECT_EQ(order, "abc");
  for (const Duration by : late) {
    EXPECT_GE(by, Duration::zero());
    EXPECT_LT(by, seconds(1));
  }
}

TEST_F(RealLoopTest, ATimerMayCancelAnotherOfItsTurn) {
  bool fired = false;
  Loop::TimerId second = 0;
  const Instant when = loop->now() - milliseconds(1);
  loop->start_timer(when, [&] { loop->cancel_timer(second); });
  second = loop->start_timer(when, [&] { fired = true; });
  loop->poll();
  EXPECT_FALSE(fired);
}

TEST_F(RealLoopTest, ATimerThatIsAlreadyDueFiresInALaterTurn) {
  int fired = 0;
  loop->post([&] {
    loop->start_timer(loop->now() - seconds(1), [&] { ++fired; });
    EXPECT_EQ(fired, 0);
    loop->post([] {});
  });
  loop->poll();
  EXPECT_EQ(fired, 1);
}

TEST_F(RealLoopTest, RandomBytesDiffer) {
  std::array<std::uint8_t, 300> a{};
  std::array<std::uint8_t, 300> b{};
  loop->random(a);
  loop->random(b);
  EXPECT_NE(a, b);
  EXPECT_NE(loop->random_u64(), loop->random_u64());
}

TEST_F(RealLoopTest, OffloadRunsElsewhereAndEndsHere) {
  std::thread::id worker;
  std::thread::id ender;
  loop->offload([&] { worker = std::this_thread::get_id(); },
                [&] {
                  ender = std::this_thread::get_id();
                  loop->stop();
                });
  loop->run();
  EXPECT_NE(worker, std::this_thread::get_id());
  EXPECT_EQ(ender, std::this_thread::get_id());
}

TEST_F(RealLoopTest, ManyOffloadsAllEnd) {
  std::atomic<int> worked{0};
  struct Body {
    static Task<void> one(Loop* l, std::atomic<int>* w) {
      co_await offload(*l, [w] { ++*w; });
    }
    static Task<void> all(Loop* l, std::atomic<int>* w) {
      Scope scope(*l);
      for (int i = 0; i < 1000; ++i) scope.spawn(one(l, w));
      co_await scope.join();
    }
  };
  loop->run_until_done(Body::all(loop.get(), &worked));
  EXPECT_EQ(worked, 1000);
}

TEST_F(RealLoopTest, PostsOfEachThreadStayInOrder) {
  constexpr int threads = 4;
  constexpr int posts = 20'000;
  std::array<int, threads> next{};
  int ended = 0;
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (int i = 0; i < posts; ++i) {
        loop->post([&, t, i] {
          EXPECT_EQ(next[static_cast<std::size_t>(t)]++, i);
          if (i + 1 == posts && ++ended == threads) loop->stop();
        });
        if (i % 1000 == 0) std::this_thread::yield();
      }
    });
  }
  loop->run();
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(ended, threads);
}

// Two loops wake each other from sleep again and again: a lost wake-up would hang this.
TEST_F(RealLoopTest, WakeUpsAreNotLost) {
  const auto other = RealLoop::create();
  constexpr int rounds = 20'000;
  std::move_only_function<void(int)> ping;
  std::move_only_function<void(int)> pong;
  ping = [&](int left) {
    if (left == 0) {
      other->stop();
      loop->stop();
      return;
    }
    other->post([&, left] { pong(left - 1); });
  };
  pong = [&](int left) { loop->post([&, left] { ping(left); }); };
  std::thread second([&] { other->run(); });
  loop->post([&] { ping(rounds); });
  loop->run();
  second.join();
}

TEST_F(RealLoopTest, WhatIsQueuedIsDestroyedWithTheLoop) {
  const auto held = std::make_shared<int>(1);
  loop->post([held] {});
  loop->start_timer(loop->now() + seconds(100), [held] {});
  loop->post([l = loop.get(), held] { l->post([held] {}); });
  EXPECT_EQ(held.use_count(), 4);
  loop.reset();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(RealLoopTest, OffloadedWorkUnderWayIsWaitedForAtTheEnd) {
  std::atomic<bool> begun{false};
  std::atomic<bool> finished{false};
  loop->offload(
      [&] {
        begun = true;
        std::this_thread::sleep_for(milliseconds(30));
        finished = true;
      },
      [] {});
  while (!begun) std::this_thread::yield();
  loop.reset();
  EXPECT_TRUE(finished);
}

TEST_F(RealLoopTest, ManyTimersAreCheap) {
  std::vector<Loop::TimerId> ids;
  const Instant far = loop->now() + seconds(3600);
  for (int i = 0; i < 100'000; ++i) ids.push_back(loop->start_timer(far + Duration(i * 7919 % 100'000), [] {}));
  int fired = 0;
  for (int i = 0; i < 100; ++i) {
    loop->start_timer(loop->now() + milliseconds(i % 5), [&] {
      if (++fired == 100) loop->stop();
    });
  }
  loop->run();
  EXPECT_EQ(fired, 100);
  for (const Loop::TimerId id : ids) loop->cancel_timer(id);
}

TEST_F(RealLoopTest, AnIdleLoopSleeps) {
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_THREAD, &before);
  loop->start_timer(loop->now() + milliseconds(200), [&] { loop->stop(); });
  loop->run();
  getrusage(RUSAGE_THREAD, &after);
  const auto cpu = [](const rusage& used) {
    return std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  };
  EXPECT_LT(cpu(after) - cpu(before), milliseconds(50));
}

TEST(RealLoopDeathTest, RunningALoopInsideALoopAborts) {
  EXPECT_DEATH(
      {
        const auto outer = RealLoop::create();
        const auto inner = RealLoop::create();
        outer->post([&] { inner->poll(); });
        outer->poll();
      },
      "inside a loop");
}

}  // namespace
}  // namespace myelin::io
