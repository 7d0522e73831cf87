// A connection against a peer that has shaken hands honestly and then speaks yamux as it likes.
#include "libp2p/connection.hpp"

#include "libp2p/host_testing.hpp"
#include "libp2p/multistream.hpp"
#include "libp2p/yamux_testing.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace myelin::libp2p {
namespace {

using namespace testing;
using yamux::testing::data_frame;
using yamux::testing::frame;
using yamux::testing::update_frame;

// a: the hostile dialer, by hand. b: a host.
struct Hostile {
  Hostile() : two(1), peer(*two.world, 66) {
    two.b.serve_echo();
    two.b.serve_silence();
    auto socket = complete(*two.world, peer.loop, peer.loop.network().dial({two.b.address, port}, 1s));
    MYELIN_CHECK(socket.has_value(), "the peer connects");
    UpgradeRequest request;
    request.key = &key;
    request.expected = two.b.host->id();
    request.deadline = two.world->now() + 10s;
    auto upgraded = complete(*two.world, peer.loop, upgrade(&peer.loop, std::move(*socket), std::move(request)));
    MYELIN_CHECK(upgraded.has_value(), "the peer shakes hands");
    link.emplace(std::move(*upgraded));
    two.world->run_for(10ms);
    MYELIN_CHECK(connections() == 1, "the host has the connection");
  }
  Hostile(const Hostile&) = delete;
  Hostile& operator=(const Hostile&) = delete;
  ~Hostile() {
    link.reset();
    complete(*two.world, peer.loop, Two::stop_host(peer.host.get()));
  }

  std::uint32_t connections() const { return two.b.host->metrics().connections; }
  void send(const Bytes& plaintext) {
    Rope sealed;
    MYELIN_CHECK(link->session.encryptor.seal(View(plaintext), sealed).has_value(), "the peer seals");
    send_raw(std::move(sealed));
  }
  void send_raw(Rope bytes) {
    Pending<Result<void>> writing(peer.loop, link->socket->write(std::move(bytes)));
    if (!two.until([&] { return writing.done(); }, 5s)) link->socket->reset();
    two.until([&] { return writing.done(); }, 5s);
    two.world->run_for(10ms);
  }
  // Opens stream `id` and negotiates the protocol, lazily.
  void open(yamux::StreamId id, std::string_view protocol) {
    Bytes hello = multistream::message(multistream::header);
    const Bytes wanted = multistream::message(protocol);
    hello.insert(hello.end(), wanted.begin(), wanted.end());
    send(frame(yamux::FrameType::data, yamux::flag_syn, id, static_cast<std::uint32_t>(hello.size()), hello));
  }
  // Frames that the host has sent until it is quiet, payloads apart.
  std::vector<yamux::Header> receive() {
    Rope plaintext;
    for (;;) {
      Pending<Result<Buffer>> reading(peer.loop, link->socket->read(65536));
      if (!two.until([&] { return reading.done(); }, 100ms)) {
        quiet = true;
        link->socket->reset();
        two.until([&] { return reading.done(); }, 1s);
        break;
      }
      if (!reading.result() || reading.result()->empty()) break;
      MYELIN_CHECK(link->session.decryptor.open(std::move(*reading.result()), plaintext).has_value(), "it decrypts");
    }
    return yamux::testing::headers(plaintext.flatten().view());
  }

  Two two;
  Node peer;
  identity::KeyPair key = key_of(200);
  std::optional<Upgraded> link;
  bool quiet = false;
};

TEST(Connection, GarbageAfterTheHandshake) {
  Hostile world;
  world.send_raw(Buffer::copy_of(std::string(70'000, 'g')));
  world.two.world->run_for(2s);
  EXPECT_EQ(world.connections(), 0u);
}

TEST(Connection, WhatIsNoYamuxEndsWithAGoAway) {
  Hostile world;
  world.send(Bytes(12, 0xee));
  const auto sent = world.receive();
  EXPECT_FALSE(world.quiet);  // it closed
  EXPECT_EQ(std::ranges::count(sent, yamux::Header{yamux::FrameType::go_away, 0, 0, yamux::go_away_protocol_error}), 1);
  world.two.world->run_for(2s);
  EXPECT_EQ(world.connections(), 0u);
}

TEST(Connection, DataBeyondTheWindow) {
  Hostile world;
  world.open(1, "/silence");
  ASSERT_EQ(world.two.b.kept.size(), 1u);
  world.send(data_frame(1, limits::yamux_initial_window_bytes + 1000));
  world.two.world->run_for(2s);
  EXPECT_EQ(world.connections(), 0u);
  const auto read = complete(*world.two.world, world.two.b.loop, world.two.b.kept[0]->read(10));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::protocol);
}

TEST(Connection, PingFloodOfAPeerThatNeverReads) {
  Hostile world;
  Bytes pings;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    const Bytes one_ping = frame(yamux::FrameType::ping, yamux::flag_syn, 0, i);
    pings.insert(pings.end(), one_ping.begin(), one_ping.end());
  }
  for (int i = 0; i < 1000 && world.connections() == 1; ++i) world.send(pings);
  world.two.world->run_for(3s);
  EXPECT_EQ(world.connections(), 0u);
}

TEST(Connection, APeerThatNeverReadsItsEchoIsBounded) {
  Hostile world;
  world.open(1, "/echo");
  std::uint64_t before = 0;
  // It may send until the windows are full in both directions, and no more: no credit comes.
  for (int i = 0; i < 4; ++i) world.send(data_frame(1, 64 * 1024 - 100));
  before = world.two.b.host->metrics().bytes_out;
  world.two.world->run_for(3s);
  EXPECT_EQ(world.connections(), 1u);
  EXPECT_LT(before, 600'000u);
}

TEST(Connection, SilenceInTheNegotiationOfAStreamEnds) {
  Hostile world;
  for (yamux::StreamId id = 1; id < 201; id += 2) world.send(update_frame(id, 0, yamux::flag_syn));
  EXPECT_GE(world.two.b.host->metrics().streams, 100u);
  world.two.world->run_for(11s);
  EXPECT_EQ(world.two.b.host->metrics().streams, 0u);
}

TEST(Connection, APeerThatAnswersNoPingIsLost) {
  Hostile world;
  world.two.world->run_for(11s);
  EXPECT_EQ(world.connections(), 0u);
}

TEST(Connection, APeerThatTalksIsNotLost) {
  Hostile world;
  for (int i = 0; i < 30; ++i) {
    world.send(update_frame(1, 1));
    world.two.world->run_for(1s);
  }
  EXPECT_EQ(world.connections(), 1u);
}

TEST(Connection, AfterAGoAwayANewConnectionIsDialled) {
  Two two;
  two.b.serve_echo();
  ASSERT_TRUE(two.connect());
  auto old = two.open();
  ASSERT_TRUE(old);
  two.world->run_for(1s);
  two.b.host->disconnect(two.a.host->id());
  two.a.host->add_addresses(two.b.host->id(), {two.b.reachable_at()}, true);
  ASSERT_TRUE(two.until([&] { return two.a.host->metrics().connections == 0; }, 3s));
  EXPECT_EQ(two.on_a((*old)->read(1)).error().code, ErrorCode::link_lost);
  ASSERT_TRUE(two.open());
  EXPECT_EQ(two.a.host->metrics().connections_opened, 2u);
}

TEST(MuxStream, SmallPiecesDoNotPinLargeSegments) {
  auto world = io::SimulatedWorld::create(1);
  io::Loop& loop = world->add_host("a", *io::IpAddress::parse("10.0.0.1")).add_loop();
  auto link = std::make_shared<Link>(loop, key_of(1).peer_id());
  auto core = std::make_shared<StreamCore>(loop, link, 1, true);
  core->attached = false;
  MuxStream stream(core);
  const Buffer segment = pattern(64 * 1024, 1);
  for (std::size_t i = 0; i < 1000; ++i) core->put(segment.slice(i, 1));
  core->put(segment.slice(1000, 60'000));
  core->end();
  std::size_t read = 0;
  bool shared = false;
  for (;;) {
    auto piece = complete(*world, loop, stream.read(100'000));
    ASSERT_TRUE(piece);
    if (piece->empty()) break;
    const bool slice = piece->data() >= segment.data() && piece->data() < segment.data() + segment.size();
    if (piece->size() < 8192) EXPECT_FALSE(slice);
    shared = shared || slice;
    read += piece->size();
  }
  EXPECT_EQ(read, 61'000u);
  EXPECT_TRUE(shared);  // the large one was not copied
}

}  // namespace
}  // namespace myelin::libp2p
