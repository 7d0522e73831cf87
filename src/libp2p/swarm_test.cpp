// Hosts in a world that fails: lost links, wrong peers, limits, hostile neighbours.
#include "libp2p/swarm.hpp"

#include "io/network.hpp"
#include "libp2p/host_testing.hpp"
#include "libp2p/static_peers.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace myelin::libp2p {
namespace {

using namespace testing;

// ---- links that break ----

TEST(Swarm, AKilledPeerIsNoticedInTime) {
  Two two;
  two.b.serve_silence();
  ASSERT_TRUE(two.connect());
  auto stream = two.open("/silence");
  ASSERT_TRUE(stream);
  two.world->run_for(40s);
  EXPECT_EQ(two.a.host->metrics().connections, 1u);  // idle links stay
  Pending<Result<Buffer>> reading(two.a.loop, (*stream)->read(10));
  two.b.machine.crash();
  const Instant killed = two.world->now();
  const HostLimits limits;
  ASSERT_TRUE(two.until([&] { return reading.done(); }, 2min));
  EXPECT_EQ(reading.result().error().code, ErrorCode::link_lost);
  EXPECT_LE(two.world->now() - killed, limits.keepalive_interval + limits.keepalive_timeout);
}

TEST(Swarm, APartitionIsNoticedOnBothSides) {
  Two two;
  ASSERT_TRUE(two.connect());
  two.world->run_for(1s);
  two.world->set_partitioned(two.a.address, two.b.address, true);
  two.world->set_partitioned(two.b.address, two.a.address, true);
  two.world->run_for(26s);
  EXPECT_EQ(two.a.host->metrics().connections, 0u);
  EXPECT_EQ(two.b.host->metrics().connections, 0u);
}

TEST(Swarm, AShortPartitionIsSurvived) {
  Two two;
  two.b.serve_echo();
  ASSERT_TRUE(two.connect());
  auto stream = two.open();
  ASSERT_TRUE(stream);
  two.world->set_partitioned(two.a.address, two.b.address, true);
  two.world->run_for(500ms);
  two.world->set_partitioned(two.a.address, two.b.address, false);
  const Buffer payload = pattern(100'000, 1);
  auto answer = two.on_a(round_trip(&two.a.loop, stream->get(), payload));
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->size(), payload.size());
}

TEST(Swarm, RedialDelays) {
  EXPECT_EQ(redial_delay(0), 1s);
  EXPECT_EQ(redial_delay(1), 2s);
  EXPECT_EQ(redial_delay(8), 256s);
  EXPECT_EQ(redial_delay(9), 300s);
  EXPECT_EQ(redial_delay(1000), 300s);
}

HostConfig with_static_peer(std::uint8_t number) {
  HostConfig config;
  const auto ip = *io::IpAddress::parse("10.0.0." + std::to_string(number));
  config.static_peers.push_back(Multiaddr::tcp_address({ip, port}).with_peer(key_of(number).peer_id()));
  return config;
}

TEST(Swarm, AStaticPeerIsDialledAgainWithBackOff) {
  auto world = io::SimulatedWorld::create(3);
  auto a = std::make_unique<Node>(*world, 1, with_static_peer(2));
  auto b = std::make_unique<Node>(*world, 2);
  world->run_for(60s);  // nobody listens
  const std::uint64_t dials = a->host->metrics().dials;
  EXPECT_GE(dials, 5u);  // at about 0, 1, 3, 7, 15, 31 s, each a quarter more or less
  EXPECT_LE(dials, 8u);
  EXPECT_EQ(a->host->metrics().dials_failed, dials);
  b->listen();
  ASSERT_TRUE(world->run_until([&] { return a->host->metrics().connections == 1; }, 90s));
  // Once steady, a lost link is back within about a second.
  world->run_for(20s);
  b->host->disconnect(a->host->id());
  ASSERT_TRUE(world->run_until([&] { return a->host->metrics().connections == 0; }, 5s));
  ASSERT_TRUE(world->run_until([&] { return a->host->metrics().connections == 1; }, 3s));
  for (Node* node : {a.get(), b.get()}) complete(*world, node->loop, Two::stop_host(node->host.get()));
}

// ---- who is there ----

TEST(Swarm, AnotherPeerAtTheAddress) {
  Two two;
  const Multiaddr wrong = two.b.reachable_at().with_peer(key_of(99).peer_id());
  const auto connected = two.on_a(two.a.host->connect(wrong));
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, ErrorCode::protocol);
  two.world->run_for(1s);
  EXPECT_EQ(two.a.host->metrics().connections, 0u);
  EXPECT_EQ(two.b.host->metrics().connections, 0u);
}

TEST(Swarm, NobodyDialsItself) {
  Two two;
  EXPECT_EQ(two.on_b(two.b.host->connect(two.b.reachable_at())).error().code, ErrorCode::bad_request);
  EXPECT_EQ(two.on_b(two.b.host->connect(two.b.reachable_at().without_peer())).error().code, ErrorCode::bad_request);
}

TEST(Swarm, NobodyAnswers) {
  Two two;
  const auto nobody = Multiaddr::tcp_address({two.b.address, 9}).with_peer(two.b.host->id());
  EXPECT_EQ(two.on_a(two.a.host->connect(nobody)).error().code, ErrorCode::offline);
  EXPECT_EQ(
      two.on_a(two.a.host->connect(*Multiaddr::parse("/dns4/nowhere.test/tcp/1/p2p/" + two.b.host->id().to_string())))
          .error()
          .code,
      ErrorCode::offline);
}

TEST(Swarm, ADialCanBeLeft) {
  Two two;
  two.world->set_partitioned(two.a.address, two.b.address, true);
  io::CancelSource source;
  Pending<Result<void>> connecting(two.a.loop, two.a.host->connect(two.b.reachable_at(), source.token()));
  two.world->run_for(1s);
  EXPECT_FALSE(connecting.done());
  source.fire();
  ASSERT_TRUE(two.until([&] { return connecting.done(); }, 10ms));
  EXPECT_EQ(connecting.result().error().code, ErrorCode::cancelled);
}

TEST(Swarm, CrossingDialsLeaveOneConnectionInUse) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Two two(seed);
    two.a.listen();
    two.a.serve_echo();
    two.b.serve_echo();
    Pending<Result<void>> from_a(two.a.loop, two.a.host->connect(two.b.reachable_at()));
    Pending<Result<void>> from_b(two.b.loop, two.b.host->connect(two.a.reachable_at()));
    ASSERT_TRUE(two.until([&] { return from_a.done() && from_b.done(); }, 10s));
    EXPECT_TRUE(from_a.result());
    EXPECT_TRUE(from_b.result());
    auto early = two.open();
    ASSERT_TRUE(early);
    two.world->run_for(10s);
    // The stream goes on wherever it was opened.
    EXPECT_TRUE(two.on_a(round_trip(&two.a.loop, early->get(), pattern(1000, 1))));
    early->reset();
    two.world->run_for(5s);
    EXPECT_EQ(two.a.host->metrics().connections, 1u);
    EXPECT_EQ(two.b.host->metrics().connections, 1u);
    EXPECT_EQ(two.a.host->metrics().connections_opened, 2u);
    // Both kept the same one.
    const bool a_is_smaller = two.a.host->id() < two.b.host->id();
    EXPECT_EQ(two.a.host->peers()[0].inbound, !a_is_smaller);
    EXPECT_EQ(two.b.host->peers()[0].inbound, a_is_smaller);
    ASSERT_TRUE(two.open());
  }
}

TEST(Swarm, ARestartedPeerReplacesItsOldConnection) {
  Two two;
  two.b.serve_echo();
  ASSERT_TRUE(two.connect());
  two.world->run_for(1s);
  two.a.machine.crash();
  // The same identity from another machine, before the old link is given up.
  HostConfig config;
  Node again(*two.world, 3);
  auto host = Node::make(again.loop, 1, {});
  ASSERT_TRUE(complete(*two.world, again.loop, host->connect(two.b.reachable_at())));
  two.world->run_for(1s);
  const auto peers = two.b.host->peers();
  ASSERT_EQ(peers.size(), 1u);
  EXPECT_EQ(peers[0].remote.tcp_socket()->ip, again.address);
  two.world->run_for(40s);
  EXPECT_EQ(two.b.host->metrics().connections, 1u);
  for (Host* each : {host.get(), again.host.get()}) complete(*two.world, again.loop, Two::stop_host(each));
}

// ---- addresses ----

TEST(Swarm, DnsaddrIsFollowed) {
  Two two;
  two.world->add_name("b.test", {two.b.address});
  two.world->add_txt("_dnsaddr.boot.test",
                     {"dnsaddr=/dnsaddr/eu.boot.test/p2p/" + two.b.host->id().to_string(), "junk"});
  two.world->add_txt("_dnsaddr.eu.boot.test", {"dnsaddr=/dns4/b.test/tcp/4001/p2p/" + key_of(50).peer_id().to_string(),
                                               "dnsaddr=/dns4/b.test/tcp/4001/p2p/" + two.b.host->id().to_string()});
  const auto boot = *Multiaddr::parse("/dnsaddr/boot.test/p2p/" + two.b.host->id().to_string());
  const auto connected = two.on_a(two.a.host->connect(boot));
  ASSERT_TRUE(connected) << to_string(connected.error());
}

TEST(Swarm, DnsaddrThatNamesItselfEnds) {
  Two two;
  std::vector<std::string> records;
  for (int i = 0; i < 50; ++i) records.push_back("dnsaddr=/dnsaddr/loop.test");
  two.world->add_txt("_dnsaddr.loop.test", records);
  const auto address = *Multiaddr::parse("/dnsaddr/loop.test/p2p/" + two.b.host->id().to_string());
  const auto connected = two.on_a(two.a.host->connect(address));
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, ErrorCode::unsupported);
}

TEST(Swarm, ADeadAddressDelaysByAQuarterSecond) {
  Two two;
  const auto dead = *io::IpAddress::parse("10.0.0.77");
  two.world->set_partitioned(two.a.address, dead, true);
  two.a.host->add_addresses(two.b.host->id(), {Multiaddr::tcp_address({dead, port}), two.b.reachable_at()}, true);
  two.b.serve_echo();
  const Instant before = two.world->now();
  ASSERT_TRUE(two.open());
  EXPECT_LT(two.world->now() - before, 400ms);
}

// ---- limits ----

HostConfig with_limits(HostLimits limits) {
  HostConfig config;
  config.limits = limits;
  return config;
}

TEST(Swarm, ConnectionsAreLimited) {
  HostLimits limits;
  limits.connections = 1;
  Two two(1, {}, with_limits(limits));
  ASSERT_TRUE(two.connect());
  Node c(*two.world, 3);
  const auto refused = complete(*two.world, c.loop, c.host->connect(two.b.reachable_at()));
  EXPECT_FALSE(refused);
  EXPECT_EQ(two.b.host->metrics().connections, 1u);
  EXPECT_GE(two.b.host->metrics().handshakes_refused, 1u);
  c.listen();
  EXPECT_EQ(two.on_b(two.b.host->connect(c.reachable_at())).error().code, ErrorCode::limit);
  complete(*two.world, c.loop, Two::stop_host(c.host.get()));
}

TEST(Swarm, StreamsOfOneConnectionAreLimited) {
  HostLimits limits;
  limits.streams_per_connection = 10;
  Two two(1, {}, with_limits(limits));
  two.b.serve_silence();
  ASSERT_TRUE(two.connect());
  two.world->run_for(1s);  // identify is over
  std::vector<std::unique_ptr<Stream>> open;
  for (int i = 0; i < 10; ++i) {
    auto stream = two.open("/silence");
    ASSERT_TRUE(stream) << i;
    open.push_back(std::move(*stream));
  }
  EXPECT_EQ(two.open("/silence").error().code, ErrorCode::link_lost);  // reset
  open.clear();
  two.b.kept.clear();
  two.world->run_for(1s);
  EXPECT_TRUE(two.open("/silence"));
}

TEST(Swarm, StreamsInAllAreLimited) {
  HostLimits limits;
  limits.streams = 5;
  Two two(1, {}, with_limits(limits));
  two.b.serve_silence();
  ASSERT_TRUE(two.connect());
  two.world->run_for(1s);
  std::vector<StreamResult> open;
  for (int i = 0; i < 8; ++i) open.push_back(two.open("/silence"));
  EXPECT_EQ(std::ranges::count_if(open, [](const StreamResult& s) { return s.has_value(); }), 5);
  EXPECT_EQ(two.b.host->metrics().streams_refused, 3u);
}

TEST(Swarm, TenThousandHalfOpenHandshakes) {
  Two two;
  Node enemy(*two.world, 66);
  std::vector<std::unique_ptr<io::TcpStream>> sockets;
  for (int i = 0; i < 10'000; ++i) {
    auto socket = complete(*two.world, enemy.loop, enemy.loop.network().dial({two.b.address, port}, 1s));
    if (socket) sockets.push_back(std::move(*socket));
  }
  const HostLimits limits;
  EXPECT_GE(two.b.host->metrics().handshakes_refused, 9'000u);
  EXPECT_TRUE(two.connect());  // others get in
  two.b.serve_echo();
  EXPECT_TRUE(two.open());
  two.world->run_for(limits.handshake_timeout + 1s);
  EXPECT_GE(two.b.host->metrics().handshakes_failed, limits.handshakes_per_address);
  ASSERT_TRUE(complete(*two.world, enemy.loop, enemy.host->connect(two.b.reachable_at())));
  complete(*two.world, enemy.loop, Two::stop_host(enemy.host.get()));
}

io::Task<void> flood(Node* node, identity::PeerId peer, std::vector<std::unique_ptr<Stream>>* open) {
  auto stream = co_await node->host->open(std::move(peer), one("/silence"));
  if (!stream) co_return;
  open->push_back(std::move(*stream));
  (void)co_await open->back().get()->write(pattern(1 << 20, 1));
}

io::Task<void> drain(Stream* stream, std::size_t* total) {
  for (;;) {
    auto bytes = co_await stream->read(65536);
    if (!bytes || bytes->empty()) co_return;
    *total += bytes->size();
  }
}

TEST(Swarm, StreamsThatNobodyReadsKeepWithinTheMemory) {
  HostLimits limits;
  limits.receive_memory_bytes = 4 << 20;
  Two two(1, {}, with_limits(limits));
  two.b.serve_silence();
  two.b.serve_echo();
  ASSERT_TRUE(two.connect());
  std::vector<std::unique_ptr<Stream>> open;
  open.reserve(100);
  io::Scope writers(two.a.loop);
  for (int i = 0; i < 100; ++i) writers.spawn(flood(&two.a, two.b.host->id(), &open));
  two.world->run_for(5s);
  EXPECT_EQ(two.b.host->metrics().connections, 1u);
  EXPECT_TRUE(two.open());  // the connection still works
  // What b holds shows when nothing more can come.
  two.world->set_partitioned(two.a.address, two.b.address, true);
  std::size_t held = 0;
  io::Scope readers(two.b.loop);
  for (auto& stream : two.b.kept) readers.spawn(drain(stream.get(), &held));
  two.world->run_for(1s);
  EXPECT_GE(held, 3u << 20);
  EXPECT_LE(held, 4u << 20);
  two.world->set_partitioned(two.a.address, two.b.address, false);
  for (auto& stream : open) stream->reset();
  for (auto& stream : two.b.kept) stream->reset();
  EXPECT_TRUE(two.until([&] { return writers.running() == 0 && readers.running() == 0; }));
}

}  // namespace
}  // namespace myelin::libp2p
