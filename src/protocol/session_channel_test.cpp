// The session wire over TCP: what hostile, old, strange and vanishing peers get. Raw bytes from a peer of the test's
// own.
#include "protocol/session_channel.hpp"

#include "protocol/handshake.hpp"
#include "protocol/session_world_testing.hpp"

#include <array>
#include <chrono>
#include <gtest/gtest.h>
#include <random>

namespace myelin::protocol::channel_testing {
namespace {

using io::simulated::testing::complete;
using Steps = std::vector<std::string>;

// "10.0.0.4:5001", the raw peer's logical host.
const Host raw{"10.0.0.4", 5001};
std::string hex(const Bytes& bytes) { return to_hex(bytes); }

struct SessionChannelTest : ::testing::Test {
  void start(int i = 0) { ASSERT_TRUE(world.start(i, told[static_cast<std::size_t>(i)])); }
  // Remade with other options, before start.
  void with(ChannelOptions options) { world.make(0, options); }
  Recorder& here() { return told[0]; }
  SessionChannel& channel() { return world.channel(0); }
  std::string text(const Host& host) { return host.to_string(); }

  // Listens on the raw peer's host where a channel would.
  void listen() { listener = std::move(*world.loop(3).network().listen({SessionWorld::ip(3), SessionWorld::port})); }
  std::unique_ptr<RawPeer> accept() {
    auto socket = complete(*world.world, world.loop(3), listener->accept());
    return std::make_unique<RawPeer>(world, std::move(*socket));
  }
  // W3's frame of a Note.
  static Bytes note_frame(Wire wire, std::uint64_t number, std::size_t filling = 0) {
    OutQueue queue;
    EXPECT_TRUE(queue.add(wire, note(number, filling)));
    const Buffer all = queue.take(SIZE_MAX).flatten();
    return {all.data(), all.data() + all.size()};
  }

  std::array<Recorder, 3> told;
  SessionWorld world{conformance_options()};
  std::unique_ptr<io::TcpListener> listener;
};

TEST_F(SessionChannelTest, AnswersBothGenerationsToTheByte) {
  start();
  RawPeer old(world, 0);
  old.write(hello_frame(Wire::w0, raw));
  EXPECT_EQ(old.read(), "000000020102");
  RawPeer now(world, 0);
  now.write(hello_frame(Wire::w3, {"10.0.0.4", 5002}));
  EXPECT_EQ(now.read(), "000000020102");
  EXPECT_EQ(here().told, (Steps{"connected 10.0.0.4:5001", "connected 10.0.0.4:5002"}));
  old.write(note_frame(Wire::w0, 5));
  world.run_for(100ms);
  now.write(note_frame(Wire::w3, 6));
  world.run_for(1s);
  ASSERT_EQ(here().received.size(), 2u);
  EXPECT_EQ(here().received[0].from, raw) << "the logical host, not the socket's";
  ASSERT_TRUE(channel().send(raw, note(9)));
  EXPECT_EQ(old.read(), hex(note_frame(Wire::w0, 9)));
  ASSERT_TRUE(channel().send({"10.0.0.4", 5002}, note(9)));
  EXPECT_EQ(now.read(), hex(note_frame(Wire::w3, 9)));
}

TEST_F(SessionChannelTest, DialsAsTheOriginalsDo) {
  listen();
  start();
  channel().connect(raw);
  auto peer = accept();
  EXPECT_EQ(peer->read(), hex(hello_frame(Wire::w0, world.host(0))));
  EXPECT_TRUE(here().told.empty()) << "no session before the Ack";
  EXPECT_FALSE(channel().send(raw, note(1)));
  peer->write("00000002 0102");
  world.run_for(100ms);
  EXPECT_EQ(here().told, Steps{"connected 10.0.0.4:5001"});
}

TEST_F(SessionChannelTest, APeerThatRejectsW0IsDialledAsW3) {
  listen();
  start();
  channel().connect(raw);
  auto first = accept();
  EXPECT_EQ(first->read(), hex(hello_frame(Wire::w0, world.host(0))));
  first->write("00000003 010301");
  world.run_for(100ms);
  first->close();
  auto second = accept();
  EXPECT_EQ(second->read(), hex(hello_frame(Wire::w3, world.host(0))));
  second->write("00000002 0102");
  world.run_for(100ms);
  EXPECT_EQ(here().told, Steps{"connected 10.0.0.4:5001"});
  second->close();
  world.run_for(100ms);
  channel().connect(raw);
  auto third = accept();
  EXPECT_EQ(third->read(), hex(hello_frame(Wire::w3, world.host(0)))) << "it is remembered";
}

TEST_F(SessionChannelTest, APeerThatRejectsBothIsGivenUp) {
  listen();
  start();
  channel().connect(raw);
  for (int i = 0; i < 2; ++i) {
    auto peer = accept();
    peer->read();
    peer->write("00000003 010302");
    peer->read();
  }
  EXPECT_EQ(here().told, (Steps{"failed 10.0.0.4:5001", "given up 10.0.0.4:5001 after 1"}));
  EXPECT_EQ(here().last_error->code, ErrorCode::unsupported);
}

TEST_F(SessionChannelTest, AWireThatCannotNameUsIsNotSpoken) {
  SessionChannel six(world.loop(1), {"fd00::1", 5001}, ChannelOptions{.wire = Wire::w0});
  EXPECT_EQ(six.first_wire(), Wire::w3);
  EXPECT_EQ(channel().first_wire(), Wire::w0);
}

TEST_F(SessionChannelTest, APeerThatNeverAcksTimesOut) {
  listen();
  start();
  channel().connect(raw);
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (int i = 0; i < 3; ++i) silent.push_back(accept());
  ASSERT_TRUE(world.run_until([&] { return here().has("given up 10.0.0.4:5001 after 3"); }, 60s));
  EXPECT_EQ(here().count("failed 10.0.0.4:5001"), 3u);
  EXPECT_EQ(here().last_error->code, ErrorCode::timeout);
  world.run_for(5s);
  for (const auto& peer : silent) EXPECT_TRUE(peer->ended());
  EXPECT_EQ(channel().connections(), 0u);
}

TEST_F(SessionChannelTest, APeerThatNeverSaysHelloTimesOut) {
  start();
  RawPeer silent(world, 0);
  RawPeer slow(world, 0);
  slow.write("00000013 0101 31");
  world.run_for(4s);
  EXPECT_FALSE(silent.ended());
  world.run_for(2500ms);
  EXPECT_TRUE(silent.ended());
  EXPECT_TRUE(slow.ended());
  EXPECT_TRUE(here().told.empty());
}

TEST_F(SessionChannelTest, HandshakesAreLimited) {
  start();
  std::vector<std::unique_ptr<RawPeer>> idle;
  for (int i = 0; i < 200; ++i) idle.push_back(std::make_unique<RawPeer>(world, 0));
  world.run_for(100ms);
  EXPECT_LE(channel().connections(), 128u);
  EXPECT_EQ(channel().metrics().handshakes_refused, 72u);
  world.run_for(6s);
  RawPeer fine(world, 0);
  fine.write(hello_frame(Wire::w0, raw));
  EXPECT_EQ(fine.read(), "000000020102") << "and it goes on";
}

TEST_F(SessionChannelTest, MessagesBeforeTheHelloAreRefused) {
  start();
  RawPeer peer(world, 0);
  peer.write(note_frame(Wire::w0, 1));
  world.run_for(2s);
  EXPECT_TRUE(peer.ended());
  EXPECT_TRUE(here().received.empty());
  EXPECT_TRUE(here().told.empty());
}

TEST_F(SessionChannelTest, BadHellosAreRefusedAndVersionsRejected) {
  start();
  for (const std::string_view bad :
       {"00000002 0101", "00000013 0101 3939392e302e302e31202020202020 ed13", "00000006 010101 0200 31"}) {
    RawPeer peer(world, 0);
    peer.write(bad);
    EXPECT_EQ(peer.read(2s), "") << bad;
    EXPECT_TRUE(peer.ended()) << bad;
  }
  RawPeer future(world, 0);
  future.write("00000010 010102 0900 3132372e302e302e31 e115");
  EXPECT_EQ(future.read(2s), "00000003010301");
  EXPECT_TRUE(future.ended());
  EXPECT_TRUE(here().told.empty());
  EXPECT_EQ(channel().metrics().handshakes_failed, 4u);
}

TEST_F(SessionChannelTest, StrangeFramesAreCountedAndDropped) {
  start();
  RawPeer peer(world, 0);
  peer.write(hello_frame(Wire::w0, raw));
  peer.write("00000000 00000001 ff 00000002 0109 00000003 000100");
  peer.write(hello_frame(Wire::w0, {"10.0.0.4", 5999}));
  peer.write(note_frame(Wire::w0, 1));
  world.run_for(1s);
  EXPECT_EQ(here().drops, (std::map<std::string, std::uint64_t>{{"empty_frame", 1},
                                                                {"unknown_layer", 1},
                                                                {"unknown_handshake", 1},
                                                                {"truncated_header", 1},
                                                                {"second_hello", 1}}));
  EXPECT_EQ(here().received.size(), 1u);
  EXPECT_EQ(here().told, Steps{"connected 10.0.0.4:5001"});
  EXPECT_FALSE(peer.ended());
}

TEST_F(SessionChannelTest, AnOverlongFrameEndsTheSessionAfterWhatCameBefore) {
  start();
  RawPeer peer(world, 0);
  peer.write(hello_frame(Wire::w0, raw));
  Bytes bytes = note_frame(Wire::w0, 1);
  for (const std::uint8_t byte : bytes_of("01000001 00")) bytes.push_back(byte);
  peer.write(bytes);
  world.run_for(2s);
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(here().received.size(), 1u);
  EXPECT_EQ(here().told, (Steps{"connected 10.0.0.4:5001", "disconnected 10.0.0.4:5001"}));
  EXPECT_EQ(here().last_error->code, ErrorCode::too_large);
}

TEST_F(SessionChannelTest, SixteenMebibytesArrive) {
  start();
  RawPeer peer(world, 0);
  peer.write(hello_frame(Wire::w3, raw));
  constexpr std::size_t largest = max_frame_bytes - 1 - 8 - 8 - 4;
  peer.write(note_frame(Wire::w3, 3, largest));
  world.run_for(5s);
  ASSERT_EQ(here().received.size(), 1u);
  EXPECT_EQ(here().received[0].filling, largest);
  ASSERT_TRUE(channel().send(raw, note(4, largest))) << "larger than the queue, but it was empty";
  EXPECT_EQ(channel().send(raw, note(4, largest + 1)).error().code, ErrorCode::mailbox_full);
  world.run_for(5s);
  EXPECT_EQ(peer.received_bytes(), 6 + 4 + max_frame_bytes);
  EXPECT_EQ(channel().send(raw, note(4, largest + 1)).error().code, ErrorCode::too_large);
}

TEST_F(SessionChannelTest, APeerThatReconnectsInALoopAlternates) {
  start();
  for (int i = 0; i < 50; ++i) {
    RawPeer peer(world, 0);
    peer.write(hello_frame(i % 2 == 0 ? Wire::w0 : Wire::w3, raw));
    world.run_for(20ms);
    if (i % 3 == 0) peer.write("ffffffff");
    world.run_for(20ms);
  }
  world.run_for(2s);
  EXPECT_EQ(here().told.size(), 100u);
  for (std::size_t i = 0; i < here().told.size(); ++i) {
    EXPECT_EQ(here().told[i], i % 2 == 0 ? "connected 10.0.0.4:5001" : "disconnected 10.0.0.4:5001");
  }
  EXPECT_EQ(channel().connections(), 0u) << "nothing is kept of them";
  EXPECT_EQ(channel().sessions(), 0u);
}

TEST_F(SessionChannelTest, APeerThatDialsAnewTakesItsOldSessionOver) {
  start();
  RawPeer first(world, 0);
  first.write(hello_frame(Wire::w0, raw));
  world.run_for(100ms);
  RawPeer second(world, 0);
  second.write(hello_frame(Wire::w0, raw));
  world.run_for(2s);
  EXPECT_EQ(here().told, (Steps{"connected 10.0.0.4:5001", "disconnected 10.0.0.4:5001", "connected 10.0.0.4:5001"}));
  EXPECT_TRUE(first.ended());
  ASSERT_TRUE(channel().send(raw, note(1)));
  world.run_for(100ms);
  EXPECT_GT(second.received_bytes(), 6u);
}

// An original that dials us while we dial it: it takes either connection for the session, writes on the newer one, and
// ends the session when either closes.
TEST_F(SessionChannelTest, CrossingDialsWithAnOriginalKeepBothConnections) {
  listen();
  start();
  channel().connect(raw);
  auto ours = accept();
  world.run_for(10ms);
  RawPeer theirs(world, 0);
  theirs.write(hello_frame(Wire::w0, raw));
  ours->write("00000002 0102");
  theirs.write(note_frame(Wire::w0, 0));
  world.run_for(100ms);
  ours->write(note_frame(Wire::w0, 1));
  world.run_for(2s);
  EXPECT_FALSE(ours->ended());
  EXPECT_FALSE(theirs.ended());
  EXPECT_EQ(here().told, Steps{"connected 10.0.0.4:5001"});
  EXPECT_EQ(here().received.size(), 2u) << "both are read";
  const std::string offer = hex(merge_frame(Merge::crossed));  // an original drops it, as of an unknown layer
  EXPECT_EQ(ours->read(), hex(hello_frame(Wire::w0, world.host(0))));
  EXPECT_EQ(theirs.read(), "000000020102" + offer) << "on the connection of the larger host, once";
  for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(channel().send(raw, note(i)));
  const bool by_ours = !ours->read().empty();
  const bool by_theirs = !theirs.read().empty();
  EXPECT_NE(by_ours, by_theirs) << "one is used";
  ours->close();
  world.run_for(2s);
  EXPECT_TRUE(theirs.ended());
  EXPECT_EQ(here().told, (Steps{"connected 10.0.0.4:5001", "disconnected 10.0.0.4:5001"}));
}

// Both send all the time while the connections come up, are merged and close: over links of all sorts, with queues that
// fill and a mailbox that has no room.
TEST(SessionChannelMerge, CrossingDialsEndInOneConnectionAndLoseNothing) {
  std::uint64_t merged = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::array<Recorder, 3> told;
    SessionWorld world(conformance_options(), seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 2; ++i) {
      io::LinkModel link;
      link.delay = std::chrono::microseconds(100 + random() % 20'000);
      link.jitter = std::chrono::microseconds(random() % 5'000);
      if (random() % 3 == 0) link.bandwidth_bytes_s = 1'000'000;
      world.world->set_link(SessionWorld::ip(i), SessionWorld::ip(1 - i), link);
      ASSERT_TRUE(world.start(i, told[static_cast<std::size_t>(i)]));
    }
    world.channel(0).connect(world.host(1));
    world.run_for(std::chrono::microseconds(random() % 10'000));
    world.channel(1).connect(world.host(0));
    if (random() % 2 == 0) told[random() % 2].capacity = 10;
    std::array<std::uint64_t, 2> accepted{};
    for (int round = 0; round < 400; ++round) {
      for (int i = 0; i < 2; ++i) {
        std::uint64_t& count = accepted[static_cast<std::size_t>(i)];
        const auto sent = world.channel(i).send(world.host(1 - i), note(count, random() % 1000, count + 1));
        if (sent) ++count;
      }
      world.run_for(300us);
    }
    for (Recorder& recorder : told) recorder.capacity = SIZE_MAX;
    for (int i = 0; i < 2; ++i) world.channel(i).resume();
    world.run_for(10s);
    for (int i = 0; i < 2; ++i) {
      const Recorder& at = told[static_cast<std::size_t>(i)];
      EXPECT_EQ(at.count("connected " + world.host(1 - i).to_string()), 1u);
      EXPECT_FALSE(at.has("disconnected " + world.host(1 - i).to_string()));
      EXPECT_EQ(at.count("blocked " + world.host(1 - i).to_string()),
                at.count("writable " + world.host(1 - i).to_string()));
      EXPECT_EQ(at.received.size(), accepted[static_cast<std::size_t>(1 - i)]);
      EXPECT_TRUE(at.in_order());
      EXPECT_EQ(at.wrong_ends(accepted[static_cast<std::size_t>(i)]), 0u);
      EXPECT_TRUE(at.drops.empty()) << at.drops.begin()->first;
      EXPECT_EQ(world.channel(i).connections(), 1u);
    }
    merged += world.channel(0).metrics().connections_in > 0 && world.channel(0).metrics().connections_out > 0 ? 1 : 0;
    world.channel(static_cast<int>(seed % 2)).disconnect(world.host(1 - static_cast<int>(seed % 2)));
    world.run_for(10s);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(told[static_cast<std::size_t>(i)].count("disconnected " + world.host(1 - i).to_string()), 1u);
      EXPECT_EQ(world.channel(i).connections(), 0u);
    }
  }
  EXPECT_GT(merged, 20u) << "the dials hardly ever crossed";
}

TEST_F(SessionChannelTest, APeerThatDoesNotReadIsBlockedThenFails) {
  ChannelOptions options = conformance_options();
  options.stall_timeout = 10s;
  with(options);
  start();
  RawPeer peer(world, 0);
  peer.write(hello_frame(Wire::w0, raw));
  world.run_for(100ms);
  peer.pause();
  world.run_for(100ms);
  std::uint64_t accepted = 0;
  while (world.now() < 60s && here().count("disconnected 10.0.0.4:5001") == 0) {
    while (channel().send(raw, note(accepted, 1000, accepted + 1))) ++accepted;
    world.run_for(100ms);
    EXPECT_LE(channel().queued_bytes(raw), 2 * conformance_queue_bytes);
  }
  EXPECT_TRUE(here().has("blocked 10.0.0.4:5001"));
  EXPECT_TRUE(here().has("disconnected 10.0.0.4:5001"));
  EXPECT_EQ(here().last_error->code, ErrorCode::timeout);
  EXPECT_LT(world.now(), 20s);
  world.run_for(2s);
  EXPECT_EQ(here().wrong_ends(accepted), 0u);
}

TEST_F(SessionChannelTest, APeerThatReadsSlowlyIsAnsweredInFull) {
  start();
  here().on_message = [&](const Recorder::Received& received) {
    ASSERT_TRUE(channel().send(raw, note(received.number, 8)));
  };
  RawPeer peer(world, 0);
  peer.write(hello_frame(Wire::w0, raw));
  world.run_for(100ms);
  Bytes burst;
  for (std::uint64_t i = 0; i < 40'000; ++i) {
    const Bytes frame = note_frame(Wire::w0, i, 8);
    burst.insert(burst.end(), frame.begin(), frame.end());
  }
  const std::size_t wanted = 6 + burst.size();
  peer.pause();
  io::simulated::testing::Pending<Result<void>> writing(world.loop(3), peer.start_write(std::move(burst)));
  std::size_t most = 0;
  for (int i = 0; i < 100'000 && peer.received_bytes() < wanted; ++i) {
    world.run_for(300ms);
    peer.go_on();
    world.run_for(2ms);
    peer.pause();
    most = std::max(most, channel().queued_bytes(raw));
  }
  EXPECT_EQ(peer.received_bytes(), wanted);
  EXPECT_LE(most, 2 * conformance_queue_bytes);
  here().on_message = nullptr;
  peer.go_on();
  ASSERT_TRUE(world.run_until([&] { return writing.done(); }, 60s));
}

TEST_F(SessionChannelTest, APeerThatIsCutOffIsMissedByKeepAlive) {
  ChannelOptions options = conformance_options();
  options.idle_timeout = 20s;
  options.stall_timeout = 20s;
  with(options);
  start();
  start(1);
  channel().connect(world.host(1));
  ASSERT_TRUE(world.run_until([&] { return here().told.size() == 1 && told[1].told.size() == 1; }, 30s));
  const Duration cut = world.now();
  world.world->set_partitioned(SessionWorld::ip(0), SessionWorld::ip(1), true);
  world.world->set_partitioned(SessionWorld::ip(1), SessionWorld::ip(0), true);
  ASSERT_TRUE(world.run_until([&] { return here().told.size() == 2; }, 120s));
  EXPECT_EQ(here().told[1], "disconnected 10.0.0.2:5001");
  EXPECT_LE(world.now() - cut, 25s) << "though nothing was sent";
}

TEST_F(SessionChannelTest, ALostSessionIsDialledAgainIfThePolicySaysSo) {
  ChannelOptions options = conformance_options();
  options.retry.after_disconnect = true;
  with(options);
  start();
  start(1);
  channel().connect(world.host(1));
  ASSERT_TRUE(world.run_until([&] { return here().told.size() == 1; }, 30s));
  world.channel(1).disconnect(world.host(0));
  ASSERT_TRUE(world.run_until([&] { return here().told.size() == 3; }, 30s));
  EXPECT_EQ(here().told[2], "connected 10.0.0.2:5001");
}

TEST_F(SessionChannelTest, NamesAreResolvedAtEachDial) {
  start();
  start(1);
  channel().connect({"b.example", SessionWorld::port});
  ASSERT_TRUE(world.run_until([&] { return here().has("failed b.example:5001"); }, 30s));
  world.world->add_name("b.example", {SessionWorld::ip(1)});
  ASSERT_TRUE(world.run_until([&] { return here().has("connected b.example:5001"); }, 30s));
}

TEST_F(SessionChannelTest, WhatIsNoAddressIsRefusedAtTheStart) {
  Recorder events;
  for (const Host& self : {Host{"localhost", 5001}, Host{"0.0.0.0", 5001}, Host{"::", 5001}, Host{"", 5001}}) {
    SessionChannel made(world.loop(1), self, ChannelOptions{});
    EXPECT_EQ(made.start(events).error().code, ErrorCode::bad_request) << self.to_string();
  }
  start();
  SessionChannel second(world.loop(0), world.host(0), ChannelOptions{});
  EXPECT_EQ(second.start(events).error().code, ErrorCode::conflict);
  channel().connect({"10.0.0.4", 0});
  world.run_for(1s);
  EXPECT_EQ(here().last_error->code, ErrorCode::bad_request);
}

TEST_F(SessionChannelTest, TransportEventsAreTold) {
  start();
  {
    RawPeer peer(world, 0);
    peer.write(hello_frame(Wire::w0, raw));
    world.run_for(100ms);
    ASSERT_EQ(here().transport.size(), 1u);
    EXPECT_EQ(here().transport[0].kind, TransportEvent::Kind::connected);
    EXPECT_TRUE(here().transport[0].inbound);
    EXPECT_EQ(here().transport[0].host.name, "10.0.0.4");
  }
  world.run_for(2s);
  EXPECT_EQ(here().transport.back().kind, TransportEvent::Kind::disconnected);
  channel().connect(world.nobody());
  world.run_for(1s);
  EXPECT_EQ(here().transport.back().kind, TransportEvent::Kind::failed);
  EXPECT_EQ(here().transport.back().host, world.nobody());
}

TEST_F(SessionChannelTest, RunsAreRepeated) {
  const auto run = [](std::uint64_t seed) {
    std::array<Recorder, 3> recorders;
    SessionWorld repeated(conformance_options(), seed);
    repeated.world->set_default_link({.delay = 2ms, .jitter = 3ms, .loss = 0.02});
    EXPECT_TRUE(repeated.start(0, recorders[0]));
    EXPECT_TRUE(repeated.start(1, recorders[1]));
    repeated.channel(0).connect(repeated.host(1));
    repeated.channel(1).connect(repeated.host(0));
    repeated.channel(0).connect(repeated.nobody());
    repeated.run_for(20s);
    for (std::uint64_t i = 0; i < 100; ++i) EXPECT_TRUE(repeated.channel(0).send(repeated.host(1), note(i, 100)));
    repeated.run_for(20s);
    EXPECT_EQ(recorders[1].received.size(), 100u);
    return repeated.world->trace_hash();
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

}  // namespace
}  // namespace myelin::protocol::channel_testing
