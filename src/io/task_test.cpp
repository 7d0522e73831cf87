#include "io/task.hpp"

#include "io/real.hpp"
#include "io/sync.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace myelin::io {
namespace {

Task<std::uint64_t> value(std::uint64_t n) { co_return n; }

Task<std::uint64_t> sum(std::uint64_t n) {
  std::uint64_t total = 0;
  for (std::uint64_t i = 1; i <= n; ++i) total += co_await value(i);
  co_return total;
}

Task<void> store(std::uint64_t n, std::uint64_t* out) { *out = co_await sum(n); }

TEST(Task, GivesItsValueThroughManyAwaits) {
  const auto loop = RealLoop::create();
  std::uint64_t out = 0;
  // Symmetric transfer: the stack does not grow with the number of awaits.
  loop->run_until_done(store(1'000'000, &out));
  EXPECT_EQ(out, 500'000'500'000u);
}

Task<void> mark(bool* started) {
  *started = true;
  co_return;
}

TEST(Task, IsLazyAndFreeToDrop) {
  bool started = false;
  {
    Task<void> task = mark(&started);
    EXPECT_TRUE(task);
    const Task<void> moved = std::move(task);
    EXPECT_TRUE(moved);
  }
  EXPECT_FALSE(started);
}

Task<std::unique_ptr<std::string>> make_text(std::string text) {
  co_return std::make_unique<std::string>(std::move(text));
}

Task<void> use_text(std::string* out) {
  const std::unique_ptr<std::string> text = co_await make_text("moved, not copied");
  *out = *text;
}

TEST(Task, CarriesMoveOnlyValues) {
  const auto loop = RealLoop::create();
  std::string out;
  loop->run_until_done(use_text(&out));
  EXPECT_EQ(out, "moved, not copied");
}

struct Counted {
  explicit Counted(int* c) : count(c) { ++*count; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*count; }
  int* count;
};

Task<void> hold(Event* event, int* count) {
  const Counted counted(count);
  co_await event->wait();
}

Task<void> hold_nested(Event* event, int* count) {
  const Counted counted(count);
  co_await hold(event, count);
}

TEST(Task, DroppingASuspendedOneDestroysWhatItAwaits) {
  const auto loop = RealLoop::create();
  Event event(*loop);
  int count = 0;
  {
    Task<void> task = hold_nested(&event, &count);
    const auto handle = task.release();
    handle.resume();
    EXPECT_EQ(count, 2);
    const Task<void> owner(handle);
  }
  EXPECT_EQ(count, 0);
}

TEST(TaskDeathTest, AwaitingAnEmptyTaskAborts) {
  struct Bad {
    static Task<void> await_nothing() {
      Task<void> nothing;
      co_await std::move(nothing);
    }
  };
  EXPECT_DEATH(RealLoop::create()->run_until_done(Bad::await_nothing()), "empty or moved-from");
}

TEST(TaskDeathTest, AnEscapingExceptionAborts) {
  struct Bad {
    static Task<void> fail_badly() {
      throw std::runtime_error("escaped");
      co_return;
    }
  };
  EXPECT_DEATH(RealLoop::create()->run_until_done(Bad::fail_badly()), "unhandled exception");
}

}  // namespace
}  // namespace myelin::io
