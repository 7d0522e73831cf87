// Listeners, names, partitions and crashes of the simulated network.
#include "io/simulated/testing.hpp"

#include <cerrno>
#include <gtest/gtest.h>

namespace myelin::io::simulated {
namespace {

using namespace testing;

TEST(SimulatedNetwork, ListensOnItsOwnAddressesOnly) {
  Pair pair;
  auto& network = pair.a->network();
  const auto foreign = network.listen({ip("10.0.0.2"), 80});
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::io);
  EXPECT_EQ(foreign.error().detail, static_cast<std::uint32_t>(EADDRNOTAVAIL));
  const auto one = network.listen({IpAddress::any_v4(), 0});
  const auto two = network.listen({ip("10.0.0.1"), 0});
  ASSERT_TRUE(one && two);
  EXPECT_NE((*one)->local().port, 0);
  EXPECT_NE((*one)->local().port, (*two)->local().port);
}

TEST(SimulatedNetwork, APortIsTakenUntilItsListenerCloses) {
  Pair pair;
  auto& network = pair.a->network();
  auto listener = network.listen({ip("10.0.0.1"), 80});
  ASSERT_TRUE(listener);
  EXPECT_EQ(network.listen({ip("10.0.0.1"), 80}).error().code, ErrorCode::conflict);
  EXPECT_EQ(network.listen({IpAddress::any_v4(), 80}).error().code, ErrorCode::conflict);
  EXPECT_TRUE(network.listen({IpAddress::loopback_v4(), 80}));
  EXPECT_TRUE(network.listen({IpAddress::any_v6(), 80}));
  (*listener)->close();
  EXPECT_TRUE(network.listen({ip("10.0.0.1"), 80}));
}

TEST(SimulatedNetwork, LoopbackStaysOnTheHost) {
  Pair pair;
  auto listener = pair.a->network().listen({IpAddress::loopback_v4(), 2080});
  ASSERT_TRUE(listener);
  Pending<Accepted> accepting(*pair.a, (*listener)->accept());
  const auto dialled = pair.on_a(pair.a->network().dial({IpAddress::loopback_v4(), 2080}, 1s));
  ASSERT_TRUE(dialled) << to_string(dialled.error());
  pair.world->run_for(1s);
  ASSERT_TRUE(accepting.done());
  EXPECT_TRUE((*accepting.result())->remote().ip.is_loopback());
  const auto outside = pair.on_b(pair.b->network().dial({ip("10.0.0.1"), 2080}, 1s));
  ASSERT_FALSE(outside);
  EXPECT_EQ(outside.error().code, ErrorCode::offline);
  const auto unspecified = pair.on_b(pair.b->network().dial({IpAddress::any_v4(), 80}, 1s));
  ASSERT_TRUE(unspecified) << "0.0.0.0 is this host";
  EXPECT_EQ((*unspecified)->remote(), (SocketAddress{IpAddress::loopback_v4(), 80}));
}

TEST(SimulatedNetwork, AClosedListenerEndsItsAcceptAndResetsWhatWaits) {
  Pair pair;
  auto near = pair.on_a(pair.a->network().dial(pair.server, 1s));
  ASSERT_TRUE(near);
  pair.world->run_for(1s);
  pair.listener->close();
  EXPECT_EQ(pair.on_b(pair.listener->accept()).error().code, ErrorCode::cancelled);
  EXPECT_EQ(pair.on_a((*near)->read(1)).error().code, ErrorCode::link_lost);
  EXPECT_EQ(pair.on_a(pair.a->network().dial(pair.server, 1s)).error().code, ErrorCode::offline);
}

TEST(SimulatedNetwork, AFullBacklogLetsTheDialWait) {
  Pair pair;
  std::vector<StreamPtr> dialled;
  for (int i = 0; i < 1024; ++i) {
    auto stream = pair.on_a(pair.a->network().dial(pair.server, 1s));
    ASSERT_TRUE(stream);
    dialled.push_back(std::move(*stream));
  }
  pair.world->run_for(1s);
  Pending<Accepted> late(*pair.a, pair.a->network().dial(pair.server, 10s));
  pair.world->run_for(100ms);
  EXPECT_FALSE(late.done());
  ASSERT_TRUE(pair.on_b(pair.listener->accept()));
  pair.world->run_for(1s);
  ASSERT_TRUE(late.done());
  EXPECT_TRUE(late.result());
}

TEST(SimulatedNetwork, ResolvesNames) {
  Pair pair;
  pair.world->add_name("node.example", {ip("10.0.0.2"), ip("fd00::2")});
  pair.world->add_txt("_dnsaddr.example", {"dnsaddr=/ip4/10.0.0.2/tcp/80"});
  auto& network = pair.a->network();
  EXPECT_EQ(*pair.on_a(network.resolve("node.example", 1s)), (std::vector{ip("10.0.0.2"), ip("fd00::2")}));
  EXPECT_GT(pair.elapsed(), 0s) << "a look-up takes time";
  EXPECT_EQ(pair.on_a(network.resolve("nobody.example", 1s)).error().code, ErrorCode::offline);
  EXPECT_EQ(pair.on_a(network.resolve("node.example", 1us)).error().code, ErrorCode::timeout);
  EXPECT_EQ(*pair.on_a(network.resolve_txt("_dnsaddr.example", 1s)),
            std::vector<std::string>{"dnsaddr=/ip4/10.0.0.2/tcp/80"});
  EXPECT_EQ(pair.on_a(network.resolve_txt("node.example", 1s)).error().code, ErrorCode::offline);
  CancelSource source;
  Pending<Result<std::vector<IpAddress>>> asking(*pair.a, network.resolve("node.example", 1s, source.token()));
  pair.world->run_for(1ms);
  source.fire();
  pair.world->run_for(1ms);
  ASSERT_TRUE(asking.done());
  EXPECT_EQ(asking.result().error().code, ErrorCode::cancelled);
}

TEST(SimulatedNetwork, InterfacesAreLoopbackAndTheAddress) {
  Pair pair;
  EXPECT_EQ(pair.a->network().interfaces(), (std::vector{IpAddress::loopback_v4(), ip("10.0.0.1")}));
  auto& six = pair.world->add_host("six", ip("fd00::6")).add_loop();
  EXPECT_EQ(six.network().interfaces(), (std::vector{IpAddress::loopback_v6(), ip("fd00::6")}));
}

TEST(SimulatedNetwork, APartitionOfOneDirectionStopsThatDirection) {
  Pair pair(1, {.delay = 1ms, .retransmission = 100ms});
  pair.connect();
  pair.world->set_partitioned(pair.host_a->address(), pair.host_b->address(), true);
  ASSERT_TRUE(pair.on_b(pair.far->write(text("to a"))));
  EXPECT_EQ(to_text(pair.on_a(pair.near->read(10))->view()), "to a") << "the other direction is open";
  const auto sent = pair.elapsed();
  ASSERT_TRUE(pair.on_a(pair.near->write(text("to b"))));
  Pending<Result<Buffer>> reading(*pair.b, pair.far->read(10));
  pair.world->run_for(1s);
  EXPECT_FALSE(reading.done());
  pair.world->set_partitioned(pair.host_a->address(), pair.host_b->address(), false);
  ASSERT_TRUE(pair.world->run_until([&] { return reading.done(); }, 1min));
  EXPECT_EQ(to_text(reading.result()->view()), "to b");
  EXPECT_EQ(pair.elapsed(), sent + 1501ms) << "with the repeat after 100 + 200 + 400 + 800 ms";
}

TEST(SimulatedNetwork, WhatIsUnderWayWhenTheLinkIsCutIsLost) {
  Pair pair(1, {.delay = 50ms, .retransmission = 100ms});
  pair.connect();
  const auto sent = pair.elapsed();
  ASSERT_TRUE(pair.on_a(pair.near->write(text("x"))));
  pair.world->run_for(10ms);
  pair.world->set_partitioned(pair.host_a->address(), pair.host_b->address(), true);
  pair.world->run_for(50ms);
  pair.world->set_partitioned(pair.host_a->address(), pair.host_b->address(), false);
  ASSERT_TRUE(pair.on_b(pair.far->read(1)));
  EXPECT_EQ(pair.elapsed(), sent + 150ms);
}

TEST(SimulatedNetwork, BytesThatNobodyAcknowledgesBreakTheSender) {
  Pair pair(1, {.delay = 1ms, .retransmission = 100ms});
  pair.connect();
  pair.world->set_partitioned(pair.host_b->address(), pair.host_a->address(), true);
  const auto sent = pair.elapsed();
  ASSERT_TRUE(pair.on_a(pair.near->write(text("heard"))));
  EXPECT_EQ(to_text(pair.on_b(pair.far->read(10))->view()), "heard");
  EXPECT_EQ(pair.on_a(pair.near->read(1)).error().code, ErrorCode::link_lost);
  EXPECT_EQ(pair.elapsed(), sent + 12700ms);
  // The other end is told when it sends again and the way back is open.
  pair.world->set_partitioned(pair.host_b->address(), pair.host_a->address(), false);
  ASSERT_TRUE(pair.on_b(pair.far->write(text("anyone?"))));
  EXPECT_EQ(pair.on_b(pair.far->read(1)).error().code, ErrorCode::link_lost);
}

TEST(SimulatedNetwork, ADialIntoAPartitionTimesOut) {
  Pair pair;
  pair.world->set_partitioned(pair.host_b->address(), pair.host_a->address(), true);
  EXPECT_EQ(pair.on_a(pair.a->network().dial(pair.server, 5s)).error().code, ErrorCode::timeout);
  Pending<Accepted> accepting(*pair.b, pair.listener->accept());
  pair.world->set_partitioned(pair.host_b->address(), pair.host_a->address(), false);
  pair.world->run_for(10min);
  EXPECT_FALSE(accepting.done());
  pair.listener->close();
  pair.world->run_for(1ms);
}

TEST(SimulatedNetwork, KeepaliveEndsASilentConnection) {
  Pair pair;
  pair.connect();
  const auto cut = pair.elapsed();
  pair.world->set_partitioned(pair.host_a->address(), pair.host_b->address(), true);
  Pending<Result<Buffer>> far_reading(*pair.b, pair.far->read(1));
  EXPECT_EQ(pair.on_a(pair.near->read(1)).error().code, ErrorCode::link_lost);
  EXPECT_EQ(pair.elapsed(), cut + 150s);
  pair.world->run_for(1s);
  ASSERT_TRUE(far_reading.done());
  EXPECT_EQ(far_reading.result().error().code, ErrorCode::link_lost);
}

TEST(SimulatedNetwork, AnIdleConnectionOutlivesAShortPartition) {
  Pair pair;
  pair.connect();
  for (int i = 0; i < 3; ++i) {
    pair.world->set_partitioned(pair.host_a->address(), pair.host_b->address(), true);
    pair.world->run_for(100s);
    pair.world->set_partitioned(pair.host_a->address(), pair.host_b->address(), false);
    pair.world->run_for(1s);
  }
  pair.world->run_for(10min);
  ASSERT_TRUE(pair.on_a(pair.near->write(text("still"))));
  EXPECT_EQ(to_text(pair.on_b(pair.far->read(10))->view()), "still");
}

TEST(SimulatedNetwork, AStoppedWriterGoesOnAfterAPartition) {
  Pair pair;
  pair.connect();
  Pending<Result<void>> writing(*pair.a, pair.near->write(Rope(pattern(600'000))));
  pair.world->run_for(1s);
  pair.world->set_partitioned(pair.host_b->address(), pair.host_a->address(), true);
  EXPECT_TRUE(pair.on_b(read_exactly(*pair.far, 256 * 1024)));
  pair.world->run_for(5s);
  EXPECT_FALSE(writing.done());
  pair.world->set_partitioned(pair.host_b->address(), pair.host_a->address(), false);
  EXPECT_TRUE(pair.on_b(read_exactly(*pair.far, 600'000 - 256 * 1024)));
  EXPECT_TRUE(writing.done());
}

TEST(SimulatedNetwork, ACrashIsSilentUntilOneSendsOrKeepaliveEnds) {
  Pair pair(1, {.delay = 1ms, .retransmission = 100ms});
  pair.connect();
  auto idle_near = std::move(pair.near);
  auto idle_far = std::move(pair.far);
  pair.connect();
  const auto crashed = pair.elapsed();
  pair.host_b->crash();
  ASSERT_TRUE(pair.on_a(pair.near->write(text("hello?"))));
  EXPECT_EQ(pair.on_a(pair.near->read(1)).error().code, ErrorCode::link_lost);
  EXPECT_EQ(pair.elapsed(), crashed + 12700ms);
  EXPECT_EQ(pair.on_a(idle_near->read(1)).error().code, ErrorCode::link_lost);
  EXPECT_EQ(pair.elapsed(), crashed + 150s);
}

TEST(SimulatedNetwork, KeepaliveMayBeAskedForSooner) {
  Pair pair(1, {.delay = 1ms, .retransmission = 100ms});
  pair.connect();
  auto idle = std::move(pair.near);
  auto idle_far = std::move(pair.far);
  idle->keep_alive(20s);
  pair.connect();
  pair.near->keep_alive(30s);
  const auto cut = pair.elapsed();
  pair.world->set_partitioned(pair.host_a->address(), pair.host_b->address(), true);
  EXPECT_EQ(pair.on_a(idle->read(1)).error().code, ErrorCode::link_lost);
  EXPECT_EQ(pair.elapsed(), cut + 20s);
  pair.world->set_partitioned(pair.host_a->address(), pair.host_b->address(), false);
  pair.world->run_for(60s);
  pair.host_b->crash();
  const auto crashed = pair.elapsed();
  EXPECT_EQ(pair.on_a(pair.near->read(1)).error().code, ErrorCode::link_lost);
  EXPECT_EQ(pair.elapsed(), crashed + 30s);
}

TEST(SimulatedNetwork, AHostStartedAgainResetsOldConnections) {
  Pair pair;
  pair.connect();
  pair.host_b->crash();
  auto& reborn = pair.world->add_host("b", ip("10.0.0.2"));
  Loop& loop = reborn.add_loop();
  const auto written = pair.elapsed();
  ASSERT_TRUE(pair.on_a(pair.near->write(text("hello?"))));
  EXPECT_EQ(pair.on_a(pair.near->read(1)).error().code, ErrorCode::link_lost);
  EXPECT_EQ(pair.elapsed(), written + 2ms);
  EXPECT_EQ(pair.on_a(pair.a->network().dial(pair.server, 1s)).error().code, ErrorCode::offline);
  auto listener = loop.network().listen({IpAddress::any_v4(), 80});
  ASSERT_TRUE(listener);
  EXPECT_TRUE(pair.on_a(pair.a->network().dial(pair.server, 1s)));
}

}  // namespace
}  // namespace myelin::io::simulated
