// When a connection is read: bounded answers, and no two that wait for each other for ever.
#include "protocol/read_gate.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace myelin::protocol {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t full = 1 << 20;
constexpr std::size_t little = full / 4;
constexpr std::size_t much = full / 2;
constexpr Instant start{};

TEST(ReadGate, IsOpenWhileLittleWaits) {
  ReadGate gate(full);
  for (int i = 0; i < 100; ++i) {
    const auto verdict = gate.ask(start + i * 1s, little, 0);
    EXPECT_TRUE(verdict.open);
    EXPECT_EQ(verdict.bytes, SIZE_MAX);
  }
  EXPECT_FALSE(gate.ask(start + 100s, little + 1, 0).open);
  EXPECT_EQ(gate.ask(start + 100s, little + 1, 0).later, start + 100s + 100ms);
  EXPECT_TRUE(gate.ask(start + 100s, little, 0).open) << "it has shrunk";
}

TEST(ReadGate, StaysShutWhileThePeerTakes) {
  ReadGate gate(full);
  Instant now = start;
  for (std::uint64_t taken = 0; taken < 1000; ++taken, now += 90ms) EXPECT_FALSE(gate.ask(now, much, taken).open);
}

TEST(ReadGate, LetsAPartInWhereNothingMoves) {
  ReadGate gate(full);
  ASSERT_FALSE(gate.ask(start, much, 0).open);
  EXPECT_FALSE(gate.ask(start + 99ms, much, 0).open);
  const auto verdict = gate.ask(start + 100ms, much, 0);
  ASSERT_TRUE(verdict.open);
  EXPECT_EQ(verdict.bytes, (full / 8 * 7 - much) / 4) << "a quarter of the room for answers";
}

TEST(ReadGate, WhatMakesTheQueueGrowWaitsLongerAndLonger) {
  ReadGate gate(full);
  Instant now = start;
  std::size_t queued = much;
  std::vector<Duration> waits;
  for (Instant last = now; waits.size() < 9;) {
    const auto verdict = gate.ask(now, queued, 0);
    if (!verdict.open) {
      now = verdict.later;
      continue;
    }
    waits.push_back(now - last);
    last = now;
    queued += 100;
  }
  EXPECT_EQ(waits, (std::vector<Duration>{100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 10s, 10s}));
}

TEST(ReadGate, WhatDoesNotMakeItGrowFollowsQuickly) {
  ReadGate gate(full);
  ASSERT_FALSE(gate.ask(start, much, 0).open);
  Instant now = start + 100ms;
  ASSERT_TRUE(gate.ask(now, much, 0).open);
  std::size_t let_in = 0;
  while (now < start + 200ms) {
    const auto verdict = gate.ask(now, much, 0);
    let_in += verdict.open ? verdict.bytes : 0;
    now = verdict.open ? now + 100us : verdict.later;
  }
  EXPECT_GT(let_in, 4u << 20);
}

TEST(ReadGate, KeepsRoomForAnswersToAPeerThatDoesNotRead) {
  ReadGate gate(full);
  std::size_t queued = little + 1;
  Instant now = start;
  // All that is let in comes back as answers; the peer takes nothing for a minute.
  while (now < start + 60s) {
    const auto verdict = gate.ask(now, queued, 0);
    if (verdict.open) {
      queued += verdict.bytes;
    } else {
      now = verdict.later;
    }
  }
  EXPECT_LT(queued, full);
}

TEST(ReadGate, AQueueThatWeFilledOurselvesIsNoReasonToWait) {
  ReadGate gate(full);
  ASSERT_FALSE(gate.ask(start, much, 0).open);
  ASSERT_FALSE(gate.ask(start + 50ms, full, 0).open);
  Instant now = start + 100ms;
  std::size_t let_in = 0;
  while (now < start + 200ms) {
    const auto verdict = gate.ask(now, full, 0);
    let_in += verdict.open ? verdict.bytes : 0;
    if (!verdict.open) now = verdict.later;
  }
  EXPECT_GE(let_in, 16u << 20);
}

}  // namespace
}  // namespace myelin::protocol
