// Flood and eager gossip, message by message.
#include "protocol/overlays/gossip.hpp"

#include "protocol/overlays/scripted_context_test.hpp"

#include <gtest/gtest.h>

namespace myelin::protocol {
namespace {

class GossipTest : public testing::TestWithParam<std::size_t> {
 protected:
  GossipTest() {
    ctx.provided[detail::type_key<std::pair<GetPeers, Peers>>()] = [this](const detail::Value& value,
                                                                          detail::Respond&& respond) {
      asked = *static_cast<const GetPeers*>(value.get());
      Peers peers{hosts(1, 4)};
      std::erase(peers.hosts, asked.except);
      if (asked.count != 0) peers.hosts.resize(std::min(peers.hosts.size(), asked.count));
      respond(std::static_pointer_cast<const void>(std::make_shared<const Peers>(std::move(peers))));
    };
    for (const Host& each : hosts(1, 3)) ctx.sessions.insert(each);
    node.init(ctx.context);
  }

  Gossip node{{.max_payload = 100}, GetParam(), "gossip"};
  ScriptedContext ctx{node, host(100)};
  GetPeers asked;
};

TEST_P(GossipTest, ForwardsEachMessageOnce) {
  ctx.receive(gossip::Push{{1, 1}, 4, Shared<Bytes>::of({1})}, host(1));
  ctx.receive(gossip::Push{{1, 1}, 2, Shared<Bytes>::of({1})}, host(2));
  EXPECT_EQ(asked.count, GetParam());
  EXPECT_EQ(asked.except, host(1));
  EXPECT_EQ(ctx.receivers<gossip::Push>(), hosts(2, 2));
  EXPECT_EQ(ctx.connects, GetParam() == 0 ? hosts(4, 1) : hosts(1, 0)) << "peers without a session are dialled";
  EXPECT_EQ(ctx.last<gossip::Push>().round, 5u);
  ASSERT_EQ(ctx.published<Delivered>().size(), 1u);
  EXPECT_EQ(ctx.published<Delivered>()[0].hops, 4u);
  EXPECT_EQ(node.traffic().payload, 2u);
  EXPECT_EQ(node.traffic().redundant, 1u);
}

TEST_P(GossipTest, BroadcastsItsOwn) {
  const auto accepted = ctx.ask<Broadcast, BroadcastAccepted>({{7}});
  ASSERT_TRUE(accepted);
  EXPECT_EQ(ctx.receivers<gossip::Push>().front(), host(1));
  EXPECT_EQ(ctx.published<Delivered>()[0].hops, 0u);
  const MessageUid uid{accepted->id_high, accepted->id_low};
  ctx.receive(gossip::Push{uid, 2, Shared<Bytes>::of({7})}, host(2));
  EXPECT_EQ(ctx.published<Delivered>().size(), 1u) << "its own comes back";
}

TEST_P(GossipTest, TooLargeIsRefused) {
  EXPECT_EQ((ctx.ask<Broadcast, BroadcastAccepted>({Bytes(101)})).error().code, ErrorCode::too_large);
  ctx.receive(gossip::Push{{1, 1}, 1, Shared<Bytes>::of(Bytes(101))}, host(1));
  EXPECT_TRUE(ctx.published<Delivered>().empty());
}

// 0: flood; with a fanout of 2 the peers beyond are left out.
INSTANTIATE_TEST_SUITE_P(FloodAndFanout, GossipTest, testing::Values(std::size_t{0}, std::size_t{2}));

}  // namespace
}  // namespace myelin::protocol
