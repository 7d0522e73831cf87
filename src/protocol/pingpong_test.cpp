// PingPong: what it sends when, in both forms of its wire, and when it ends.
#include "protocol/pingpong.hpp"

#include "protocol/core_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace myelin::protocol::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Host stranger{"10.0.0.9", 9};

struct PingPongTest : ::testing::Test {
  PingPong& begin(PingPong::Options options) {
    auto made = std::make_unique<PingPong>(std::move(options));
    PingPong& protocol = *made;
    EXPECT_TRUE(world.core->add(std::move(made), {}));
    world.start();
    return protocol;
  }
  void connected(const Host& host = peer) {
    world.core->session_connected(host);
    world.run();
  }
  // As W0 names it.
  void comes(MessageId id, View payload = {}, const Host& from = peer) {
    EXPECT_TRUE(world.core->message(from, 1, id, payload));
    world.run();
  }
  // "<id> <payload in hex> to <host>" of what was sent since the last call.
  std::vector<std::string> sent() {
    std::vector<std::string> all;
    for (const Sent& one : std::exchange(world.channel.sent, {})) {
      EXPECT_EQ(one.protocol, 1);
      all.push_back(std::to_string(one.box.type().id) + " " + to_hex(one.bytes) + " to " + one.to.name);
    }
    return all;
  }
  static Bytes number(std::uint8_t low) { return {low, 0, 0, 0, 0, 0, 0, 0}; }

  World world;
};

TEST_F(PingPongTest, PingsItsPeerWhenTheSessionIsUp) {
  begin({.peer = peer});
  EXPECT_THAT(world.channel.connects, ElementsAre(peer));
  EXPECT_THAT(sent(), IsEmpty());
  connected(stranger);
  EXPECT_THAT(sent(), IsEmpty()) << "that one is not its peer";
  connected();
  EXPECT_THAT(sent(), ElementsAre("1  to 10.0.0.1")) << "without a payload, as the first program has it";
}

TEST_F(PingPongTest, WaitsForItsPeerIfToldSo) {
  begin({.peer = peer, .connect = false});
  EXPECT_THAT(world.channel.connects, IsEmpty());
  connected();
  EXPECT_THAT(sent(), ElementsAre("1  to 10.0.0.1"));
}

TEST_F(PingPongTest, AnswersPingsOfAnyoneAndPongsWithTheNextPing) {
  PingPong& protocol = begin({.peer = peer});
  connected();
  sent();
  comes(1, {}, stranger);
  EXPECT_THAT(sent(), ElementsAre("2  to 10.0.0.9"));
  comes(2);
  EXPECT_THAT(sent(), ElementsAre("1  to 10.0.0.1"));
  EXPECT_EQ(protocol.pings(), 1u);
  EXPECT_EQ(protocol.pongs(), 1u);
}

TEST_F(PingPongTest, NumbersFromTheBeginningIfToldSo) {
  begin({.peer = peer, .numbered = true});
  connected();
  EXPECT_THAT(sent(), ElementsAre("1 0100000000000000 to 10.0.0.1"));
  comes(2, number(1));
  EXPECT_THAT(sent(), ElementsAre("1 0200000000000000 to 10.0.0.1"));
}

TEST_F(PingPongTest, GoesOverToNumbersWithItsPeer) {
  begin({.peer = peer});
  connected();
  EXPECT_THAT(sent(), ElementsAre("1  to 10.0.0.1"));
  comes(1, number(9));
  EXPECT_THAT(sent(), ElementsAre("2 0900000000000000 to 10.0.0.1")) << "with the number of the Ping";
  comes(2);
  EXPECT_THAT(sent(), ElementsAre("1 0200000000000000 to 10.0.0.1")) << "and it stays with them";
}

TEST_F(PingPongTest, ANumberThatIsCutShortIsDropped) {
  PingPong& protocol = begin({.peer = peer});
  comes(1, number(1));
  sent();
  comes(1, Bytes{1, 2, 3});
  comes(1, Bytes(9, 0));
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(protocol.pings(), 1u);
  EXPECT_THAT(world.dead, ElementsAre("malformed 10.0.0.1:5001", "malformed 10.0.0.1:5001"));
}

TEST_F(PingPongTest, KeepsItsIntervalAndItsCount) {
  std::vector<std::uint64_t> told;
  begin({.peer = peer, .interval = milliseconds(100), .count = 2, .on_pong = [&told](std::uint64_t pongs) {
           told.push_back(pongs);
         }});
  connected();
  sent();
  comes(2);
  world.advance(milliseconds(99));
  EXPECT_THAT(sent(), IsEmpty());
  world.advance(milliseconds(1));
  EXPECT_EQ(sent().size(), 1u);
  EXPECT_THAT(world.stops, IsEmpty());
  comes(2);
  EXPECT_THAT(told, ElementsAre(1u, 2u));
  ASSERT_EQ(world.stops.size(), 1u);
  EXPECT_EQ(world.stops[0].kind, StopReason::Kind::experiment);
  EXPECT_EQ(world.stops[0].detail, "got 2 Pongs");
  world.advance(seconds(1));
  EXPECT_THAT(sent(), IsEmpty()) << "it asks no more";
}

TEST_F(PingPongTest, EndsWhenItsPeerIsGivenUp) {
  unsigned given_up = 0;
  begin({.peer = peer, .on_given_up = [&given_up] { ++given_up; }});
  world.core->session_failed(peer, Error{ErrorCode::offline, "refused"});
  world.run();
  EXPECT_THAT(world.stops, IsEmpty());
  world.core->session_given_up(peer, 3);
  world.run();
  EXPECT_EQ(given_up, 1u);
  ASSERT_EQ(world.stops.size(), 1u);
  EXPECT_EQ(world.stops[0].detail, "peer 10.0.0.1:5001 was given up after 3 attempts");
}

TEST_F(PingPongTest, ASendThatFailsEndsTheChainAndNothingElse) {
  PingPong& protocol = begin({.peer = peer});
  world.channel.refuse = Error{ErrorCode::offline, "gone"};
  connected();
  comes(1);
  EXPECT_EQ(protocol.pings(), 1u);
  EXPECT_EQ(world.core->protocols()[0].crashes, 0u);
  world.channel.refuse.reset();
  world.core->session_disconnected(peer, Error{ErrorCode::link_lost, "reset"});
  connected();
  EXPECT_THAT(sent(), ElementsAre("1  to 10.0.0.1")) << "a new session begins anew";
}

}  // namespace
}  // namespace myelin::protocol::testing
