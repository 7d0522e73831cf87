#include "io/sync.hpp"

#include "io/real.hpp"
#include "io/scope.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace myelin::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct SyncTest : testing::Test {
  std::unique_ptr<RealLoop> loop = RealLoop::create();
};

Task<void> note(Task<Result<void>> wait, std::string* out) {
  const auto result = co_await std::move(wait);
  *out = result ? "ok" : std::string(name(result.error().code));
}

Task<void> fire_after(Loop* loop, Duration duration, CancelSource* source) {
  EXPECT_TRUE(co_await sleep_for(*loop, duration));
  source->fire();
}

Task<void> set_after(Loop* loop, Duration duration, Event* event) {
  EXPECT_TRUE(co_await sleep_for(*loop, duration));
  event->set();
}

Task<void> both(Loop* loop, Task<void> a, Task<void> b) {
  Scope scope(*loop);
  scope.spawn(std::move(a));
  scope.spawn(std::move(b));
  co_await scope.join();
}

TEST_F(SyncTest, SleepIsNeverShort) {
  std::string out;
  const Instant before = loop->now();
  loop->run_until_done(note(sleep_for(*loop, milliseconds(20)), &out));
  EXPECT_EQ(out, "ok");
  EXPECT_GE(loop->now() - before, milliseconds(20));
}

TEST_F(SyncTest, SleepInThePastEnds) {
  std::string out;
  loop->run_until_done(note(sleep_until(*loop, loop->now() - seconds(1)), &out));
  EXPECT_EQ(out, "ok");
}

TEST_F(SyncTest, SleepIsCancelled) {
  CancelSource source;
  std::string out;
  loop->run_until_done(both(loop.get(), note(sleep_for(*loop, seconds(600), source.token()), &out),
                            fire_after(loop.get(), milliseconds(5), &source)));
  EXPECT_EQ(out, "cancelled");
  loop->run_until_done(note(sleep_for(*loop, seconds(600), source.token()), &out));
  EXPECT_EQ(out, "cancelled") << "a token that has fired ends it at once";
}

TEST_F(SyncTest, EventWakesWaitersInOrder) {
  Event event(*loop);
  std::string order;
  struct Wait {
    static Task<void> then(Event* e, std::string* o, char c) {
      co_await e->wait();
      *o += c;
    }
    static Task<void> all(Loop* l, Event* e, std::string* o) {
      Scope scope(*l);
      for (const char c : {'a', 'b', 'c'}) scope.spawn(then(e, o, c));
      co_await yield(*l);
      e->set();
      EXPECT_EQ(*o, "") << "set() runs nobody";
      co_await scope.join();
      co_await then(e, o, 'd');  // set: does not suspend
    }
  };
  loop->run_until_done(Wait::all(loop.get(), &event, &order));
  EXPECT_EQ(order, "abcd");
  event.reset();
  EXPECT_FALSE(event.is_set());
}

TEST_F(SyncTest, WaitUntilEndsWithEachOfItsThreeEnds) {
  Event event(*loop);
  CancelSource source;
  std::string out;
  loop->run_until_done(note(event.wait_until(loop->now() + milliseconds(10)), &out));
  EXPECT_EQ(out, "timeout");
  loop->run_until_done(both(loop.get(), note(event.wait_until(loop->now() + seconds(600), source.token()), &out),
                            fire_after(loop.get(), milliseconds(5), &source)));
  EXPECT_EQ(out, "cancelled");
  loop->run_until_done(note(event.wait_until(loop->now() + seconds(600), source.token()), &out));
  EXPECT_EQ(out, "cancelled");
  loop->run_until_done(both(loop.get(), note(event.wait_until(loop->now() + seconds(600)), &out),
                            set_after(loop.get(), milliseconds(5), &event)));
  EXPECT_EQ(out, "ok");
}

TEST_F(SyncTest, ATimedWaitDoesNotTouchAnEventThatWokeItAndDied) {
  auto event = std::make_unique<Event>(*loop);
  CancelSource source;
  std::string out;
  struct Drop {
    static Task<void> after_set(Loop* l, std::unique_ptr<Event>* e, CancelSource* s) {
      co_await yield(*l);
      (*e)->set();
      e->reset();
      s->fire();  // in the same turn: the waiter is woken already, and must not look for its event
    }
  };
  loop->run_until_done(both(loop.get(), note(event->wait_until(loop->now() + seconds(600), source.token()), &out),
                            Drop::after_set(loop.get(), &event, &source)));
  EXPECT_EQ(out, "ok");
}

Task<void> produce(Loop* loop, Queue<std::unique_ptr<int>>* queue, int count) {
  for (int i = 0; i < count; ++i) {
    EXPECT_TRUE(co_await queue->push(std::make_unique<int>(i)));
    EXPECT_LE(queue->size(), 3U);
    if (i % 7 == 0) co_await yield(*loop);
  }
  queue->close();
}

Task<void> consume(Queue<std::unique_ptr<int>>* queue, int* next) {
  while (auto item = co_await queue->pop()) EXPECT_EQ(**item, (*next)++);
}

TEST_F(SyncTest, QueueIsBoundedAndInOrder) {
  Queue<std::unique_ptr<int>> queue(*loop, 3);
  int next = 0;
  loop->run_until_done(both(loop.get(), produce(loop.get(), &queue, 1000), consume(&queue, &next)));
  EXPECT_EQ(next, 1000);
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.try_push(std::make_unique<int>(1)));
}

TEST_F(SyncTest, QueueRefusesWhenFull) {
  Queue<int> queue(*loop, 2);
  EXPECT_TRUE(queue.try_push(1));
  EXPECT_TRUE(queue.try_push(2));
  EXPECT_FALSE(queue.try_push(3));
  EXPECT_EQ(queue.try_pop(), 1);
  EXPECT_TRUE(queue.try_push(3));
  queue.close();
  EXPECT_EQ(queue.try_pop(), 2);
  EXPECT_EQ(queue.try_pop(), 3);
  EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST_F(SyncTest, ClosingAQueueEndsWaitingPushAndPop) {
  Queue<int> full(*loop, 1);
  Queue<int> empty(*loop, 1);
  ASSERT_TRUE(full.try_push(1));
  struct Wait {
    static Task<void> push(Queue<int>* q) { EXPECT_FALSE(co_await q->push(2)); }
    static Task<void> pop(Queue<int>* q) { EXPECT_EQ(co_await q->pop(), std::nullopt); }
    static Task<void> all(Loop* l, Queue<int>* f, Queue<int>* e) {
      Scope scope(*l);
      scope.spawn(push(f));
      scope.spawn(pop(e));
      for (int i = 0; i < 3; ++i) co_await yield(*l);
      EXPECT_EQ(scope.running(), 2U);
      f->close();
      e->close();
      co_await scope.join();
    }
  };
  loop->run_until_done(Wait::all(loop.get(), &full, &empty));
  EXPECT_EQ(full.size(), 1U);
}

}  // namespace
}  // namespace myelin::io
