#include "io/scope.hpp"

#include "io/pipe.hpp"
#include "io/real.hpp"
#include "io/simulated.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace myelin::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Task<void> add(std::vector<int>* out, int n) {
  out->push_back(n);
  co_return;
}

Task<void> sleep_long(Loop* loop, CancelToken token, int* cancelled) {
  const auto slept = co_await sleep_for(*loop, seconds(600), std::move(token));
  if (!slept && slept.error().code == ErrorCode::cancelled) ++*cancelled;
}

struct ScopeTest : testing::Test {
  std::unique_ptr<RealLoop> loop = RealLoop::create();
};

TEST_F(ScopeTest, TasksStartLaterAndInOrder) {
  std::vector<int> out;
  struct Body {
    static Task<void> run(Loop* l, std::vector<int>* o) {
      Scope scope(*l);
      for (int i = 0; i < 5; ++i) scope.spawn(add(o, i));
      EXPECT_TRUE(o->empty()) << "never inside spawn";
      EXPECT_EQ(scope.running(), 5U);
      co_await scope.join();
      EXPECT_EQ(scope.running(), 0U);
    }
  };
  loop->run_until_done(Body::run(loop.get(), &out));
  EXPECT_EQ(out, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(ScopeTest, CancelEndsWhatLooksAtTheToken) {
  int cancelled = 0;
  struct Body {
    static Task<void> run(Loop* l, int* count) {
      Scope scope(*l);
      for (int i = 0; i < 3; ++i) scope.spawn(sleep_long(l, scope.token(), count));
      co_await yield(*l);
      EXPECT_EQ(scope.running(), 3U);
      scope.cancel();
      co_await scope.join();
    }
  };
  loop->run_until_done(Body::run(loop.get(), &cancelled));
  EXPECT_EQ(cancelled, 3);
}

Task<void> spawn_next(Loop* loop, Scope* scope, int left, int* ran) {
  ++*ran;
  EXPECT_TRUE(co_await sleep_for(*loop, milliseconds(1)));
  if (left > 0) scope->spawn(spawn_next(loop, scope, left - 1, ran));
}

TEST_F(ScopeTest, JoinWaitsForTasksThatTheLastOnesSpawn) {
  int ran = 0;
  struct Body {
    static Task<void> run(Loop* l, int* count) {
      Scope scope(*l);
      co_await scope.join();  // nothing to wait for
      scope.spawn(spawn_next(l, &scope, 4, count));
      co_await scope.join();
    }
  };
  loop->run_until_done(Body::run(loop.get(), &ran));
  EXPECT_EQ(ran, 5);
}

Task<void> hold(std::shared_ptr<int> held) {
  EXPECT_EQ(*held, 7);
  co_return;
}

TEST_F(ScopeTest, WhatATaskHoldsIsGoneWhenJoinReturns) {
  const auto held = std::make_shared<int>(7);
  struct Body {
    static Task<void> run(Loop* l, std::shared_ptr<int> h) {
      Scope scope(*l);
      for (int i = 0; i < 10; ++i) scope.spawn(hold(h));
      co_await scope.join();
      EXPECT_EQ(h.use_count(), 2);
    }
  };
  loop->run_until_done(Body::run(loop.get(), held));
}

Task<void> hold_all_kinds(Loop* loop, std::shared_ptr<int> held, PipeReader reader) {
  Scope inner(*loop);
  inner.spawn(sleep_long(loop, inner.token(), held.get()));
  Event never(*loop);
  inner.spawn(hold(held));
  CancelSource source;
  const auto waited = co_await never.wait_until(loop->now() + seconds(1000), source.token());
  EXPECT_FALSE(waited);
  EXPECT_TRUE(co_await reader.read(1));
  co_await inner.join();
}

TEST(ScopeOfACrashedHost, DestroysItsTasksWhereTheyStand) {
  const auto world = SimulatedWorld::create(1);
  auto& host = world->add_host("a", *IpAddress::parse("10.0.0.1"));
  Loop& loop = host.add_loop();
  const auto held = std::make_shared<int>(7);
  auto [writer, reader] = make_pipe(loop, loop, 10);
  {
    Scope scope(loop);
    scope.spawn(hold_all_kinds(&loop, held, std::move(reader)));
    world->run_for(seconds(1));
    scope.spawn(hold(held));  // not begun yet
    EXPECT_EQ(held.use_count(), 3);
    host.crash();
    EXPECT_TRUE(loop.crashed());
    world->run_for(seconds(2000));
    EXPECT_EQ(scope.running(), 2U);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(ScopeDeathTest, DestroyingOneWithTasksAborts) {
  EXPECT_DEATH(
      {
        const auto loop = RealLoop::create();
        std::vector<int> out;
        Scope scope(*loop);
        scope.spawn(add(&out, 1));
      },
      "await join\\(\\) first");
}

}  // namespace
}  // namespace myelin::io
