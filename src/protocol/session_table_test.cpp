// Sessions by host: dials, crossing dials, back-off, what is told and when.
#include "protocol/session_table.hpp"

#include <gtest/gtest.h>
#include <string>

namespace myelin::protocol {
namespace {

using namespace std::chrono_literals;
using Kind = SessionAction::Kind;
using Steps = std::vector<std::string>;

const Host a{"10.0.0.1", 1};
const Host b{"10.0.0.2", 2};
constexpr Instant start{};
constexpr std::uint64_t middle = 1ull << 63;  // of the jitter: none
const Error offline{ErrorCode::offline, "refused"};
const Error lost{ErrorCode::link_lost, "reset"};

std::string text(const SessionAction& action) {
  const std::string host = action.host.to_string();
  switch (action.kind) {
    case Kind::dial:
      return "dial " + std::to_string(action.dial) + " " + host + (action.wire == Wire::w0 ? " w0" : " w3");
    case Kind::cancel_dial:
      return "cancel dial " + std::to_string(action.dial);
    case Kind::close:
      return "close " + std::to_string(action.connection) + (action.flush ? " flush" : "");
    case Kind::connected:
      return "connected " + host + " by " + std::to_string(action.connection);
    case Kind::merge: {
      const char* const what = action.merge == Merge::crossed ? "crossed"
                               : action.merge == Merge::last  ? "last"
                                                              : "follows";
      return std::string(what) + " on " + std::to_string(action.connection);
    }
    case Kind::move:
      return "move " + host + " to " + std::to_string(action.connection);
    case Kind::hold:
      return "hold " + std::to_string(action.connection);
    case Kind::release:
      return "release " + std::to_string(action.connection);
    case Kind::retire:
      return "retire " + std::to_string(action.connection);
    case Kind::disconnected:
      return "disconnected " + host + " " + std::string(name(action.error.code));
    case Kind::failed:
      return "failed " + host + " " + std::string(name(action.error.code));
    case Kind::given_up:
      return "given up " + host + " " + std::to_string(action.attempts);
  }
  return {};
}

struct Table : SessionTable {
  using SessionTable::SessionTable;
  explicit Table(RetryPolicy retry = {}) : SessionTable(Wire::w0, retry, 100) {}
  Steps steps() {
    Steps all;
    for (const SessionAction& action : take_actions()) all.push_back(text(action));
    return all;
  }
  void lose(DialId dial, bool rejected = false, Instant now = start, std::uint64_t random = middle) {
    dial_failed(dial, offline, rejected, now, random);
  }
};

TEST(SessionTable, ADialBecomesASession) {
  Table table;
  table.connect(a);
  EXPECT_EQ(table.steps(), Steps{"dial 1 10.0.0.1:1 w0"});
  table.connect(a);
  table.greeting(1);
  EXPECT_TRUE(table.established(7, 1, a, Wire::w0));
  EXPECT_EQ(table.steps(), Steps{"connected 10.0.0.1:1 by 7"});
  table.connect(a);
  EXPECT_EQ(table.steps(), Steps{});
  EXPECT_EQ(table.sessions(), 1u);
  table.closed(7, a, lost, start, middle);
  EXPECT_EQ(table.steps(), Steps{"disconnected 10.0.0.1:1 link_lost"});
  EXPECT_EQ(table.size(), 0u) << "nothing is kept of who is gone";
  EXPECT_EQ(table.deadline(), Instant::max());
}

TEST(SessionTable, WhoDialsUsIsASessionToo) {
  Table table;
  EXPECT_TRUE(table.established(3, 0, b, Wire::w3));
  EXPECT_EQ(table.steps(), Steps{"connected 10.0.0.2:2 by 3"});
  table.disconnect(b);
  EXPECT_EQ(table.steps(), (Steps{"close 3 flush", "disconnected 10.0.0.2:2 cancelled"}));
  table.closed(3, b, lost, start, middle);
  EXPECT_EQ(table.steps(), Steps{});
  EXPECT_EQ(table.size(), 0u);
}

TEST(SessionTable, CrossingDialsThatBothGreetedAreOneSessionOfTwoConnections) {
  Table table;
  table.connect(a);
  table.greeting(1);
  EXPECT_TRUE(table.established(1, 0, a, Wire::w0));
  EXPECT_TRUE(table.established(2, 1, a, Wire::w0));
  EXPECT_EQ(table.steps(), (Steps{"dial 1 10.0.0.1:1 w0", "connected 10.0.0.1:1 by 1"}));
  EXPECT_EQ(table.sessions(), 1u);
  // The originals end their session when either closes.
  table.closed(2, a, lost, start, middle);
  EXPECT_EQ(table.steps(), (Steps{"close 1", "disconnected 10.0.0.1:1 link_lost"}));
  table.closed(1, a, lost, start, middle);
  EXPECT_EQ(table.steps(), Steps{});
}

// Connection 1 is `a`'s dial, 2 is ours; that of the smaller host stays.
struct Crossed {
  explicit Crossed(const Host& self) {
    table.name_self(self);
    table.connect(a);
    table.greeting(1);
    EXPECT_TRUE(table.established(1, 0, a, Wire::w0));
    table.steps();
    EXPECT_TRUE(table.established(2, 1, a, Wire::w0));
  }
  Table table;
};

TEST(SessionTable, CrossingDialsOfTwoThatMergeBecomeOneConnection) {
  Crossed of(b);  // larger than a: a's dial stays, which is in use already
  EXPECT_EQ(of.table.steps(), Steps{"crossed on 2"});
  EXPECT_TRUE(of.table.merge(2, a, Merge::crossed));
  EXPECT_EQ(of.table.steps(), (Steps{"last on 2", "follows on 1", "move 10.0.0.1:1 to 1"}));
  EXPECT_TRUE(of.table.merge(1, a, Merge::follows));
  EXPECT_EQ(of.table.steps(), Steps{"hold 1"}) << "what came before the last is read first";
  EXPECT_TRUE(of.table.merge(2, a, Merge::last));
  EXPECT_EQ(of.table.steps(), (Steps{"retire 2", "release 1"}));
  of.table.closed(2, a, lost, start, middle);
  EXPECT_EQ(of.table.steps(), Steps{}) << "the session does not end with the one that went";
  EXPECT_EQ(of.table.sessions(), 1u);
  of.table.closed(1, a, lost, start, middle);
  EXPECT_EQ(of.table.steps(), (Steps{"close 2", "disconnected 10.0.0.1:1 link_lost"}));
  EXPECT_EQ(of.table.size(), 0u);
}

TEST(SessionTable, WhatIsSentMovesToTheConnectionThatStays) {
  Crossed of(Host{"10.0.0.0", 1});  // smaller than a: our own dial stays
  EXPECT_EQ(of.table.steps(), Steps{"crossed on 1"});
  EXPECT_TRUE(of.table.merge(1, a, Merge::crossed));
  EXPECT_EQ(of.table.steps(), (Steps{"last on 1", "follows on 2", "move 10.0.0.1:1 to 2"}));
  EXPECT_TRUE(of.table.merge(1, a, Merge::last));
  EXPECT_EQ(of.table.steps(), Steps{"retire 1"});
  EXPECT_TRUE(of.table.merge(2, a, Merge::follows));
  EXPECT_EQ(of.table.steps(), Steps{}) << "nothing is left to wait for";
  EXPECT_FALSE(of.table.merge(2, a, Merge::follows));
  // The peer has lost the connection, as it dials again.
  EXPECT_TRUE(of.table.established(3, 0, a, Wire::w0));
  EXPECT_EQ(of.table.steps(),
            (Steps{"close 2", "close 1", "disconnected 10.0.0.1:1 link_lost", "connected 10.0.0.1:1 by 3"}));
}

TEST(SessionTable, ThePeerMaySpeakOfTheCrossingBeforeOurDialIsAnswered) {
  Table table;
  table.name_self(Host{"10.0.0.0", 1});
  table.connect(a);
  table.greeting(1);
  EXPECT_TRUE(table.established(1, 0, a, Wire::w0));
  EXPECT_TRUE(table.merge(1, a, Merge::crossed));
  table.steps();
  EXPECT_TRUE(table.established(2, 1, a, Wire::w0));
  EXPECT_EQ(table.steps(), (Steps{"crossed on 1", "last on 1", "follows on 2", "move 10.0.0.1:1 to 2"}));
}

TEST(SessionTable, MergeFramesThatMakeNoSenseAreRefused) {
  Table table;
  table.name_self(b);
  EXPECT_FALSE(table.merge(1, a, Merge::crossed)) << "no session";
  EXPECT_TRUE(table.established(1, 0, a, Wire::w0));
  EXPECT_FALSE(table.merge(1, a, Merge::crossed)) << "that one stays, by its dialler";
  EXPECT_FALSE(table.merge(1, a, Merge::last));
  EXPECT_FALSE(table.merge(1, a, Merge::follows));
  EXPECT_FALSE(table.merge(9, a, Merge::crossed)) << "no such connection";
  Crossed of(b);
  of.table.steps();
  EXPECT_FALSE(of.table.merge(2, a, Merge::last)) << "before it can know";
  EXPECT_FALSE(of.table.merge(2, a, Merge::follows)) << "on the one that goes";
  EXPECT_TRUE(of.table.merge(2, a, Merge::crossed));
  EXPECT_FALSE(of.table.merge(2, a, Merge::crossed));
  EXPECT_TRUE(of.table.merge(1, a, Merge::follows));
  EXPECT_FALSE(of.table.merge(1, a, Merge::follows));
  of.table.steps();
  of.table.closed(2, a, lost, start, middle);
  EXPECT_EQ(of.table.steps(), (Steps{"close 1", "disconnected 10.0.0.1:1 link_lost"}))
      << "it went before its last: what was on it may be lost";
}

TEST(SessionTable, ADialThatHasNotGreetedYetIsTakenBack) {
  Table table;
  table.connect(a);
  EXPECT_TRUE(table.established(1, 0, a, Wire::w0));
  EXPECT_EQ(table.steps(), (Steps{"dial 1 10.0.0.1:1 w0", "cancel dial 1", "connected 10.0.0.1:1 by 1"}));
  EXPECT_FALSE(table.established(2, 1, a, Wire::w0)) << "it had come too far all the same: it is closed";
  table.lose(1);
  EXPECT_EQ(table.steps(), Steps{});
}

TEST(SessionTable, ADialThatFailsBesideASessionIsNotTold) {
  Table table;
  table.connect(a);
  table.greeting(1);
  EXPECT_TRUE(table.established(1, 0, a, Wire::w0));
  table.lose(1);
  EXPECT_EQ(table.steps(), (Steps{"dial 1 10.0.0.1:1 w0", "connected 10.0.0.1:1 by 1"}));
  EXPECT_EQ(table.deadline(), Instant::max());
}

TEST(SessionTable, APeerThatDialsAnewHasANewSession) {
  Table table;
  EXPECT_TRUE(table.established(1, 0, a, Wire::w0));
  EXPECT_TRUE(table.established(2, 0, a, Wire::w0));
  EXPECT_EQ(table.steps(), (Steps{"connected 10.0.0.1:1 by 1", "close 1", "disconnected 10.0.0.1:1 link_lost",
                                  "connected 10.0.0.1:1 by 2"}));
  EXPECT_EQ(table.sessions(), 1u);
}

TEST(SessionTable, BacksOffAndGivesUp) {
  Table table({.initial = 100ms, .maximum = 300ms, .factor = 2, .jitter = 0.2, .max_attempts = 4});
  table.connect(a);
  EXPECT_EQ(table.steps(), Steps{"dial 1 10.0.0.1:1 w0"});
  Instant now = start;
  const std::vector<Duration> delays{100ms, 200ms, 300ms};
  for (std::size_t i = 0; i < delays.size(); ++i) {
    table.lose(i + 1, false, now);
    EXPECT_EQ(table.steps(), Steps{"failed 10.0.0.1:1 offline"});
    ASSERT_EQ(table.deadline(), now + delays[i]);
    table.connect(a);
    EXPECT_EQ(table.steps(), Steps{}) << "it is being tried already";
    table.expire(now + delays[i] - 1ns);
    EXPECT_EQ(table.steps(), Steps{});
    now += delays[i];
    table.expire(now);
    EXPECT_EQ(table.steps(), Steps{"dial " + std::to_string(i + 2) + " 10.0.0.1:1 w0"});
  }
  table.lose(4, false, now);
  EXPECT_EQ(table.steps(), (Steps{"failed 10.0.0.1:1 offline", "given up 10.0.0.1:1 4"}));
  EXPECT_EQ(table.size(), 0u);
  table.connect(a);
  EXPECT_EQ(table.steps(), Steps{"dial 5 10.0.0.1:1 w0"}) << "it may be asked for again, from the beginning";
  table.lose(5, false, now);
  EXPECT_EQ(table.deadline(), now + 100ms);
}

TEST(SessionTable, JitterIsHalfOnEachSide) {
  for (const auto& [random, delay] : {std::pair<std::uint64_t, Duration>{0, 90ms}, {middle, 100ms}, {~0ull, 110ms}}) {
    Table table({.initial = 100ms, .jitter = 0.2});
    table.connect(a);
    table.lose(1, false, start, random);
    EXPECT_NEAR(static_cast<double>((table.deadline() - start).count()), static_cast<double>(delay.count()), 10.0);
  }
}

TEST(SessionTable, OneAttemptMeansOne) {
  Table table({.max_attempts = 1});
  table.connect(a);
  table.lose(1);
  EXPECT_EQ(table.steps(), (Steps{"dial 1 10.0.0.1:1 w0", "failed 10.0.0.1:1 offline", "given up 10.0.0.1:1 1"}));
}

TEST(SessionTable, ARejectedW0GoesOnAsW3AndIsRemembered) {
  Table table({.max_attempts = 1});
  table.connect(a);
  table.greeting(1);
  table.lose(1, true);
  EXPECT_EQ(table.steps(), (Steps{"dial 1 10.0.0.1:1 w0", "dial 2 10.0.0.1:1 w3"})) << "no attempt is lost by it";
  EXPECT_TRUE(table.established(1, 2, a, Wire::w3));
  table.disconnect(a);
  table.steps();
  table.connect(a);
  EXPECT_EQ(table.steps(), Steps{"dial 3 10.0.0.1:1 w3"});
  table.connect(b);
  EXPECT_EQ(table.steps(), Steps{"dial 4 10.0.0.2:2 w0"}) << "of others nothing is known";
}

TEST(SessionTable, ARejectedW3IsTheEnd) {
  Table table;
  table.connect(a);
  table.lose(1, true);
  table.lose(2, true);
  EXPECT_EQ(table.steps(), (Steps{"dial 1 10.0.0.1:1 w0", "dial 2 10.0.0.1:1 w3", "failed 10.0.0.1:1 offline",
                                  "given up 10.0.0.1:1 1"}));
  EXPECT_EQ(table.deadline(), Instant::max());
}

TEST(SessionTable, AHostThatDialledAsW3IsDialledSo) {
  Table table;
  EXPECT_TRUE(table.established(1, 0, a, Wire::w3));
  table.closed(1, a, lost, start, middle);
  table.steps();
  table.connect(a);
  EXPECT_EQ(table.steps(), Steps{"dial 1 10.0.0.1:1 w3"});
  EXPECT_TRUE(table.established(2, 0, a, Wire::w0));
  table.disconnect(a);
  table.steps();
  table.connect(a);
  EXPECT_EQ(table.steps(), Steps{"dial 2 10.0.0.1:1 w0"}) << "what it spoke last";
}

TEST(SessionTable, WhatCannotBeIsGivenUpAtOnce) {
  Table table;
  table.connect(a);
  table.dial_failed(1, Error{ErrorCode::bad_request, "no port"}, false, start, middle);
  EXPECT_EQ(table.steps(), (Steps{"dial 1 10.0.0.1:1 w0", "failed 10.0.0.1:1 bad_request", "given up 10.0.0.1:1 1"}));
}

TEST(SessionTable, ADisconnectEndsWhateverIsUnderWay) {
  Table table;
  table.connect(a);
  table.disconnect(a);
  EXPECT_EQ(table.steps(), (Steps{"dial 1 10.0.0.1:1 w0", "cancel dial 1"}));
  table.lose(1);
  EXPECT_FALSE(table.established(1, 1, a, Wire::w0));
  EXPECT_EQ(table.steps(), Steps{});
  table.connect(a);
  table.lose(2);
  table.disconnect(a);
  EXPECT_EQ(table.steps(), (Steps{"dial 2 10.0.0.1:1 w0", "failed 10.0.0.1:1 offline"}));
  EXPECT_EQ(table.deadline(), Instant::max());
  EXPECT_EQ(table.size(), 0u);
}

TEST(SessionTable, ALostSessionIsDialledAgainIfThePolicySaysSo) {
  Table table({.initial = 100ms, .after_disconnect = true});
  table.connect(a);
  EXPECT_TRUE(table.established(1, 1, a, Wire::w0));
  table.closed(1, a, lost, start + 1h, middle);
  EXPECT_EQ(table.deadline(), start + 1h + 100ms);
  table.steps();
  table.expire(start + 1h + 100ms);
  EXPECT_EQ(table.steps(), Steps{"dial 2 10.0.0.1:1 w0"});
  EXPECT_TRUE(table.established(2, 2, a, Wire::w0));
  table.disconnect(a);
  EXPECT_EQ(table.deadline(), Instant::max()) << "what we ended stays ended";
  EXPECT_TRUE(table.established(3, 0, b, Wire::w0));
  table.closed(3, b, lost, start + 2h, middle);
  EXPECT_EQ(table.deadline(), Instant::max()) << "nobody here asked for it";
}

TEST(SessionTable, AnInboundSessionEndsTheWait) {
  Table table;
  table.connect(a);
  table.lose(1);
  EXPECT_TRUE(table.established(1, 0, a, Wire::w0));
  EXPECT_EQ(table.deadline(), Instant::max());
}

TEST(SessionTable, SessionsAreLimited) {
  Table table(Wire::w0, RetryPolicy{}, 2);
  EXPECT_TRUE(table.established(1, 0, a, Wire::w0));
  EXPECT_TRUE(table.established(2, 0, b, Wire::w0));
  const Host c{"10.0.0.3", 3};
  EXPECT_EQ(table.established(3, 0, c, Wire::w0).error().code, ErrorCode::limit);
  EXPECT_EQ(table.size(), 2u);
  table.steps();
  table.connect(c);
  EXPECT_EQ(table.established(4, 1, c, Wire::w0).error().code, ErrorCode::limit);
  EXPECT_EQ(table.steps(), (Steps{"dial 1 10.0.0.3:3 w0", "failed 10.0.0.3:3 limit", "given up 10.0.0.3:3 1"}));
  EXPECT_TRUE(table.established(5, 0, a, Wire::w0)) << "one in place of another";
  EXPECT_EQ(table.sessions(), 2u);
}

TEST(SessionTable, AStopEndsAllAndNothingBeginsAfterIt) {
  Table table;
  table.connect(a);
  table.connect(b);
  EXPECT_TRUE(table.established(1, 0, Host({"10.0.0.9", 9}), Wire::w0));
  table.steps();
  table.stop();
  EXPECT_EQ(table.steps(),
            (Steps{"cancel dial 1", "cancel dial 2", "close 1 flush", "disconnected 10.0.0.9:9 stopping"}));
  table.connect(a);
  EXPECT_FALSE(table.established(2, 0, a, Wire::w0));
  EXPECT_FALSE(table.established(3, 1, a, Wire::w0));
  table.closed(1, {"10.0.0.9", 9}, lost, start, middle);
  EXPECT_EQ(table.steps(), Steps{});
  EXPECT_EQ(table.size(), 0u);
}

TEST(SessionTable, WhatItWasTaughtIsBounded) {
  Table table;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const Host host{"10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250), 1};
    EXPECT_TRUE(table.established(i + 1, 0, host, Wire::w3));
    table.closed(i + 1, host, lost, start, middle);
  }
  EXPECT_EQ(table.size(), 0u);
  EXPECT_LE(table.taught(), 4096u);
}

}  // namespace
}  // namespace myelin::protocol
