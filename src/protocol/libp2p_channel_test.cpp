// Protocols over libp2p streams: the channels' conformance suite, and who the peer is.
#include "protocol/libp2p_channel.hpp"

#include "libp2p/host_testing.hpp"
#include "protocol/channel_conformance_test.hpp"

#include <array>
#include <memory>

namespace myelin::protocol::channel_testing {
namespace {

class Libp2pWorld {
 public:
  static constexpr bool in_bytes = true;

  explicit Libp2pWorld(ChannelOptions options) : world(io::SimulatedWorld::create(1)) {
    for (std::uint8_t i = 0; i < 3; ++i) {
      nodes[i] = std::make_unique<libp2p::testing::Node>(*world, static_cast<std::uint8_t>(i + 1));
      nodes[i]->listen();
      channels[i] = std::make_unique<Libp2pChannel>(nodes[i]->loop, *nodes[i]->host, options);
    }
    for (auto& from : nodes) {
      for (auto& to : nodes) {
        if (from == to) continue;
        from->host->add_addresses(to->host->id(), {to->reachable_at()}, true);
      }
    }
  }
  Libp2pWorld(const Libp2pWorld&) = delete;
  Libp2pWorld& operator=(const Libp2pWorld&) = delete;
  ~Libp2pWorld() {
    for (std::size_t i = 0; i < 3; ++i) {
      if (nodes[i]->loop.crashed()) continue;
      if (started[i]) {
        bool done = false;
        channels[i]->stop(false, [&done] { done = true; });
        MYELIN_CHECK(run_until([&done] { return done; }, 60s), "a channel did not stop");
      }
      libp2p::testing::Pending<bool> stopping(nodes[i]->loop, libp2p::testing::Two::stop_host(nodes[i]->host.get()));
      MYELIN_CHECK(run_until([&stopping] { return stopping.scope().running() == 0; }, 60s), "a host did not stop");
    }
  }

  Libp2pChannel& channel(int i) { return *channels[static_cast<std::size_t>(i)]; }
  Host host(int i) { return {nodes[static_cast<std::size_t>(i)]->host->id().to_string(), 0}; }
  Host nobody() { return {libp2p::testing::key_of(77).peer_id().to_string(), 0}; }
  Result<void> start(int i, ChannelEvents& events) {
    started[static_cast<std::size_t>(i)] = true;
    return channel(i).start(events);
  }
  bool run_until(std::function<bool()> done, Duration limit) { return world->run_until(std::move(done), limit); }
  void run_for(Duration duration) { world->run_for(duration); }
  Duration now() const { return world->now().time_since_epoch(); }
  void crash(int i) { nodes[static_cast<std::size_t>(i)]->machine.crash(); }

  std::unique_ptr<io::SimulatedWorld> world;
  std::array<std::unique_ptr<libp2p::testing::Node>, 3> nodes;
  std::array<std::unique_ptr<Libp2pChannel>, 3> channels;
  std::array<bool, 3> started{};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Libp2p, ChannelConformance, Libp2pWorld);

TEST(Libp2pChannel, WhatIsNoPeerIdIsGivenUpAtOnce) {
  Libp2pWorld world(conformance_options());
  Recorder events;
  ASSERT_TRUE(world.start(0, events));
  world.channel(0).connect({"127.0.0.1", 5001});
  world.run_for(1s);
  EXPECT_EQ(events.told, (std::vector<std::string>{"failed 127.0.0.1:5001", "given up 127.0.0.1:5001 after 1"}));
  EXPECT_EQ(events.last_error->code, ErrorCode::bad_request);
  world.channel(0).connect(world.host(0));
  world.run_for(1s);
  EXPECT_EQ(events.told.size(), 4u) << "a node does not dial itself";
}

TEST(Libp2pChannel, APeerWithoutTheProtocolIsUnsupported) {
  Libp2pWorld world(conformance_options());
  Recorder events;
  ASSERT_TRUE(world.start(0, events));
  world.channel(0).connect(world.host(1));
  ASSERT_TRUE(world.run_until([&] { return events.told.size() == 4; }, 60s));
  EXPECT_EQ(events.last_error->code, ErrorCode::unsupported);
}

TEST(Libp2pChannel, HandshakeFramesAreDroppedThere) {
  Libp2pWorld world(conformance_options());
  Recorder events;
  ASSERT_TRUE(world.start(1, events));
  auto stream = libp2p::testing::complete(
      *world.world, world.nodes[0]->loop,
      world.nodes[0]->host->open(world.nodes[1]->host->id(), libp2p::testing::one("/myelin/spr/1")));
  ASSERT_TRUE(stream);
  const Bytes hello = bytes_of("00 00 00 13 01 01 31 32 37 2e 30 2e 30 2e 31 20 20 20 20 20 20 ed 13");
  auto written =
      libp2p::testing::complete(*world.world, world.nodes[0]->loop, (*stream)->write(Rope(Buffer::copy_of(hello))));
  ASSERT_TRUE(written);
  world.run_for(1s);
  EXPECT_EQ(events.drops["second_hello"], 1u);
  EXPECT_EQ(events.told, std::vector<std::string>{"connected " + world.host(0).to_string()})
      << "the peer is who Noise says, whatever a Hello claims";
  (*stream)->reset();
  world.run_for(1s);
  EXPECT_EQ(events.told.size(), 2u);
}

}  // namespace
}  // namespace myelin::protocol::channel_testing
