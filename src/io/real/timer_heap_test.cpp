#include "io/real/timer_heap.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace myelin::io::real {
namespace {

Instant at(std::int64_t ns) { return Instant(Duration(ns)); }

TEST(TimerHeap, GivesTimersInOrderOfTimeThenStart) {
  TimerHeap heap;
  std::vector<int> out;
  for (const auto& [when, n] : std::vector<std::pair<int, int>>{{30, 0}, {10, 1}, {20, 2}, {10, 3}, {5, 4}, {30, 5}}) {
    heap.start(at(when), [&out, id = n] { out.push_back(id); });
  }
  EXPECT_EQ(heap.next(), at(5));
  while (auto callback = heap.pop_due(at(20), heap.mark())) (*callback)();
  EXPECT_EQ(out, (std::vector<int>{4, 1, 3, 2}));
  while (auto callback = heap.pop_due(at(30), heap.mark())) (*callback)();
  EXPECT_EQ(out, (std::vector<int>{4, 1, 3, 2, 0, 5}));
  EXPECT_TRUE(heap.empty());
}

TEST(TimerHeap, TimersStartedAfterTheMarkWait) {
  TimerHeap heap;
  heap.start(at(1), [] {});
  const auto mark = heap.mark();
  heap.start(at(1), [] {});
  EXPECT_TRUE(heap.pop_due(at(1), mark));
  EXPECT_FALSE(heap.pop_due(at(1), mark));
  EXPECT_TRUE(heap.pop_due(at(1), heap.mark()));
}

TEST(TimerHeap, CancelledTimersLeaveNothing) {
  TimerHeap heap;
  const auto held = std::make_shared<int>(1);
  const auto id = heap.start(at(1), [held] {});
  EXPECT_EQ(held.use_count(), 2);
  heap.cancel(id);
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_TRUE(heap.empty());
  heap.cancel(id);
  heap.cancel(0);
  heap.cancel(~std::uint64_t{0});
  const auto next = heap.start(at(1), [] {});
  EXPECT_NE(next, id) << "the slot is used again, the id is not";
  heap.cancel(id);
  EXPECT_EQ(heap.size(), 1U);
}

TEST(TimerHeap, AgreesWithAModelOverManyOperations) {
  std::mt19937_64 random(42);
  TimerHeap heap;
  using Key = std::pair<std::int64_t, std::uint64_t>;  // time, order of start
  std::map<Key, Loop::TimerId> model;
  std::set<Loop::TimerId> seen;
  std::vector<std::uint64_t> fired;
  std::uint64_t order = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto what = random() % 10;
    if (what < 5) {
      const auto when = static_cast<std::int64_t>(random() % 1000);
      const auto id = heap.start(at(when), [&fired, order] { fired.push_back(order); });
      ASSERT_NE(id, 0U);
      ASSERT_TRUE(seen.insert(id).second);
      model.emplace(Key{when, order++}, id);
    } else if (what < 8 && !model.empty()) {
      auto victim = model.lower_bound({static_cast<std::int64_t>(random() % 1000), 0});
      if (victim == model.end()) victim = model.begin();
      heap.cancel(victim->second);
      model.erase(victim);
    } else {
      const auto now = static_cast<std::int64_t>(random() % 300);
      while (auto callback = heap.pop_due(at(now), heap.mark())) {
        (*callback)();
        ASSERT_FALSE(model.empty());
        ASSERT_EQ(fired.back(), model.begin()->first.second);
        ASSERT_LE(model.begin()->first.first, now);
        model.erase(model.begin());
      }
      ASSERT_TRUE(model.empty() || model.begin()->first.first > now);
    }
    ASSERT_EQ(heap.size(), model.size());
  }
  EXPECT_GT(fired.size(), 1000U);
}

}  // namespace
}  // namespace myelin::io::real
