// The loops of the simulated world: time, turns, entropy, crashes, what waits at the end.
#include "io/simulated/testing.hpp"
#include "io/sync.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>

namespace myelin::io::simulated {
namespace {

using namespace testing;

struct One {
  explicit One(std::uint64_t seed = 1)
      : world(SimulatedWorld::create(seed)), host(world->add_host("h", ip("10.0.0.1"))), loop(host.add_loop()) {}
  std::unique_ptr<SimulatedWorld> world;
  SimulatedWorld::Host& host;
  Loop& loop;
};

TEST(SimulatedWorld, TimeStartsAtZeroAndStandsStillInATurn) {
  One one;
  EXPECT_EQ(one.loop.now(), Instant{});
  EXPECT_EQ(one.loop.wall(), WallTime(std::chrono::seconds(1'767'225'600)));
  std::vector<Instant> seen;
  one.loop.start_timer(Instant(1h), [&] { seen.push_back(one.loop.now()); });
  EXPECT_TRUE(one.world->step());
  EXPECT_EQ(seen, std::vector{Instant(1h)});
  EXPECT_EQ(one.loop.wall(), WallTime(std::chrono::seconds(1'767'225'600) + 1h));
  EXPECT_FALSE(one.world->step());
}

TEST(SimulatedWorld, RunUntilLeavesTheClockThere) {
  One one;
  int fired = 0;
  one.loop.start_timer(Instant(1s), [&] { ++fired; });
  one.loop.start_timer(Instant(3s), [&] { ++fired; });
  one.world->run_until(Instant(2s));
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(one.world->now(), Instant(2s));
  one.world->run_for(1s);
  EXPECT_EQ(fired, 2);
  one.world->run_for(5s);
  EXPECT_EQ(one.world->now(), Instant(8s));
  one.loop.start_timer(Instant(9s), [&] { ++fired; });
  one.world->run_until(Instant::max());
  EXPECT_EQ(fired, 3);
  EXPECT_EQ(one.world->now(), Instant(9s)) << "nothing was left";
}

TEST(SimulatedWorld, RunUntilDoneStopsAtOnceOrAtItsLimit) {
  One one;
  bool done = false;
  one.loop.start_timer(Instant(1s), [&] { done = true; });
  one.loop.start_timer(Instant(90s), [] {});
  EXPECT_FALSE(one.world->run_until([&] { return done; }, 500ms));
  EXPECT_EQ(one.world->now(), Instant(500ms));
  EXPECT_TRUE(one.world->run_until([&] { return done; }, 1min));
  EXPECT_EQ(one.world->now(), Instant(1s));
  EXPECT_TRUE(one.world->run_until([] { return true; }, 0s));
}

TEST(SimulatedWorld, HereIsTrueOnlyInsideTheLoopsOwnCallbacks) {
  One one;
  Loop& other = one.host.add_loop();
  EXPECT_FALSE(one.loop.here());
  std::vector<bool> seen;
  one.loop.post([&] {
    seen.push_back(one.loop.here());
    seen.push_back(other.here());
    other.post([&] { seen.push_back(other.here() && !one.loop.here()); });
  });
  one.world->run_for(1s);
  EXPECT_EQ(seen, (std::vector<bool>{true, false, true}));
  EXPECT_FALSE(one.loop.here() || other.here());
}

TEST(SimulatedWorld, EntropyComesFromTheSeedAndEachLoopHasItsOwn) {
  const auto draw = [](Loop& loop) {
    std::array<std::uint8_t, 32> bytes{};
    loop.random(bytes);
    return to_hex(bytes);
  };
  One one(5);
  One same(5);
  One other(6);
  Loop& second = one.host.add_loop();
  const auto first = draw(one.loop);
  EXPECT_EQ(first, draw(same.loop));
  EXPECT_NE(first, draw(other.loop));
  EXPECT_NE(first, draw(second));
  EXPECT_NE(first, draw(one.loop));
}

TEST(SimulatedWorld, OffloadWorksOutsideTheLoopAndEndsLater) {
  One one;
  bool worked = false;
  bool outside = false;
  std::optional<Instant> ended;
  one.loop.post([&] {
    one.loop.offload(
        [&] {
          worked = true;
          outside = !one.loop.here();
        },
        [&] {
          EXPECT_TRUE(one.loop.here());
          ended = one.loop.now();
        });
    EXPECT_FALSE(worked);
  });
  one.world->run_for(1s);
  EXPECT_TRUE(worked && outside);
  ASSERT_TRUE(ended);
  EXPECT_GE(*ended, Instant(50us));
  EXPECT_LE(*ended, Instant(150us));
}

Task<void> offload_task(Loop* loop, int* value) {
  co_await offload(*loop, [value] { *value = 41; });
  ++*value;
}

TEST(SimulatedWorld, OffloadCanBeAwaited) {
  One one;
  int value = 0;
  Scope scope(one.loop);
  scope.spawn(offload_task(&one.loop, &value));
  one.world->run_for(1s);
  EXPECT_EQ(value, 42);
}

TEST(SimulatedWorld, ACrashDropsWhatWaits) {
  One one;
  const auto token = std::make_shared<int>(0);
  bool ran = false;
  one.loop.post([&ran, token] { ran = true; });
  one.loop.start_timer(Instant(1s), [&ran, token] { ran = true; });
  one.loop.offload([&ran, token] { ran = true; }, [&ran, token] { ran = true; });
  EXPECT_EQ(token.use_count(), 5);
  EXPECT_FALSE(one.loop.crashed());
  one.host.crash();
  one.host.crash();
  EXPECT_TRUE(one.loop.crashed());
  EXPECT_EQ(token.use_count(), 1);
  one.loop.post([&ran] { ran = true; });
  EXPECT_NE(one.loop.start_timer(Instant(1s), [&ran] { ran = true; }), 0U);
  EXPECT_FALSE(one.loop.network().listen({IpAddress::any_v4(), 0}));
  one.host.add_loop().post([&ran] { ran = true; });
  one.world->run_for(1min);
  EXPECT_FALSE(ran);
}

Task<void> hold(Loop* loop, std::shared_ptr<int> held) {
  (void)co_await sleep_for(*loop, std::chrono::hours(1));
  ++*held;
}

TEST(SimulatedWorld, TasksOfACrashedHostGoWithTheirScope) {
  One one;
  const auto held = std::make_shared<int>(0);
  {
    Scope scope(one.loop);
    scope.spawn(hold(&one.loop, held));
    one.world->run_for(1s);
    EXPECT_EQ(held.use_count(), 2);
    one.host.crash();
  }
  EXPECT_EQ(held.use_count(), 1);
  one.world->run_for(2h);
  EXPECT_EQ(*held, 0);
}

TEST(SimulatedWorld, TheFilesOfACrashedHostAreThereWhenItStartsAgain) {
  auto world = SimulatedWorld::create(1);
  auto& host = world->add_host("h", ip("10.0.0.1"));
  auto& loop = host.add_loop();
  ASSERT_TRUE(complete(*world, loop, loop.files().write_atomic("/state", text("old"), 0600)));
  {
    Pending<Result<void>> writing(loop, loop.files().write_atomic("/state", text("new"), 0600));
    world->step();  // it has begun
    host.crash();
  }
  auto& again = world->add_host("h", ip("10.0.0.1")).add_loop();
  EXPECT_EQ(to_text(complete(*world, again, again.files().read("/state", 100))->view()), "old");
  auto& apart = world->add_host("other", ip("10.0.0.3")).add_loop();
  EXPECT_FALSE(complete(*world, apart, apart.files().read("/state", 100)));
}

TEST(SimulatedWorld, WhatWaitsAtTheEndIsDroppedAndNeverRuns) {
  const auto token = std::make_shared<int>(0);
  bool ran = false;
  {
    One one;
    one.loop.post([&ran, token] { ran = true; });
    one.loop.start_timer(Instant(1s), [&ran, token] { ran = true; });
    one.loop.post([&ran, task = hold(&one.loop, token)] { ran = static_cast<bool>(task); });
    // A callback whose owned object calls the loop when it goes.
    struct Owner {
      Loop* loop;
      Loop::TimerId timer;
      std::shared_ptr<int> held;
      ~Owner() {
        loop->cancel_timer(timer);
        loop->post([kept = held] { FAIL() << "the world is over"; });
      }
    };
    one.loop.post([owner = std::make_unique<Owner>(&one.loop, one.loop.start_timer(Instant(1s), [] {}), token)] {});
    EXPECT_EQ(token.use_count(), 5);
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(token.use_count(), 1);
}

TEST(SimulatedWorld, PacketsUnderWayMayOutliveTheirStreams) {
  auto pair = std::make_unique<Pair>();
  pair->connect();
  ASSERT_TRUE(pair->on_a(pair->near->write(pattern(100'000))));
  Pending<Accepted> never(*pair->a, pair->a->network().dial(pair->server, 1s));
  ASSERT_TRUE(pair->world->run_until([&] { return never.done(); }, 1s));
  never.result()->reset();
  pair->near.reset();
  pair->far.reset();
  EXPECT_TRUE(pair->world->step()) << "resets are under way";
  pair->listener.reset();
}

TEST(SimulatedWorld, TwoLivingHostsNeedTwoAddressesAndNames) {
  One one;
  EXPECT_DEATH(one.world->add_host("other", ip("10.0.0.1")), "one address");
  EXPECT_DEATH(one.world->add_host("h", ip("10.0.0.2")), "one name");
  EXPECT_DEATH(one.world->add_host("l", IpAddress::loopback_v4()), "of its own");
}

TEST(SimulatedWorld, TheTraceKeepsLinesOnDemand) {
  auto world = SimulatedWorld::create(1);
  const auto empty = world->trace_hash();
  world->trace("one");
  EXPECT_NE(world->trace_hash(), empty);
  EXPECT_TRUE(world->trace_lines().empty());
  world->keep_trace(true);
  world->trace("two");
  EXPECT_EQ(world->trace_lines(), std::vector<std::string>{"two"});
  auto again = SimulatedWorld::create(2);
  again->trace("one");
  again->trace("two");
  EXPECT_EQ(again->trace_hash(), world->trace_hash()) << "a function of the lines alone";
}

TEST(SimulatedWorld, TheTraceTellsTheLifeOfAConnection) {
  auto world = SimulatedWorld::create(1);
  world->keep_trace(true);
  auto& a = world->add_host("a", ip("10.0.0.1")).add_loop();
  auto& b = world->add_host("b", ip("10.0.0.2")).add_loop();
  auto listener = b.network().listen({IpAddress::any_v4(), 80});
  auto near = complete(*world, a, a.network().dial({ip("10.0.0.2"), 80}, 1s));
  ASSERT_TRUE(near);
  ASSERT_TRUE(complete(*world, a, (*near)->write(text("hello"))));
  auto far = complete(*world, b, (*listener)->accept());
  world->run_for(1s);
  (*near)->reset();
  world->run_for(1s);
  EXPECT_EQ(world->trace_lines(),
            (std::vector<std::string>{"0 b listens 0.0.0.0:80", "0 #1 dial 10.0.0.1:32768>10.0.0.2:80",
                                      "1000000 #1 syn", "2000000 #1 open", "3000000 #1 established", "3000000 #1 > 5",
                                      "1003000000 #1 dialer resets",
                                      "1004000000 #1 acceptor broken: the connection was reset by the peer"}));
}

}  // namespace
}  // namespace myelin::io::simulated
