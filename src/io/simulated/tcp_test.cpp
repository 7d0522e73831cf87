// What a TCP connection of the simulated world does, and exactly when.
#include "io/simulated/testing.hpp"
#include "io/sync.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>

namespace myelin::io::simulated {
namespace {

using namespace testing;

TEST(SimulatedTcp, ADialTakesTwoDelaysAndAnAcceptThree) {
  Pair pair(1, {.delay = 10ms});
  Pending<Accepted> dialing(*pair.a, pair.a->network().dial(pair.server, 1s));
  Pending<Accepted> accepting(*pair.b, pair.listener->accept());
  ASSERT_TRUE(pair.world->run_until([&] { return dialing.done(); }, 1s));
  EXPECT_EQ(pair.elapsed(), 20ms);
  EXPECT_FALSE(accepting.done());
  ASSERT_TRUE(pair.world->run_until([&] { return accepting.done(); }, 1s));
  EXPECT_EQ(pair.elapsed(), 30ms);
  const auto& near = *dialing.result();
  const auto& far = *accepting.result();
  EXPECT_EQ(near->remote(), pair.server);
  EXPECT_EQ(far->local(), pair.server);
  EXPECT_EQ(near->local(), far->remote());
  EXPECT_EQ(near->local().ip, pair.host_a->address());
}

TEST(SimulatedTcp, DelaysMayDifferByDirection) {
  Pair pair;
  pair.world->set_link(ip("10.0.0.1"), ip("10.0.0.2"), {.delay = 30ms});
  pair.world->set_link(ip("10.0.0.2"), ip("10.0.0.1"), {.delay = 7ms});
  pair.connect();
  const auto sent = pair.elapsed();
  ASSERT_TRUE(pair.on_a(pair.near->write(text("ping"))));
  EXPECT_EQ(pair.elapsed(), sent) << "accepted at once";
  EXPECT_EQ(to_text(pair.on_b(pair.far->read(100))->view()), "ping");
  EXPECT_EQ(pair.elapsed(), sent + 30ms);
  ASSERT_TRUE(pair.on_b(pair.far->write(text("pong"))));
  EXPECT_EQ(to_text(pair.on_a(pair.near->read(100))->view()), "pong");
  EXPECT_EQ(pair.elapsed(), sent + 37ms);
}

TEST(SimulatedTcp, JitterStaysWithinItsBoundsAndNeverReorders) {
  Pair pair(3, {.delay = 10ms, .jitter = 20ms});
  pair.connect();
  const auto sent = pair.elapsed();
  Bytes expected;
  for (int i = 0; i < 100; ++i) {
    expected.push_back(static_cast<std::uint8_t>(i));
    ASSERT_TRUE(pair.on_a(pair.near->write(Buffer::copy_of(View(&expected.back(), 1)))));
  }
  ASSERT_EQ(pair.elapsed(), sent);
  Bytes got;
  while (got.size() < expected.size()) {
    const auto piece = pair.on_b(pair.far->read(100));
    ASSERT_TRUE(piece);
    if (got.empty()) EXPECT_GE(pair.elapsed(), sent + 10ms);
    got.insert(got.end(), piece->view().begin(), piece->view().end());
  }
  EXPECT_EQ(got, expected);
  EXPECT_LE(pair.elapsed(), sent + 30ms);
  EXPECT_GT(pair.elapsed(), sent + 20ms) << "of a hundred pieces one is late";
}

TEST(SimulatedTcp, BandwidthIsTimeOnTheLink) {
  Pair pair(1, {.delay = 10ms, .bandwidth_bytes_s = 1'000'000});
  pair.connect();
  const auto sent = pair.elapsed();
  ASSERT_TRUE(pair.on_a(pair.near->write(pattern(200'000))));
  ASSERT_TRUE(pair.on_a(pair.near->close_write()));
  const auto all = pair.on_b(read_all(pair.far.get()));
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 200'000U);
  EXPECT_EQ(pair.elapsed(), sent + 200ms + 10ms);
}

TEST(SimulatedTcp, ConnectionsShareTheBandwidthOfTheirLink) {
  Pair pair(1, {.delay = 1ms, .bandwidth_bytes_s = 1'000'000});
  pair.connect();
  auto first_near = std::move(pair.near);
  auto first_far = std::move(pair.far);
  pair.connect();
  const auto sent = pair.elapsed();
  ASSERT_TRUE(pair.on_a(first_near->write(pattern(100'000))));
  ASSERT_TRUE(pair.on_a(pair.near->write(text("x"))));
  ASSERT_TRUE(pair.on_b(pair.far->read(1)));
  EXPECT_EQ(pair.elapsed(), sent + 101ms + 1us);
}

TEST(SimulatedTcp, ALostSegmentCostsItsRetransmissions) {
  // One small write on each connection: it takes the delay and 0, 1, 3, 7, … times the retransmission time.
  const LinkModel clean{.delay = 10ms};
  const LinkModel lossy{.delay = 10ms, .loss = 0.5, .retransmission = 100ms};
  Pair pair(5, clean);
  std::map<std::int64_t, int> times;  // retransmission times by how often
  for (int i = 0; i < 100; ++i) {
    pair.world->set_default_link(clean);
    pair.connect();
    pair.world->set_default_link(lossy);
    const auto sent = pair.elapsed();
    ASSERT_TRUE(pair.on_a(pair.near->write(text("x"))));
    const auto got = pair.on_b(pair.far->read(1));
    const auto took = pair.elapsed() - sent;
    if (!got) continue;  // lost seven times
    EXPECT_EQ((took - 10ms) % 100ms, 0ns);
    ++times[(took - 10ms) / 100ms];
  }
  for (const auto& [repeats, count] : times) {
    EXPECT_EQ((repeats + 1) & repeats, 0) << repeats << " is not one less than a power of two";
    EXPECT_LE(repeats, 63);
  }
  EXPECT_NEAR(times[0], 50, 15);
  EXPECT_NEAR(times[1], 25, 12);
  EXPECT_NEAR(times[3], 12, 9);
}

TEST(SimulatedTcp, LossOfEverythingBreaksTheSenderAfterSixRepeats) {
  Pair pair(1, {.delay = 1ms, .retransmission = 100ms});
  pair.connect();
  pair.world->set_default_link({.delay = 1ms, .loss = 1, .retransmission = 100ms});
  const auto sent = pair.elapsed();
  ASSERT_TRUE(pair.on_a(pair.near->write(text("x"))));
  const auto read = pair.on_a(pair.near->read(1));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::link_lost);
  EXPECT_EQ(pair.elapsed(), sent + 12700ms) << "1 + 2 + 4 + … + 64 times";
  EXPECT_EQ(pair.on_a(pair.near->write(text("y"))).error().code, ErrorCode::link_lost);
  EXPECT_EQ(pair.on_a(pair.near->close_write()).error().code, ErrorCode::link_lost);
}

TEST(SimulatedTcp, NobodyListeningRefuses) {
  Pair pair(1, {.delay = 10ms});
  const auto refused = pair.on_a(pair.a->network().dial({ip("10.0.0.2"), 81}, 1s));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::offline);
  EXPECT_EQ(pair.elapsed(), 20ms);
}

TEST(SimulatedTcp, AnAddressOfNobodyIsUnreachable) {
  Pair pair;
  const auto nobody = pair.on_a(pair.a->network().dial({ip("10.9.9.9"), 80}, 1s));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::offline);
  const auto family = pair.on_a(pair.a->network().dial({ip("fd00::1"), 80}, 1s));
  ASSERT_FALSE(family);
  EXPECT_EQ(family.error().code, ErrorCode::offline);
}

TEST(SimulatedTcp, ADialThatNobodyAnswersTimesOut) {
  Pair pair;
  pair.host_b->crash();
  const auto late = pair.on_a(pair.a->network().dial(pair.server, 3s));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::timeout);
  EXPECT_EQ(pair.elapsed(), 3s);
  const auto patient = pair.on_a(pair.a->network().dial(pair.server, Duration::max()));
  ASSERT_FALSE(patient);
  EXPECT_EQ(patient.error().code, ErrorCode::timeout);
  EXPECT_EQ(pair.elapsed(), 3s + 127 * 200ms) << "the network's own limit";
}

TEST(SimulatedTcp, ADialCanBeCancelled) {
  Pair pair(1, {.delay = 10ms});
  CancelSource source;
  Pending<Accepted> dialing(*pair.a, pair.a->network().dial(pair.server, 1s, source.token()));
  Pending<Accepted> accepting(*pair.b, pair.listener->accept());
  pair.world->run_for(5ms);
  source.fire();
  EXPECT_FALSE(dialing.done()) << "not inside fire()";
  pair.world->run_for(1ms);
  ASSERT_TRUE(dialing.done());
  EXPECT_EQ(dialing.result().error().code, ErrorCode::cancelled);
  pair.world->run_for(1min);
  EXPECT_FALSE(accepting.done()) << "an abandoned dial is not accepted";
  const auto fired = pair.on_a(pair.a->network().dial(pair.server, 1s, source.token()));
  EXPECT_EQ(fired.error().code, ErrorCode::cancelled);
  pair.listener->close();
  pair.world->run_for(1ms);
  EXPECT_EQ(accepting.result().error().code, ErrorCode::cancelled);
}

TEST(SimulatedTcp, AWriterToAReaderThatDoesNotReadIsStopped) {
  Pair pair;
  pair.connect();
  Rope rope(pattern(1'000'000));
  Pending<Result<void>> writing(*pair.a, pair.near->write(std::move(rope)));
  pair.world->run_for(10min);
  EXPECT_FALSE(writing.done());
  EXPECT_EQ(pair.near->unsent_bytes(), 1'000'000U - 256 * 1024);
  Bytes got;
  while (got.size() < 1'000'000) {
    const auto piece = pair.on_b(pair.far->read(50'000));
    ASSERT_TRUE(piece);
    got.insert(got.end(), piece->view().begin(), piece->view().end());
  }
  EXPECT_TRUE(writing.done());
  EXPECT_EQ(pair.near->unsent_bytes(), 0U);
  const auto expected = pattern(1'000'000);
  EXPECT_TRUE(std::ranges::equal(got, expected.view()));
}

TEST(SimulatedTcp, HalfClosedTheOtherHalfLivesOn) {
  Pair pair;
  pair.connect();
  ASSERT_TRUE(pair.on_a(pair.near->write(text("question"))));
  ASSERT_TRUE(pair.on_a(pair.near->close_write()));
  EXPECT_EQ(to_text(pair.on_b(read_all(pair.far.get()))->view()), "question");
  EXPECT_TRUE(pair.on_b(pair.far->read(1))->empty()) << "the end stays";
  ASSERT_TRUE(pair.on_b(pair.far->write(text("answer"))));
  ASSERT_TRUE(pair.on_b(pair.far->close_write()));
  EXPECT_EQ(to_text(pair.on_a(read_all(pair.near.get()))->view()), "answer");
}

TEST(SimulatedTcp, AResetArrivesAfterWhatWasSentBefore) {
  Pair pair(1, {.delay = 10ms});
  pair.connect();
  ASSERT_TRUE(pair.on_a(pair.near->write(text("last words"))));
  const auto reset = pair.elapsed();
  pair.near->reset();
  EXPECT_EQ(pair.on_a(pair.near->read(1)).error().code, ErrorCode::cancelled);
  EXPECT_EQ(to_text(pair.on_b(pair.far->read(100))->view()), "last words");
  const auto lost = pair.on_b(pair.far->read(100));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::link_lost);
  EXPECT_EQ(pair.elapsed(), reset + 10ms);
}

TEST(SimulatedTcp, ADroppedStreamIsReset) {
  Pair pair;
  pair.connect();
  pair.near.reset();
  EXPECT_EQ(pair.on_b(pair.far->read(1)).error().code, ErrorCode::link_lost);
}

TEST(SimulatedTcp, AStreamMayGoRightAfterItsReset) {
  Pair pair;
  pair.connect();
  Pending<Result<Buffer>> reading(*pair.a, pair.near->read(1));
  pair.world->run_for(1s);
  pair.near->reset();
  pair.near.reset();
  EXPECT_FALSE(reading.done());
  pair.world->run_for(1s);
  ASSERT_TRUE(reading.done());
  EXPECT_EQ(reading.result().error().code, ErrorCode::cancelled);
}

TEST(SimulatedTcp, WhatWasClosedBothWaysArrivesThoughTheStreamIsGone) {
  Pair pair(4, {.delay = 10ms, .loss = 0.2, .retransmission = 50ms});
  pair.connect();
  ASSERT_TRUE(pair.on_b(pair.far->close_write()));
  EXPECT_TRUE(pair.on_a(pair.near->read(1))->empty());
  ASSERT_TRUE(pair.on_a(pair.near->write(pattern(200'000))));
  ASSERT_TRUE(pair.on_a(pair.near->close_write()));
  pair.near.reset();
  const auto all = pair.on_b(read_all(pair.far.get()));
  ASSERT_TRUE(all) << to_string(all.error());
  EXPECT_EQ(to_hex(all->view()), to_hex(pattern(200'000).view()));
}

TEST(SimulatedTcp, AStreamChangesItsLoop) {
  Pair pair;
  Loop& second = pair.host_b->add_loop();
  pair.connect();
  auto detached = pair.far->detach();
  ASSERT_TRUE(pair.on_a(pair.near->write(text("meanwhile"))));
  pair.world->run_for(1s);
  EXPECT_FALSE(pair.a->network().attach(pair.near->detach())->get() == nullptr) << "its own host takes it";
  auto attached = second.network().attach(std::move(detached));
  ASSERT_TRUE(attached);
  EXPECT_EQ((*attached)->local(), pair.server);
  EXPECT_EQ(to_text(complete(*pair.world, second, (*attached)->read(100))->view()), "meanwhile");
}

Task<void> note_loop(Stream* stream, Loop* loop, bool* right) {
  (void)co_await stream->read(10);
  *right = loop->here();
}

TEST(SimulatedTcp, AfterTheChangeReadersRunOnTheNewLoop) {
  Pair pair;
  Loop& second = pair.host_b->add_loop();
  pair.connect();
  auto attached = second.network().attach(pair.far->detach());
  ASSERT_TRUE(attached);
  bool right = false;
  Scope scope(second);
  scope.spawn(note_loop(attached->get(), &second, &right));
  pair.world->run_for(1s);
  ASSERT_TRUE(pair.on_a(pair.near->write(text("x"))));
  pair.world->run_for(1s);
  EXPECT_TRUE(right);
  EXPECT_EQ(scope.running(), 0U);
}

TEST(SimulatedTcp, AnotherHostCannotAttach) {
  Pair pair;
  pair.connect();
  const auto foreign = pair.a->network().attach(pair.far->detach());
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::io);
  EXPECT_EQ(pair.on_a(pair.near->read(1)).error().code, ErrorCode::link_lost) << "the socket was dropped";
}

TEST(SimulatedTcp, MisuseIsABrokenInvariant) {
  Pair pair;
  pair.connect();
  EXPECT_DEATH(EXPECT_FALSE(pair.on_a(pair.near->read(0))), "no bytes");
  EXPECT_DEATH(
      {
        Pending<Result<Buffer>> one(*pair.a, pair.near->read(1));
        Pending<Result<Buffer>> two(*pair.a, pair.near->read(1));
        pair.world->run_for(1s);
      },
      "a second read");
  EXPECT_DEATH(
      {
        EXPECT_TRUE(pair.on_a(pair.near->close_write()));
        EXPECT_TRUE(pair.on_a(pair.near->write(text("x"))));
      },
      "after close_write");
}

}  // namespace
}  // namespace myelin::io::simulated
