// Two hosts in the simulated world: connecting, streams, what peers learn of each other.
#include "libp2p/host.hpp"

#include "io/stream_conformance_test.hpp"
#include "libp2p/host_testing.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace myelin::libp2p {
namespace {

using namespace testing;

bool same(const Result<Buffer>& got, const Buffer& wanted) {
  return got && std::ranges::equal(got->view(), wanted.view());
}

TEST(Host, StreamsBothWaysWhole) {
  Two two;
  two.a.serve_echo();
  two.b.serve_echo();
  ASSERT_TRUE(two.connect());
  for (Node* from : {&two.a, &two.b}) {
    const identity::PeerId to = from == &two.a ? two.b.host->id() : two.a.host->id();
    auto stream = complete(*two.world, from->loop, from->host->open(to, one("/echo")));
    ASSERT_TRUE(stream) << to_string(stream.error());
    EXPECT_EQ((*stream)->protocol(), "/echo");
    EXPECT_EQ((*stream)->peer(), to);
    const Buffer payload = pattern(3 << 20, 7);
    EXPECT_TRUE(same(complete(*two.world, from->loop, round_trip(&from->loop, stream->get(), payload)), payload));
  }
  EXPECT_EQ(two.a.host->metrics().connections, 1u);
}

TEST(Host, OpenDialsByItself) {
  Two two;
  two.b.serve_echo();
  EXPECT_EQ(two.open().error().code, ErrorCode::unknown_peer);
  two.a.host->add_addresses(two.b.host->id(), {two.b.reachable_at()}, false);
  auto stream = two.open();
  ASSERT_TRUE(stream) << to_string(stream.error());
}

TEST(Host, TheFirstProtocolThatThePeerSpeaks) {
  Two two;
  two.b.serve_echo("/new");
  two.b.serve_echo("/old");
  ASSERT_TRUE(two.connect());
  std::vector<std::string> wanted{"/newest", "/new", "/old"};
  auto stream = two.on_a(two.a.host->open(two.b.host->id(), wanted));
  ASSERT_TRUE(stream);
  EXPECT_EQ((*stream)->protocol(), "/new");
}

TEST(Host, WhatThePeerDoesNotSpeakIsUnsupported) {
  Two two;
  ASSERT_TRUE(two.connect());
  EXPECT_EQ(two.open("/nothing").error().code, ErrorCode::unsupported);
  EXPECT_TRUE(two.until([&] { return two.b.host->metrics().streams == 0; }));
}

TEST(Host, HandlersByPredicate) {
  std::string heard;
  std::unique_ptr<Stream> kept;
  Two two;
  two.b.host->handle_match(
      "/ww/0.1.0", [](std::string_view protocol) { return protocol.starts_with("/ww/"); },
      [&](std::unique_ptr<Stream> stream) {
        heard = std::string(stream->protocol());
        kept = std::move(stream);
      });
  ASSERT_TRUE(two.connect());
  ASSERT_TRUE(two.open("/ww/0.1.0/x/y/z"));
  EXPECT_EQ(heard, "/ww/0.1.0/x/y/z");
  EXPECT_EQ(two.open("/other").error().code, ErrorCode::unsupported);
}

io::Task<void> one_of_many(Node* node, identity::PeerId peer, std::uint8_t salt, int* good) {
  auto stream = co_await node->host->open(std::move(peer), one("/echo"));
  if (!stream) co_return;
  const Buffer payload = pattern(20'000, salt);
  auto answer = co_await round_trip(&node->loop, stream->get(), payload);
  if (same(answer, payload)) ++*good;
}

TEST(Host, AThousandStreamsAtOnce) {
  Two two;
  two.b.serve_echo();
  ASSERT_TRUE(two.connect());
  int good = 0;
  io::Scope scope(two.a.loop);
  for (int i = 0; i < 1000; ++i) {
    scope.spawn(one_of_many(&two.a, two.b.host->id(), static_cast<std::uint8_t>(i), &good));
  }
  EXPECT_TRUE(two.until([&] { return scope.running() == 0; }, 10min));
  EXPECT_EQ(good, 1000);
  EXPECT_TRUE(two.until([&] { return two.a.host->metrics().streams == 0 && two.b.host->metrics().streams == 0; }));
}

TEST(Host, ManyStreamsUnderLoss) {
  Two two(5);
  two.world->set_default_link({.delay = 20ms, .jitter = 10ms, .loss = 0.02});
  two.b.serve_echo();
  ASSERT_TRUE(two.connect());
  int good = 0;
  io::Scope scope(two.a.loop);
  for (int i = 0; i < 50; ++i) {
    scope.spawn(one_of_many(&two.a, two.b.host->id(), static_cast<std::uint8_t>(i), &good));
  }
  EXPECT_TRUE(two.until([&] { return scope.running() == 0; }, 30min));
  EXPECT_EQ(good, 50);
}

TEST(Host, TheSameSeedGivesTheSameRun) {
  const auto run = [](std::uint64_t seed) {
    Two two(seed);
    two.world->set_default_link({.delay = 5ms, .jitter = 5ms, .loss = 0.05});
    two.b.serve_echo();
    EXPECT_TRUE(two.connect());
    int good = 0;
    io::Scope scope(two.a.loop);
    for (int i = 0; i < 20; ++i) {
      scope.spawn(one_of_many(&two.a, two.b.host->id(), static_cast<std::uint8_t>(i), &good));
    }
    EXPECT_TRUE(two.until([&] { return scope.running() == 0; }, 30min));
    return two.world->trace_hash();
  };
  const std::uint64_t first = run(7);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(run(7), first);
  EXPECT_NE(run(8), first);
}

struct Libp2pStreams : io::StreamPairWorld {
  Libp2pStreams() {
    two.b.serve_silence("/pair");
    MYELIN_CHECK(two.connect().has_value(), "the hosts connect");
  }
  io::Loop& loop() override { return two.a.loop; }
  std::pair<std::unique_ptr<io::Stream>, std::unique_ptr<io::Stream>> connect() override {
    auto near = two.open("/pair");
    MYELIN_CHECK(near.has_value(), "the stream opens");
    MYELIN_CHECK(two.until([this] { return !two.b.kept.empty(); }), "the stream arrives");
    std::unique_ptr<Stream> far = std::move(two.b.kept.back());
    two.b.kept.clear();
    return {std::move(*near), std::move(far)};
  }
  void run(io::Task<void> task) override {
    io::Scope scope(two.a.loop);
    scope.spawn(std::move(task));
    MYELIN_CHECK(two.until([&] { return scope.running() == 0; }, 10min), "the check ends");
  }
  Two two;
};

TEST(Host, StreamConformance) {
  Libp2pStreams world;
  io::run_stream_conformance(world);
}

TEST(Host, ASlowReaderHoldsItsWriterBackAndNobodyElse) {
  Two two;
  two.b.serve_silence();
  two.b.serve_echo();
  ASSERT_TRUE(two.connect());
  auto slow = two.open("/silence");
  ASSERT_TRUE(slow);
  Result<void> outcome;
  io::Scope scope(two.a.loop);
  scope.spawn(send_all(slow->get(), pattern(8 << 20, 1), &outcome));
  two.world->run_for(10s);
  EXPECT_EQ(scope.running(), 1u);  // still held back
  auto quick = two.open();
  ASSERT_TRUE(quick);
  const Buffer payload = pattern(2 << 20, 3);
  EXPECT_TRUE(same(two.on_a(round_trip(&two.a.loop, quick->get(), payload)), payload));
  ASSERT_EQ(two.b.kept.size(), 1u);
  EXPECT_TRUE(same(two.on_b(io::simulated::testing::read_all(two.b.kept[0].get())), pattern(8 << 20, 1)));
  EXPECT_TRUE(two.until([&] { return scope.running() == 0; }));
  EXPECT_TRUE(outcome);
}

TEST(Host, EarlyMuxerInAllCombinations) {
  for (const bool a_early : {false, true}) {
    for (const bool b_early : {false, true}) {
      HostConfig of_a;
      HostConfig of_b;
      of_a.early_muxer = a_early;
      of_b.early_muxer = b_early;
      Two two(1, std::move(of_a), std::move(of_b));
      two.b.serve_echo();
      const Instant before = two.world->now();
      ASSERT_TRUE(two.connect());
      // TCP 1, multistream 1, Noise 1, and one more where the muxer is agreed afterwards; a round trip is 2 ms.
      const Duration took = two.world->now() - before;
      EXPECT_EQ(took >= 8ms, !(a_early && b_early)) << took.count();
      auto stream = two.open();
      ASSERT_TRUE(stream);
      EXPECT_TRUE(same(two.on_a(round_trip(&two.a.loop, stream->get(), pattern(1000, 1))), pattern(1000, 1)));
    }
  }
}

TEST(Host, Ping) {
  Two two;
  ASSERT_TRUE(two.connect());
  const auto round_trip_time = two.on_a(two.a.host->ping(two.b.host->id()));
  ASSERT_TRUE(round_trip_time);
  EXPECT_EQ(*round_trip_time, 2ms);
  EXPECT_EQ(two.on_a(two.a.host->ping(key_of(77).peer_id())).error().code, ErrorCode::unknown_peer);
}

PeerInfo info_of(const Host& host, const identity::PeerId& peer) {
  for (PeerInfo& info : host.peers()) {
    if (info.id == peer) return info;
  }
  return {};
}

bool speaks(const PeerInfo& info, std::string_view protocol) {
  return std::ranges::find(info.protocols, protocol) != info.protocols.end();
}

TEST(Host, WhatIdentifyToldOfIsNotWaitedFor) {
  Two two;
  two.b.serve_echo();
  ASSERT_TRUE(two.connect());
  ASSERT_TRUE(two.until([&] { return speaks(info_of(*two.a.host, two.b.host->id()), "/echo"); }));
  const Instant begun = two.world->now();
  auto stream = two.on_a(two.a.host->open_ahead(two.b.host->id(), one("/echo")));
  ASSERT_TRUE(stream);
  EXPECT_EQ(two.world->now(), begun);
  EXPECT_EQ((*stream)->protocol(), "/echo");
  const Buffer payload = pattern(300'000, 7);
  EXPECT_TRUE(same(complete(*two.world, two.a.loop, round_trip(&two.a.loop, stream->get(), payload)), payload));
}

TEST(Host, WhatIdentifyDidNotTellOfIsWaitedFor) {
  Two two;
  two.b.serve_echo("/old");
  ASSERT_TRUE(two.connect());
  ASSERT_TRUE(two.until([&] { return speaks(info_of(*two.a.host, two.b.host->id()), "/old"); }));
  std::vector<std::string> wanted{"/new", "/old"};
  auto stream = two.on_a(two.a.host->open_ahead(two.b.host->id(), wanted));
  ASSERT_TRUE(stream);
  EXPECT_EQ((*stream)->protocol(), "/old");
}

TEST(Host, ARefusalOfWhatIdentifyToldOfComesWithTheFirstRead) {
  Two two;
  two.b.host->handle_match(
      "/promised", [](std::string_view) { return false; }, [](std::unique_ptr<Stream> stream) { stream->reset(); });
  ASSERT_TRUE(two.connect());
  ASSERT_TRUE(two.until([&] { return speaks(info_of(*two.a.host, two.b.host->id()), "/promised"); }));
  auto stream = two.on_a(two.a.host->open_ahead(two.b.host->id(), one("/promised")));
  ASSERT_TRUE(stream);
  EXPECT_TRUE(two.on_a((*stream)->write(pattern(10, 1))));
  const ErrorCode refusal = two.on_a((*stream)->read(10)).error().code;
  EXPECT_TRUE(refusal == ErrorCode::unsupported || refusal == ErrorCode::link_lost) << name(refusal);
  EXPECT_TRUE(two.until([&] { return two.b.host->metrics().streams == 0; }));
}

TEST(Host, IdentifyBothWaysAndPush) {
  HostConfig of_b;
  of_b.agent_version = "agent-b";
  Two two(1, {}, std::move(of_b));
  two.b.serve_echo();
  ASSERT_TRUE(two.connect());
  const identity::PeerId a = two.a.host->id();
  const identity::PeerId b = two.b.host->id();
  ASSERT_TRUE(two.until([&] { return !info_of(*two.a.host, b).agent_version.empty(); }));
  ASSERT_TRUE(two.until([&] { return !info_of(*two.b.host, a).agent_version.empty(); }));
  const PeerInfo info = info_of(*two.a.host, b);
  EXPECT_EQ(info.agent_version, "agent-b");
  EXPECT_TRUE(speaks(info, "/echo"));
  EXPECT_TRUE(info.connected);
  EXPECT_FALSE(info.inbound);
  EXPECT_TRUE(info_of(*two.b.host, a).inbound);
  EXPECT_EQ(info.round_trip, 2ms);
  EXPECT_NE(std::ranges::find(info.addresses, two.b.reachable_at().without_peer()), info.addresses.end());
  two.b.serve_echo("/later");
  EXPECT_TRUE(two.until([&] { return speaks(info_of(*two.a.host, b), "/later"); }));
}

TEST(Host, WildcardAddressesAreExpanded) {
  Two two;
  const auto addresses = two.b.host->addresses();
  EXPECT_NE(std::ranges::find(addresses, two.b.reachable_at()), addresses.end());
  for (const Multiaddr& address : addresses) {
    EXPECT_FALSE(address.tcp_socket()->ip.is_unspecified());
    EXPECT_EQ(address.peer(), two.b.host->id());
  }
}

TEST(Host, ListenErrors) {
  Two two;
  EXPECT_EQ(two.b.host->listen(*Multiaddr::parse("/ip4/10.0.0.2/udp/4001/quic-v1")).error().code,
            ErrorCode::bad_request);
  EXPECT_EQ(two.b.host->listen(Multiaddr::tcp_address({two.b.address, port})).error().code, ErrorCode::conflict);
  EXPECT_TRUE(two.b.host->listen(Multiaddr::tcp_address({two.b.address, 4002})));
  EXPECT_EQ(two.b.host->addresses().back(), Multiaddr::tcp_address({two.b.address, 4002}).with_peer(two.b.host->id()));
}

TEST(Host, PeersComeAndGo) {
  std::vector<std::pair<identity::PeerId, bool>> told;
  Two two;
  two.a.host->on_peer([&](const identity::PeerId& peer, bool up) { told.emplace_back(peer, up); });
  ASSERT_TRUE(two.connect());
  ASSERT_TRUE(two.connect());  // nothing more to do
  two.world->run_for(10ms);    // b too has finished the handshake
  two.b.host->disconnect(two.a.host->id());
  ASSERT_TRUE(two.until([&] { return told.size() == 2; }));
  EXPECT_EQ(told[0], std::pair(two.b.host->id(), true));
  EXPECT_EQ(told[1], std::pair(two.b.host->id(), false));
  EXPECT_EQ(two.a.host->metrics().connections, 0u);
}

TEST(Host, StoppingEndsStreamsAndTellsThePeer) {
  Two two;
  two.b.serve_silence();
  ASSERT_TRUE(two.connect());
  auto stream = two.open("/silence");
  ASSERT_TRUE(stream);
  Pending<Result<Buffer>> reading(two.a.loop, (*stream)->read(10));
  two.stop(two.b);
  ASSERT_TRUE(two.until([&] { return reading.done(); }, 3s));
  EXPECT_EQ(reading.result().error().code, ErrorCode::link_lost);
  EXPECT_TRUE(two.until([&] { return two.a.host->metrics().connections == 0; }, 3s));
  EXPECT_EQ(two.a.host->listen(*Multiaddr::parse("/ip4/0.0.0.0/tcp/9")).has_value(), true);
}

TEST(Host, AStreamOutlivesItsHost) {
  Two two;
  two.b.serve_echo();
  ASSERT_TRUE(two.connect());
  auto stream = two.open();
  ASSERT_TRUE(stream);
  two.stop(two.a);
  EXPECT_EQ(two.on_a((*stream)->read(1)).error().code, ErrorCode::stopping);
  EXPECT_EQ(two.on_a((*stream)->write(Buffer::copy_of("x"))).error().code, ErrorCode::stopping);
  EXPECT_EQ(two.open().error().code, ErrorCode::stopping);
}

}  // namespace
}  // namespace myelin::libp2p
