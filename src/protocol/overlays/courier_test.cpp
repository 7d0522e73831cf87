#include "protocol/overlays/courier.hpp"

#include "protocol/overlays/hyparview_messages.hpp"
#include "protocol/overlays/scripted_context_test.hpp"

#include <gtest/gtest.h>
#include <string_view>

namespace myelin::protocol {
namespace {

using std::chrono::seconds;

class Idle final : public Protocol {
 public:
  ProtocolId id() const override { return 1; }
  std::string_view name() const override { return "idle"; }
  void start(Context&) override {}
  void init(Context&) override {}
};

class CourierTest : public testing::Test {
 protected:
  CourierTest() { courier.start(ctx.context); }
  Result<void> send(std::uint16_t to) { return courier.send(MessageBox::make(hyparview::Neighbor{true}), host(to)); }
  void connected(std::uint16_t port) {
    ctx.sessions.insert(host(port));
    courier.on_connected(host(port));
  }
  bool disconnected(std::uint16_t port) {
    ctx.sessions.erase(host(port));
    return courier.on_disconnected(host(port));
  }

  Idle idle;
  ScriptedContext ctx{idle, host(100)};
  Courier courier{seconds(2)};
};

TEST_F(CourierTest, SendsOverASessionThatIsThere) {
  connected(1);
  EXPECT_TRUE(send(1));
  EXPECT_EQ(ctx.sent.size(), 1u);
  EXPECT_TRUE(ctx.connects.empty());
}

TEST_F(CourierTest, SendsOverASessionThatItHasNotHeardOfYet) {
  ctx.sessions.insert(host(1));
  EXPECT_TRUE(send(1));
  EXPECT_EQ(ctx.sent.size(), 1u);
  EXPECT_TRUE(ctx.connects.empty());
  EXPECT_EQ(courier.entries(), 0u);
}

TEST_F(CourierTest, DialsOnceAndSendsInOrder) {
  EXPECT_TRUE(send(1));
  EXPECT_TRUE(courier.send(MessageBox::make(hyparview::Disconnect{}), host(1)));
  EXPECT_EQ(ctx.connects, hosts(1, 1));
  EXPECT_TRUE(ctx.sent.empty());
  connected(1);
  ASSERT_EQ(ctx.sent.size(), 2u);
  EXPECT_TRUE(ctx.sent[0].box.is<hyparview::Neighbor>());
  EXPECT_TRUE(ctx.sent[1].box.is<hyparview::Disconnect>());
  EXPECT_EQ(courier.held(), 0u);
}

TEST_F(CourierTest, AFailedDialIsOverAtOnce) {
  EXPECT_TRUE(send(1));
  EXPECT_TRUE(courier.on_failed(host(1)));
  EXPECT_EQ(ctx.disconnects, hosts(1, 1)) << "no further tries";
  EXPECT_EQ(courier.held(), 0u);
  EXPECT_EQ(courier.entries(), 0u);
  EXPECT_FALSE(courier.on_failed(host(1))) << "not its dial";
}

TEST_F(CourierTest, ClosesWhatItDialledAfterTheLinger) {
  EXPECT_TRUE(send(1));
  connected(1);
  connected(2);  // dialled by the other side
  ctx.advance(seconds(1));
  EXPECT_TRUE(send(1));
  ctx.advance(seconds(1));
  EXPECT_TRUE(ctx.disconnects.empty()) << "it was used a second ago";
  ctx.advance(seconds(4));
  EXPECT_EQ(ctx.disconnects, hosts(1, 1));
  EXPECT_FALSE(courier.heeds(host(1)));
  EXPECT_FALSE(disconnected(1));
  EXPECT_TRUE(courier.heeds(host(1)));
  EXPECT_EQ(ctx.timers(), 0u);
}

TEST_F(CourierTest, KeepsWhatHasAUse) {
  EXPECT_TRUE(send(1));
  connected(1);
  courier.keep(host(1), true);
  ctx.advance(seconds(60));
  EXPECT_TRUE(ctx.disconnects.empty());
  courier.keep(host(1), false);
  ctx.advance(seconds(5));
  EXPECT_EQ(ctx.disconnects, hosts(1, 1));
}

TEST_F(CourierTest, WhatIsSentWhileClosingGoesOverANewSession) {
  connected(1);
  courier.close(host(1));
  EXPECT_EQ(ctx.disconnects, hosts(1, 1));
  EXPECT_TRUE(send(1));
  EXPECT_TRUE(ctx.sent.empty());
  EXPECT_TRUE(disconnected(1)) << "it dials again";
  EXPECT_EQ(ctx.connects, hosts(1, 1));
  connected(1);
  EXPECT_EQ(ctx.sent.size(), 1u);
}

TEST_F(CourierTest, AConnectWhileClosingIsRemembered) {
  connected(1);
  courier.close(host(1));
  courier.connect(host(1));
  EXPECT_TRUE(ctx.connects.empty());
  EXPECT_TRUE(disconnected(1));
  EXPECT_EQ(ctx.connects, hosts(1, 1));
}

TEST_F(CourierTest, ClosingADialDropsWhatWaitsForIt) {
  EXPECT_TRUE(send(1));
  EXPECT_TRUE(send(2));
  courier.close(host(1));
  EXPECT_EQ(courier.held(), 1u);
  EXPECT_EQ(courier.entries(), 1u);
}

TEST_F(CourierTest, IsBounded) {
  std::size_t taken = 0;
  while (send(static_cast<std::uint16_t>(taken + 1))) ++taken;
  EXPECT_EQ(taken, Courier::max_held);
  EXPECT_EQ(courier.entries(), Courier::max_held);
  for (std::uint16_t i = 0; i < 2000; ++i) courier.connect(host(static_cast<std::uint16_t>(3000 + i)));
  EXPECT_EQ(courier.entries(), Courier::max_entries);
  EXPECT_EQ(send(9999).error().code, ErrorCode::limit);
}

TEST_F(CourierTest, AFullQueueIsTheSendersError) {
  connected(1);
  ctx.blocked.insert(host(1));
  EXPECT_EQ(send(1).error().code, ErrorCode::mailbox_full);
  EXPECT_EQ(courier.held(), 0u);
}

}  // namespace
}  // namespace myelin::protocol
