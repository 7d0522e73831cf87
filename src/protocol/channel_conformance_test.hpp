// What every Channel is held to. A World makes channels for hosts 0, 1, 2 and lets their time pass:
//
//   World(ChannelOptions)              options: retry from 100 ms, at most 3 attempts, queues of 64 KiB
//   Channel& channel(i)                made, not started
//   Result<void> start(i, events)
//   Host host(i)                       as others name it; known before start
//   Host nobody()                      a host that is not there
//   bool run_until(done, limit)        gives done()
//   void run_for(duration)
//   Duration now()
//   void crash(i)                      without a word
//   static constexpr bool in_bytes     whether queues and messages are limited in bytes
//
// Its destructor stops what was started.
#pragma once

#include "myelin/protocol/runtime.hpp"
#include "protocol/channel_testing.hpp"

#include <array>
#include <chrono>
#include <gtest/gtest.h>

namespace myelin::protocol::channel_testing {

using namespace std::chrono_literals;

inline constexpr std::size_t conformance_queue_bytes = 64 * 1024;

inline ChannelOptions conformance_options() {
  ChannelOptions options;
  options.retry.max_attempts = 3;
  options.queue_bytes = conformance_queue_bytes;
  return options;
}

template <typename World>
class ChannelConformance : public ::testing::Test {
 protected:
  static constexpr Duration soon = 30s;

  void TearDown() override {
    for (Recorder& recorder : told) {  // they refer to the test's own variables
      recorder.on_writable = nullptr;
      recorder.on_message = nullptr;
    }
  }

  void start(int i) {
    auto started = world.start(i, told[static_cast<std::size_t>(i)]);
    ASSERT_TRUE(started) << to_string(started.error());
  }
  void start_two() {
    start(0);
    start(1);
  }
  void connect(int from = 0, int to = 1) {
    start_two();
    world.channel(from).connect(world.host(to));
    ASSERT_TRUE(world.run_until([&] { return up(0, 1) && up(1, 0); }, soon));
  }
  std::string text(int i) { return world.host(i).to_string(); }
  Recorder& at(int i) { return told[static_cast<std::size_t>(i)]; }
  bool up(int i, int peer) { return at(i).has("connected " + text(peer)); }
  Result<void> send(int from, int to, Outgoing message) {
    at(from).inside = true;
    auto sent = world.channel(from).send(world.host(to), std::move(message));
    at(from).inside = false;
    return sent;
  }
  // Sends numbers until one is refused, at most `most`; gives how many were accepted.
  std::uint64_t flood(int from, int to, std::uint64_t first, std::uint64_t most, std::size_t filling) {
    for (std::uint64_t i = 0; i < most; ++i) {
      auto sent = send(from, to, note(first + i, filling, first + i + 1));
      if (!sent) {
        EXPECT_EQ(sent.error().code, ErrorCode::mailbox_full) << to_string(sent.error());
        return i;
      }
    }
    return most;
  }

  std::array<Recorder, 3> told;
  World world{conformance_options()};
};

TYPED_TEST_SUITE_P(ChannelConformance);

TYPED_TEST_P(ChannelConformance, ASessionIsToldOnceOnBothSides) {
  this->connect();
  this->world.run_for(10s);
  EXPECT_EQ(this->at(0).told, std::vector<std::string>{"connected " + this->text(1)});
  EXPECT_EQ(this->at(1).told, std::vector<std::string>{"connected " + this->text(0)});
  EXPECT_EQ(this->world.channel(0).self(), this->world.host(0));
}

TYPED_TEST_P(ChannelConformance, MessagesArriveWholeInOrderBothWays) {
  this->connect();
  for (std::uint64_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(this->send(0, 1, note(i, i)));
    ASSERT_TRUE(this->send(1, 0, note(i, 1)));
  }
  ASSERT_TRUE(this->world.run_until(
      [&] { return this->at(0).received.size() == 200 && this->at(1).received.size() == 200; }, this->soon));
  EXPECT_TRUE(this->at(0).in_order());
  EXPECT_TRUE(this->at(1).in_order());
  EXPECT_EQ(this->at(1).received.back().filling, 199u);
  EXPECT_EQ(this->at(1).received.back().from, this->world.host(0));
  EXPECT_EQ(this->at(0).malformed + this->at(1).malformed, 0u);
}

TYPED_TEST_P(ChannelConformance, NothingIsToldInsideACall) {
  this->start_two();
  Recorder& here = this->at(0);
  here.inside = true;
  this->world.channel(0).connect(this->world.host(1));
  this->world.channel(0).disconnect(this->world.host(1));
  this->world.channel(0).connect(this->world.nobody());
  this->world.channel(0).connect(this->world.host(1));
  here.inside = false;
  ASSERT_TRUE(this->world.run_until([&] { return this->up(0, 1); }, this->soon));
  this->flood(0, 1, 0, 100'000, 1000);
  here.inside = true;
  this->world.channel(0).disconnect(this->world.host(1));
  here.inside = false;
  this->world.run_for(10s);
  EXPECT_EQ(here.inside_calls, 0u);
}

TYPED_TEST_P(ChannelConformance, WithoutASessionNothingIsSent) {
  this->start_two();
  EXPECT_EQ(this->send(0, 1, note(1, 0, 1)).error().code, ErrorCode::offline);
  this->world.channel(0).connect(this->world.host(1));
  EXPECT_EQ(this->send(0, 1, note(1, 0, 2)).error().code, ErrorCode::offline);
  ASSERT_TRUE(this->world.run_until([&] { return this->up(0, 1); }, this->soon));
  EXPECT_TRUE(this->send(0, 1, note(0, 0, 3)));
  this->world.channel(0).disconnect(this->world.host(1));
  EXPECT_EQ(this->send(0, 1, note(1, 0, 4)).error().code, ErrorCode::offline);
  this->world.run_for(10s);
  EXPECT_EQ(this->at(0).ends.size(), 1u) << "what was not accepted ends in nothing";
  EXPECT_EQ(this->at(1).received.size(), 1u) << "what was accepted before a disconnect is delivered";
}

TYPED_TEST_P(ChannelConformance, ConnectingAgainIsNoSecondSession) {
  this->start_two();
  for (int i = 0; i < 5; ++i) this->world.channel(0).connect(this->world.host(1));
  ASSERT_TRUE(this->world.run_until([&] { return this->up(0, 1); }, this->soon));
  for (int i = 0; i < 5; ++i) this->world.channel(0).connect(this->world.host(1));
  this->world.run_for(10s);
  EXPECT_EQ(this->at(0).told.size(), 1u);
  EXPECT_EQ(this->at(1).told.size(), 1u);
}

TYPED_TEST_P(ChannelConformance, CrossingDialsAreOneSession) {
  this->start_two();
  this->world.channel(0).connect(this->world.host(1));
  this->world.channel(1).connect(this->world.host(0));
  ASSERT_TRUE(this->world.run_until([&] { return this->up(0, 1) && this->up(1, 0); }, this->soon));
  for (std::uint64_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(this->send(0, 1, note(i)));
    ASSERT_TRUE(this->send(1, 0, note(i)));
    this->world.run_for(100us);
  }
  this->world.run_for(10s);
  EXPECT_EQ(this->at(0).told.size(), 1u);
  EXPECT_EQ(this->at(1).told.size(), 1u);
  EXPECT_EQ(this->at(0).received.size(), 50u);
  EXPECT_EQ(this->at(1).received.size(), 50u);
  EXPECT_TRUE(this->at(0).in_order());
  EXPECT_TRUE(this->at(1).in_order());
  if constexpr (requires { this->world.channel(0).connections(); }) {
    EXPECT_EQ(this->world.channel(0).connections(), 1u);
    EXPECT_EQ(this->world.channel(1).connections(), 1u);
  }
  this->world.channel(1).disconnect(this->world.host(0));
  this->world.run_for(10s);
  EXPECT_EQ(this->at(0).told.size(), 2u);
  EXPECT_EQ(this->at(1).told.size(), 2u);
  EXPECT_EQ(this->at(0).count("disconnected " + this->text(1)), 1u);
  EXPECT_EQ(this->at(1).count("disconnected " + this->text(0)), 1u);
}

TYPED_TEST_P(ChannelConformance, ADisconnectIsToldOnBothSidesAndASessionMayComeAgain) {
  this->connect();
  for (int round = 0; round < 5; ++round) {
    this->world.channel(round % 2).disconnect(this->world.host(1 - round % 2));
    this->world.run_for(5s);
    EXPECT_FALSE(this->send(0, 1, note(1)));
    EXPECT_FALSE(this->send(1, 0, note(1)));
    this->world.channel(1).connect(this->world.host(0));
    this->world.run_for(5s);
  }
  for (int i = 0; i < 2; ++i) {
    const std::vector<std::string>& events = this->at(i).told;
    ASSERT_EQ(events.size(), 11u);
    for (std::size_t k = 0; k < events.size(); ++k) {
      EXPECT_EQ(events[k], (k % 2 == 0 ? "connected " : "disconnected ") + this->text(1 - i));
    }
  }
  EXPECT_TRUE(this->send(0, 1, note(1)));
}

TYPED_TEST_P(ChannelConformance, EverySendEndsOnce) {
  this->connect();
  const std::uint64_t first = this->flood(0, 1, 0, 20, 100);
  this->world.run_for(5s);
  EXPECT_EQ(this->at(0).wrong_ends(first), 0u);
  EXPECT_EQ(this->at(0).ends[1].first, 1u) << "it was sent";
  this->at(1).capacity = 0;  // from now on nothing is read
  const std::uint64_t more = this->flood(0, 1, first, 100'000, 1000);
  this->world.run_for(2s);
  this->world.crash(1);
  this->world.channel(0).disconnect(this->world.host(1));
  this->world.run_for(120s);
  EXPECT_EQ(this->at(0).wrong_ends(first + more), 0u);
}

TYPED_TEST_P(ChannelConformance, ARefusedMessageIsOfferedAgainInOrder) {
  this->connect();
  this->at(1).capacity = 3;
  for (std::uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(this->send(0, 1, note(i)));
  this->world.run_for(5s);
  EXPECT_EQ(this->at(1).received.size(), 3u);
  for (std::size_t room = 4; room <= 20; ++room) {
    this->at(1).capacity = room;
    this->world.channel(1).resume();
    this->world.run_for(1s);
    EXPECT_EQ(this->at(1).received.size(), room);
  }
  EXPECT_TRUE(this->at(1).in_order());
}

TYPED_TEST_P(ChannelConformance, APeerThatDoesNotReadBlocksItsSenderInBoundedMemory) {
  this->connect();
  this->at(1).capacity = 0;
  std::uint64_t accepted = 0;
  for (int round = 0; round < 100; ++round) {
    accepted += this->flood(0, 1, accepted, 100'000, 1000);
    this->world.run_for(20ms);
  }
  EXPECT_TRUE(this->at(0).has("blocked " + this->text(1)));
  if (TypeParam::in_bytes) EXPECT_LT(accepted * 1000, 16u << 20) << "queues and windows on the way, no more";
  EXPECT_FALSE(this->send(0, 1, note(1)));
  this->at(1).capacity = SIZE_MAX;
  this->world.channel(1).resume();
  ASSERT_TRUE(this->world.run_until([&] { return this->at(1).received.size() == accepted; }, this->soon));
  EXPECT_TRUE(this->at(1).in_order());
  EXPECT_EQ(this->at(0).count("blocked " + this->text(1)), this->at(0).count("writable " + this->text(1)));
  EXPECT_TRUE(this->send(0, 1, note(1)));
}

TYPED_TEST_P(ChannelConformance, TwoThatFloodEachOtherBothGetThrough) {
  this->connect();
  constexpr std::uint64_t total = 20'000;
  std::array<std::uint64_t, 2> sent{};
  const auto fill = [&](int i) { sent[i] += this->flood(i, 1 - i, sent[i], total - sent[i], 1000); };
  this->at(0).on_writable = [&](const Host&) { fill(0); };
  this->at(1).on_writable = [&](const Host&) { fill(1); };
  fill(0);
  fill(1);
  ASSERT_TRUE(this->world.run_until(
      [&] { return this->at(0).received.size() == total && this->at(1).received.size() == total; }, 300s));
  EXPECT_TRUE(this->at(0).in_order());
  EXPECT_TRUE(this->at(1).in_order());
}

TYPED_TEST_P(ChannelConformance, ABurstIsAnsweredInFull) {
  this->connect();
  constexpr std::uint64_t total = 100'000;
  std::uint64_t sent = 0, answered = 0;
  const auto ping = [&] { sent += this->flood(0, 1, sent, total - sent, 8); };
  this->at(0).on_writable = [&](const Host&) { ping(); };
  this->at(1).on_message = [&](const Recorder::Received& received) {
    answered += this->world.channel(1).send(this->world.host(0), note(received.number, 8)) ? 1 : 0;
  };
  ping();
  ASSERT_TRUE(this->world.run_until([&] { return this->at(0).received.size() == total; }, 300s));
  EXPECT_EQ(answered, total);
  EXPECT_TRUE(this->at(0).in_order());
}

TYPED_TEST_P(ChannelConformance, ADialThatFailsIsTriedAgainAndGivenUp) {
  this->start_two();
  const std::string nobody = this->world.nobody().to_string();
  this->world.channel(0).connect(this->world.nobody());
  ASSERT_TRUE(this->world.run_until([&] { return this->at(0).has("given up " + nobody + " after 3"); }, 60s));
  this->world.run_for(60s);
  EXPECT_EQ(this->at(0).told, (std::vector<std::string>{"failed " + nobody, "failed " + nobody, "failed " + nobody,
                                                        "given up " + nobody + " after 3"}));
  ASSERT_TRUE(this->at(0).last_error.has_value());
}

TYPED_TEST_P(ChannelConformance, APeerThatComesLateIsFound) {
  this->start(0);
  this->world.channel(0).connect(this->world.host(1));
  ASSERT_TRUE(this->world.run_until([&] { return this->at(0).has("failed " + this->text(1)); }, this->soon));
  this->start(1);
  ASSERT_TRUE(this->world.run_until([&] { return this->up(0, 1) && this->up(1, 0); }, this->soon));
  EXPECT_TRUE(this->send(1, 0, note(0)));
}

TYPED_TEST_P(ChannelConformance, ADisconnectEndsTheTries) {
  this->start(0);
  this->world.channel(0).connect(this->world.host(1));
  ASSERT_TRUE(this->world.run_until([&] { return this->at(0).has("failed " + this->text(1)); }, this->soon));
  this->world.channel(0).disconnect(this->world.host(1));
  const std::size_t told = this->at(0).told.size();
  this->start(1);
  this->world.run_for(60s);
  EXPECT_EQ(this->at(0).told.size(), told);
  EXPECT_TRUE(this->at(1).told.empty());
}

TYPED_TEST_P(ChannelConformance, APeerThatIsGoneIsMissed) {
  this->connect();
  this->world.crash(1);
  ASSERT_TRUE(this->world.run_until([&] { return this->at(0).has("disconnected " + this->text(1)); }, 120s));
  this->world.run_for(60s);
  EXPECT_EQ(this->at(0).told.size(), 2u);
  EXPECT_EQ(this->send(0, 1, note(1)).error().code, ErrorCode::offline);
}

TYPED_TEST_P(ChannelConformance, AGracefulStopDeliversWhatWasAccepted) {
  this->connect();
  const std::uint64_t accepted = this->flood(0, 1, 0, 40, 1000);
  int done = 0;
  this->world.channel(0).stop(true, [&] {
    ++done;
    this->at(0).over = true;
  });
  ASSERT_TRUE(this->world.run_until([&] { return done > 0; }, this->soon));
  this->world.run_for(10s);
  EXPECT_EQ(done, 1);
  EXPECT_EQ(this->at(1).received.size(), accepted);
  EXPECT_TRUE(this->at(1).in_order());
  EXPECT_TRUE(this->at(1).has("disconnected " + this->text(0)));
  EXPECT_EQ(this->at(0).count("disconnected " + this->text(1)), 1u);
  EXPECT_EQ(this->at(0).wrong_ends(accepted), 0u);
  EXPECT_EQ(this->at(0).late, 0u);
}

TYPED_TEST_P(ChannelConformance, AStopThatWaitsForAPeerCanBeCutShort) {
  this->connect();
  this->at(1).capacity = 0;
  std::uint64_t accepted = 0;
  for (int round = 0; round < 50; ++round) {
    accepted += this->flood(0, 1, accepted, 100'000, 1000);
    this->world.run_for(20ms);
  }
  this->world.channel(0).connect(this->world.nobody());
  int done = 0;
  this->world.channel(0).stop(true, [&] { ++done; });
  this->world.run_for(100ms);
  this->world.channel(0).stop(false, [&] {
    ++done;
    this->at(0).over = true;
  });
  ASSERT_TRUE(this->world.run_until([&] { return done > 0; }, this->soon));
  this->world.run_for(60s);
  EXPECT_EQ(done, 1);
  EXPECT_EQ(this->at(0).wrong_ends(accepted), 0u);
  EXPECT_EQ(this->at(0).late, 0u);
}

REGISTER_TYPED_TEST_SUITE_P(ChannelConformance, ASessionIsToldOnceOnBothSides, MessagesArriveWholeInOrderBothWays,
                            NothingIsToldInsideACall, WithoutASessionNothingIsSent, ConnectingAgainIsNoSecondSession,
                            CrossingDialsAreOneSession, ADisconnectIsToldOnBothSidesAndASessionMayComeAgain,
                            EverySendEndsOnce, ARefusedMessageIsOfferedAgainInOrder,
                            APeerThatDoesNotReadBlocksItsSenderInBoundedMemory, TwoThatFloodEachOtherBothGetThrough,
                            ABurstIsAnsweredInFull, ADialThatFailsIsTriedAgainAndGivenUp, APeerThatComesLateIsFound,
                            ADisconnectEndsTheTries, APeerThatIsGoneIsMissed, AGracefulStopDeliversWhatWasAccepted,
                            AStopThatWaitsForAPeerCanBeCutShort);

}  // namespace myelin::protocol::channel_testing
