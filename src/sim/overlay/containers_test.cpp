// The containers of the overlay engine against simple models, and cuts.
#include "io/simulated/random.hpp"
#include "sim/cuts.hpp"
#include "sim/overlay/event_queue.hpp"
#include "sim/overlay/peer_table.hpp"
#include "sim/overlay/wheel.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <tuple>

namespace myelin::sim::overlay {
namespace {

TEST(EventQueue, GivesEventsByTimeSaltAndOrder) {
  io::simulated::Random random(7);
  EventQueue queue;
  std::set<std::tuple<std::int64_t, std::uint16_t, std::uint64_t>> model;
  std::map<std::uint64_t, std::tuple<std::int64_t, std::uint16_t, std::uint64_t>> by_id;
  std::uint64_t next = 1;
  for (int i = 0; i < 20'000; ++i) {
    if (model.empty() || random.chance(0.55)) {
      const auto at = static_cast<std::int64_t>(random.below(50));
      const auto salt = static_cast<std::uint16_t>(random.below(3));
      EventBody body;
      body.id = next;
      queue.push(at, salt, 1, std::move(body));
      model.emplace(at, salt, next);
      ++next;
    } else {
      const auto key = queue.pop();
      ASSERT_FALSE(EventQueue::is_wake(key));
      ASSERT_EQ(key.at, std::get<0>(*model.begin()));
      ASSERT_EQ(queue.take(key).id, std::get<2>(*model.begin()));
      model.erase(model.begin());
    }
    ASSERT_EQ(queue.size(), model.size());
    // What is said to come is what comes.
    auto expected = model.begin();
    for (std::size_t ahead = 0; ahead < model.size(); ++ahead, ++expected) {
      const EventQueue::Key* key = queue.coming(ahead);
      if (key == nullptr) {
        ASSERT_GE(ahead, std::min(EventQueue::ahead, model.size()));
        break;
      }
      ASSERT_EQ(queue.body(*key).id, std::get<2>(*expected));
    }
  }
}

// From a nanosecond to years away, while time goes on: no event comes before an earlier one, and none is lost.
TEST(EventQueue, GivesFarEventsInTheirOrderToo) {
  io::simulated::Random random(11);
  EventQueue queue;
  std::multiset<std::pair<std::int64_t, std::uint32_t>> model;
  std::int64_t now = 0;
  std::uint32_t next = 0;
  for (int i = 0; i < 50'000; ++i) {
    if (model.empty() || random.chance(i < 30'000 ? 0.55 : 0.4)) {
      const auto at = now + static_cast<std::int64_t>(random.below(std::uint64_t{1} << random.below(58)));
      queue.push_wake(at, 1, next);
      model.emplace(at, next++);  // of one salt: the order of the pushes
    } else {
      const auto key = queue.pop();
      ASSERT_EQ(std::pair(key.at, key.node), *model.begin());
      now = key.at;
      model.erase(model.begin());
    }
    ASSERT_EQ(queue.size(), model.size());
  }
}

// Each before all that are there, as many as the front has no room for.
TEST(EventQueue, TakesABurstBeforeEverythingElse) {
  EventQueue queue;
  for (std::int64_t at = 1'000; at > 0; --at) {
    queue.push_wake(at, 1, static_cast<std::uint32_t>(at));
    if (at % 7 == 0) queue.push_wake(at + 30, 2, static_cast<std::uint32_t>(at + 30));
  }
  std::int64_t last = 0;
  std::size_t count = 0;
  for (; !queue.empty(); ++count) {
    const EventQueue::Key key = queue.pop();
    ASSERT_GE(key.at, last);
    last = key.at;
  }
  EXPECT_EQ(count, 1'000u + 142u);
}

TEST(Wheel, GivesAWindowAtOnceAndNothingLater) {
  struct Key {
    std::int64_t at;
  };
  constexpr std::int64_t window = std::int64_t{1} << Wheel<Key>::window_bits;
  Wheel<Key> wheel;
  EXPECT_FALSE(wheel.is_later(window - 1));
  for (const std::int64_t windows : {1, 64, 65, 4'096, 1'000'000}) {
    wheel.add({windows * window + 7});
    wheel.add({windows * window});
  }
  for (const std::int64_t windows : {1, 64, 65, 4'096, 1'000'000}) {
    std::multiset<std::int64_t> given;
    wheel.next([&](const Key& key) { given.insert(key.at); });
    EXPECT_EQ(given, (std::multiset<std::int64_t>{windows * window, windows * window + 7}));
    EXPECT_FALSE(wheel.is_later(windows * window + 8));
    EXPECT_TRUE(wheel.is_later((windows + 1) * window));
  }
  EXPECT_TRUE(wheel.empty());
}

TEST(EventQueue, AWakeHasNoBody) {
  EventQueue queue;
  queue.push_wake(5, 1, 3);
  EXPECT_TRUE(EventQueue::is_wake(queue.top()));
  EXPECT_EQ(queue.pop().node, 3U);
  EXPECT_TRUE(queue.empty());
}

TEST(PeerTable, IsAMapOfNumbers) {
  io::simulated::Random random(11);
  PeerTable table;
  std::map<std::uint32_t, std::uint32_t> model;
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    const auto peer = static_cast<std::uint32_t>(random.below(300));
    if (random.chance(0.5)) {
      table.set(peer, i);
      model[peer] = i;
    } else {
      table.erase(peer);
      model.erase(peer);
    }
    ASSERT_EQ(table.size(), model.size());
    const auto probe = static_cast<std::uint32_t>(random.below(300));
    const auto found = model.find(probe);
    ASSERT_EQ(table.find(probe), found == model.end() ? PeerTable::none : found->second);
  }
  std::map<std::uint32_t, std::uint32_t> seen;
  table.for_each([&](std::uint32_t peer, std::uint32_t session) { seen[peer] = session; });
  EXPECT_EQ(seen, model);
}

TEST(Cuts, TheLastRuleThatNamesAPairHolds) {
  Cuts cuts;
  EXPECT_FALSE(cuts.any());
  cuts.set(NodeSet({1, 2}), NodeSet({3, 4}), true);
  EXPECT_TRUE(cuts.cut(1, 4));
  EXPECT_FALSE(cuts.cut(4, 1)) << "one direction";
  cuts.set(1, 4, false);
  EXPECT_FALSE(cuts.cut(1, 4));
  EXPECT_TRUE(cuts.cut(2, 4));
  cuts.set(NodeSet({1}), NodeSet({4}), true);
  EXPECT_TRUE(cuts.cut(1, 4));
  cuts.set(1, 4, false);
  EXPECT_FALSE(cuts.cut(1, 4));
  cuts.clear();
  EXPECT_FALSE(cuts.any());
  EXPECT_FALSE(cuts.cut(2, 4));
}

}  // namespace
}  // namespace myelin::sim::overlay
