#include "libp2p/yamux.hpp"

#include "libp2p/yamux_testing.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>

namespace myelin::libp2p::yamux {
namespace {

using namespace testing;
using Kind = Event::Kind;

constexpr Instant start{1s};
constexpr std::size_t window = limits::yamux_initial_window_bytes;

Result<void> feed(Session& session, const Bytes& bytes, Instant now = start) {
  return session.receive(Buffer::copy_of(bytes), now);
}

Session listener(Config config = {}) {
  config.dialer = false;
  return Session(config);
}

ErrorCode code_of(const Result<void>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? ErrorCode::io : result.error().code;
}

// The session has failed, says so in a GoAway, and takes nothing more.
void expect_failed(Session& session, const Result<void>& result) {
  EXPECT_EQ(code_of(result), ErrorCode::protocol);
  const auto sent = headers(output(session));
  EXPECT_EQ(std::ranges::count(sent, Header{FrameType::go_away, 0, 0, go_away_protocol_error}), 1);
  EXPECT_EQ(code_of(feed(session, frame(FrameType::ping, flag_syn, 0, 1))), ErrorCode::protocol);
}

// Both directions until nothing moves; readers consume at once.
void exchange(Session& a, Session& b, Instant now = start) {
  while (a.has_output() || b.has_output()) {
    for (auto [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
      Rope bytes = from->collect(100'000);
      while (!bytes.empty()) ASSERT_TRUE(to->receive(bytes.pop_front(), now));
    }
  }
}

// ---- bytes on the wire ----

TEST(YamuxFrame, HeaderRoundTrip) {
  std::array<std::uint8_t, header_bytes> raw{};
  const Header header{FrameType::data, flag_fin | flag_ack, 0x01020304, 0xa0b0c0d0};
  encode(header, raw.data());
  EXPECT_EQ(to_hex(raw),
            "000000060102"
            "0304a0b0c0d0");
  EXPECT_EQ(*decode(raw), header);
}

TEST(YamuxFrame, RefusesWhatNoFrameIs) {
  const auto decoded = [](std::initializer_list<std::uint8_t> bytes) {
    std::array<std::uint8_t, header_bytes> raw{};
    std::copy(bytes.begin(), bytes.end(), raw.begin());
    return decode(raw);
  };
  EXPECT_FALSE(decoded({1, 0, 0, 0, 0, 0, 0, 1}));       // version
  EXPECT_FALSE(decoded({0, 4, 0, 0, 0, 0, 0, 1}));       // type
  EXPECT_FALSE(decoded({0, 0, 0, 0, 0, 0, 0, 0}));       // data of no stream
  EXPECT_FALSE(decoded({0, 1, 0, 0, 0, 0, 0, 0}));       // window of no stream
  EXPECT_FALSE(decoded({0, 2, 0, 1, 0, 0, 0, 1}));       // ping of a stream
  EXPECT_FALSE(decoded({0, 3, 0, 0, 0, 0, 0, 1}));       // go away of a stream
  EXPECT_TRUE(decoded({0, 0, 0xff, 0xf0, 0, 0, 0, 1}));  // flags that nobody knows are ignored
}

TEST(Yamux, OpensAsGoDoes) {
  Session session{Config{}};
  ASSERT_EQ(*session.open(start), 1u);
  EXPECT_EQ(to_hex(output(session)), "000100010000000100000000");
  ASSERT_EQ(*session.open(start), 3u);
  EXPECT_EQ(to_hex(output(session)), "000100010000000300000000");
}

TEST(Yamux, DataFollowsItsSyn) {
  Session session{Config{}};
  const StreamId id = *session.open(start);
  session.write(id, Buffer::copy_of("hi"));
  session.finish(id);
  EXPECT_EQ(to_hex(output(session)),
            "000100010000000100000000"
            "000000000000000100000002"
            "6869"
            "000100040000000100000000");
}

TEST(Yamux, SynOnDataIsTaken) {
  Session session = listener();
  ASSERT_TRUE(feed(session, frame(FrameType::data, flag_syn, 1, 3, as_view("abc"))));
  const auto got = events(session);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].kind, Kind::opened);
  EXPECT_EQ(got[1].kind, Kind::data);
  EXPECT_EQ(as_text(got[1].data.view()), "abc");
  EXPECT_EQ(to_hex(output(session)), "000100020000000100000000");  // ACK
}

TEST(Yamux, EveryFlagOnOneDataFrame) {
  Session session = listener();
  ASSERT_TRUE(feed(session, frame(FrameType::data, flag_syn | flag_fin, 7, 1, as_view("z"))));
  const auto got = events(session);
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[2].kind, Kind::finished);
  session.consume(7, 1, start);
  session.finish(7);
  output(session);
  EXPECT_EQ(session.stream_count(), 0u);
}

TEST(Yamux, PingIsAnswered) {
  Session session = listener();
  ASSERT_TRUE(feed(session, frame(FrameType::ping, flag_syn, 0, 0xdeadbeef)));
  EXPECT_EQ(to_hex(output(session)), "0002000200000000deadbeef");
}

TEST(Yamux, PingGoesBeforeWhatWaits) {
  Session session = listener();
  ASSERT_TRUE(feed(session, frame(FrameType::ping, flag_syn, 0, 5)));
  session.ping(77, start);
  EXPECT_TRUE(session.has_output());
  const std::vector<Header> sent = headers(output(session));
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0], (Header{FrameType::ping, flag_syn, 0, 77}));
  EXPECT_EQ(sent[1], (Header{FrameType::ping, flag_ack, 0, 5}));
  EXPECT_FALSE(session.has_output());
}

TEST(Yamux, PingMeasuresTheRoundTrip) {
  Session session{Config{}};
  session.ping(77, start);
  EXPECT_EQ(to_hex(output(session)), "00020001000000000000004d");
  ASSERT_TRUE(feed(session, frame(FrameType::ping, flag_ack, 0, 76), start + 1ms));  // no answer to ours
  EXPECT_TRUE(session.ping_under_way());
  ASSERT_TRUE(feed(session, frame(FrameType::ping, flag_ack, 0, 77), start + 5ms));
  const auto got = events(session);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].kind, Kind::pong);
  EXPECT_EQ(got[0].round_trip, 5ms);
  EXPECT_EQ(session.round_trip(), 5ms);
}

TEST(Yamux, ResetTellsItsCode) {
  Session session = listener();
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_syn)));
  output(session);
  session.reset(1, 0x1002);
  EXPECT_EQ(to_hex(output(session)), "000100080000000100001002");
  EXPECT_EQ(session.stream_count(), 0u);
}

TEST(Yamux, ResetOfThePeer) {
  Session session = listener();
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_syn)));
  ASSERT_TRUE(feed(session, update_frame(1, 0x1007, flag_rst)));
  const auto got = events(session);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[1].kind, Kind::reset);
  EXPECT_EQ(got[1].code, 0x1007u);
  EXPECT_EQ(session.stream_count(), 0u);
}

TEST(Yamux, AStreamResetBeforeItsSynIsNeverHeardOf) {
  Session session{Config{}};
  session.reset(*session.open(start));
  EXPECT_TRUE(output(session).empty());
  EXPECT_FALSE(session.has_output());
}

TEST(Yamux, GoAwayStopsNewStreams) {
  Session session{Config{}};
  const StreamId old = *session.open(start);
  ASSERT_TRUE(feed(session, frame(FrameType::go_away, 0, 0, go_away_internal_error)));
  EXPECT_EQ(session.open(start).error().code, ErrorCode::stopping);
  EXPECT_EQ(events(session)[0].code, go_away_internal_error);
  ASSERT_TRUE(feed(session, data_frame(old, 5, flag_ack)));  // the old ones go on
  EXPECT_EQ(events(session)[0].data.size(), 5u);
}

TEST(Yamux, WeRefuseStreamsAfterOurGoAway) {
  Session session = listener();
  session.go_away(go_away_normal);
  EXPECT_EQ(to_hex(output(session)), "000300000000000000000000");
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_syn)));
  EXPECT_EQ(headers(output(session))[0].flags, flag_rst);
  EXPECT_TRUE(events(session).empty());
}

// ---- flow control ----

TEST(Yamux, SendsNoMoreThanTheWindow) {
  Session session{Config{}};
  const StreamId id = *session.open(start);
  session.write(id, pattern(window + 1000));
  std::size_t sent = 0;
  for (const Header& header : headers(output(session))) {
    if (header.type == FrameType::data) sent += header.length;
  }
  EXPECT_EQ(sent, window);
  EXPECT_EQ(session.queued_bytes(id), 1000u);
  EXPECT_FALSE(session.has_output());
  ASSERT_TRUE(feed(session, update_frame(id, 400, flag_ack)));
  EXPECT_EQ(headers(output(session))[0].length, 400u);
  ASSERT_TRUE(feed(session, update_frame(id, 100'000)));
  EXPECT_EQ(headers(output(session))[0].length, 600u);
}

TEST(Yamux, FinWaitsForTheData) {
  Session session{Config{}};
  const StreamId id = *session.open(start);
  session.write(id, pattern(window + 1));
  session.finish(id);
  const auto first = headers(output(session));
  EXPECT_TRUE(std::ranges::none_of(first, [](const Header& h) { return h.has(flag_fin); }));
  ASSERT_TRUE(feed(session, update_frame(id, 1)));
  const auto rest = headers(output(session));
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[0].length, 1u);
  EXPECT_TRUE(rest[1].has(flag_fin));
}

TEST(Yamux, CreditIsGrantedAtHalfAWindow) {
  Session session = listener();
  ASSERT_TRUE(feed(session, data_frame(1, window, flag_syn)));
  output(session);
  session.consume(1, window / 2 - 1, start);
  EXPECT_FALSE(session.has_output());
  session.consume(1, 1, start);
  EXPECT_EQ(headers(output(session))[0], (Header{FrameType::window_update, 0, 1, window / 2}));
}

TEST(Yamux, CreditsOfOneTurnMerge) {
  Session session = listener();
  ASSERT_TRUE(feed(session, data_frame(1, window, flag_syn)));
  output(session);
  session.consume(1, window / 2, start);
  session.consume(1, window / 2, start);
  const auto sent = headers(output(session));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].length, window);
}

TEST(Yamux, WindowGrowsWhileTheReaderKeepsPace) {
  Session session = listener();
  session.ping(1, start);
  ASSERT_TRUE(feed(session, frame(FrameType::ping, flag_ack, 0, 1), start + 10ms));
  ASSERT_TRUE(feed(session, data_frame(1, window, flag_syn), start + 10ms));
  output(session);
  session.consume(1, window, start + 20ms);
  EXPECT_EQ(headers(output(session))[0].length, 2 * window);  // twice the window, all of it free
  ASSERT_TRUE(feed(session, data_frame(1, 2 * window), start + 30ms));
  session.consume(1, 2 * window, start + 30ms + 1s);  // slower than four round trips: it stays
  EXPECT_EQ(headers(output(session))[0].length, 2 * window);
}

TEST(Yamux, WindowGrowthIsBounded) {
  Config config;
  config.max_window_bytes = 1 << 20;
  Session session = listener(config);
  session.ping(1, start);
  ASSERT_TRUE(feed(session, frame(FrameType::ping, flag_ack, 0, 1), start + 10ms));
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_syn), start));
  output(session);
  std::size_t allowed = window;
  for (int round = 0; round < 10; ++round) {
    ASSERT_TRUE(feed(session, data_frame(1, allowed), start));
    session.consume(1, allowed, start);
    allowed = headers(output(session))[0].length;
  }
  EXPECT_EQ(allowed, 1u << 20);
}

TEST(Yamux, WindowGrowthKeepsWithinTheConnectionsMemory) {
  Config config;
  config.receive_memory_bytes = 3 * window;
  Session session = listener(config);
  session.ping(1, start);
  ASSERT_TRUE(feed(session, frame(FrameType::ping, flag_ack, 0, 1), start + 10ms));
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_syn), start));
  ASSERT_TRUE(feed(session, data_frame(3, window, flag_syn), start));
  output(session);
  session.consume(3, window, start);
  EXPECT_EQ(headers(output(session))[0].length, 2 * window);  // 256 KiB of stream 1, 512 KiB of stream 3: all
  ASSERT_TRUE(feed(session, data_frame(3, 2 * window), start));
  session.consume(3, 2 * window, start);
  EXPECT_EQ(headers(output(session))[0].length, 2 * window);
}

TEST(Yamux, PayloadIsSlicedNotCopied) {
  Session session = listener();
  const Buffer wire = Buffer::copy_of(data_frame(1, 1000, flag_syn));
  const std::uint8_t* payload = wire.data() + header_bytes;
  ASSERT_TRUE(session.receive(wire, start));
  EXPECT_EQ(events(session)[1].data.data(), payload);
  const Buffer ours = pattern(5000);
  session.write(1, ours);
  Rope out = session.collect(SIZE_MAX);
  EXPECT_TRUE(std::ranges::any_of(out.segments(), [&](const Buffer& b) { return b.data() == ours.data(); }));
}

TEST(Yamux, SendersTakeTurns) {
  Session session{Config{}};
  std::vector<StreamId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(*session.open(start));
  for (const StreamId id : ids) session.write(id, pattern(200'000));
  output(session, 3 * header_bytes);  // the SYNs
  std::vector<StreamId> order;
  for (const Header& header : headers(output(session))) order.push_back(header.stream);
  ASSERT_GE(order.size(), 6u);
  EXPECT_EQ((std::vector<StreamId>(order.begin(), order.begin() + 6)), (std::vector<StreamId>{1, 3, 5, 1, 3, 5}));
}

TEST(Yamux, CollectKeepsWithinItsRoom) {
  Session session{Config{}};
  const StreamId id = *session.open(start);
  session.write(id, pattern(200'000));
  EXPECT_EQ(output(session, 50'000).size(), 50'000u);
  EXPECT_EQ(output(session, 65'519).size(), 65'519u);
}

TEST(Yamux, WritableWhenTheQueueFalls) {
  Config config;
  config.send_queue_bytes = 1000;
  Session session{config};
  const StreamId id = *session.open(start);
  session.write(id, pattern(70'000));
  output(session, 10'000);
  EXPECT_TRUE(events(session).empty());
  output(session);
  const auto got = events(session);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].kind, Kind::writable);
}

// ---- what bad peers get ----

TEST(Yamux, DataBeyondTheWindow) {  // CVE-2026-32314: DATA|SYN of 262145 bytes
  Session session = listener();
  expect_failed(session, feed(session, frame(FrameType::data, flag_syn, 1, window + 1)));
}

TEST(Yamux, DataBeyondWhatIsLeftOfTheWindow) {
  Session session = listener();
  ASSERT_TRUE(feed(session, data_frame(1, window, flag_syn)));
  expect_failed(session, feed(session, data_frame(1, 1)));
}

TEST(Yamux, WindowUpdateOverflow) {  // CVE-2026-31814: a delta of 0xffff0000
  Session session = listener();
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_syn)));
  ASSERT_TRUE(feed(session, update_frame(1, 0x7fffffff)));
  expect_failed(session, feed(session, update_frame(1, 0xffff0000)));
}

TEST(Yamux, WindowUpdateOverflowInTheSyn) {
  Session session = listener();
  expect_failed(session, feed(session, update_frame(1, 0xffffffff, flag_syn)));
}

TEST(Yamux, PingFloodOfAPeerThatDoesNotRead) {  // CVE-2024-32984
  Session session = listener();
  Bytes flood;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    const Bytes one = frame(FrameType::ping, flag_syn, 0, i);
    flood.insert(flood.end(), one.begin(), one.end());
  }
  const auto result = feed(session, flood);
  EXPECT_EQ(code_of(result), ErrorCode::protocol);
  EXPECT_LT(output(session).size(), 10'000u);
}

TEST(Yamux, PingsOfAPeerThatReadsAreFine) {
  Session session = listener();
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(feed(session, frame(FrameType::ping, flag_syn, 0, i)));
    ASSERT_EQ(output(session).size(), header_bytes);
  }
}

TEST(Yamux, StreamsOverTheLimitAreReset) {  // CVE-2022-23492
  Config config;
  config.inbound_streams = 10;
  Session session = listener(config);
  for (StreamId id = 1; id < 41; id += 2) ASSERT_TRUE(feed(session, update_frame(id, 0, flag_syn)));
  EXPECT_EQ(session.inbound_count(), 10u);
  EXPECT_EQ(session.refused_streams(), 10u);
  const auto sent = headers(output(session));
  EXPECT_EQ(std::ranges::count_if(sent, [](const Header& h) { return h.has(flag_rst); }), 10);
  // Room again: the next one is taken.
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_rst)));
  ASSERT_TRUE(feed(session, update_frame(41, 0, flag_syn)));
  EXPECT_TRUE(session.has(41));
}

TEST(Yamux, ARefusedStreamMayHaveSentAWindowAlready) {
  Config config;
  config.inbound_streams = 0;
  Session session = listener(config);
  for (StreamId id = 1; id < 200; id += 2) {
    ASSERT_TRUE(feed(session, data_frame(id, window, flag_syn)));
    output(session);
  }
  EXPECT_EQ(session.buffered_bytes(), 0u);
}

TEST(Yamux, OpenAndResetFloodOfAPeerThatDoesNotRead) {
  Session session = listener();
  Result<void> result;
  for (StreamId id = 1; id < 100'000 && result; id += 2) {
    result = feed(session, update_frame(id, 0, flag_syn));
    if (result) result = feed(session, update_frame(id, 0, flag_rst));
    events(session);
  }
  expect_failed(session, result);
}

TEST(Yamux, UnreadStreamsKeepWithinTheMemory) {
  Config config;
  config.receive_memory_bytes = 4 * window;
  Session session = listener(config);
  for (StreamId id = 1; id < 41; id += 2) ASSERT_TRUE(feed(session, data_frame(id, window, flag_syn)));
  EXPECT_EQ(session.buffered_bytes(), 4 * window);
  EXPECT_EQ(session.stream_count(), 4u);
  const auto got = events(session);
  EXPECT_EQ(std::ranges::count(got, Kind::reset, &Event::kind), 16);
}

TEST(Yamux, FramesOfStreamsThatAreGoneAreDropped) {
  Session session = listener();
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_syn)));
  session.reset(1);
  output(session);
  events(session);
  ASSERT_TRUE(feed(session, data_frame(1, 1000)));
  ASSERT_TRUE(feed(session, update_frame(1, 1000)));
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_fin)));
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_rst)));
  EXPECT_TRUE(events(session).empty());
  EXPECT_FALSE(session.has_output());
}

TEST(Yamux, EndlessDataForAStreamThatIsGone) {
  Session session = listener();
  Result<void> result;
  std::size_t taken = 0;
  for (; result && taken < 100 * window; taken += window) result = feed(session, data_frame(9, window));
  expect_failed(session, result);
  EXPECT_LE(taken, 8 * window);
}

TEST(Yamux, WindowUpdateAfterFinIsTolerated) {
  Session session = listener();
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_syn | flag_fin)));
  session.write(1, pattern(window + 10));
  output(session);
  ASSERT_TRUE(feed(session, update_frame(1, 10)));
  EXPECT_EQ(headers(output(session))[0].length, 10u);
}

TEST(Yamux, DataAfterFin) {
  Session session = listener();
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_syn | flag_fin)));
  ASSERT_TRUE(feed(session, data_frame(1, 0)));  // nothing is no data
  expect_failed(session, feed(session, data_frame(1, 1)));
}

TEST(Yamux, SynWithAnIdOfOurs) {
  Session session = listener();
  expect_failed(session, feed(session, update_frame(2, 0, flag_syn)));
}

TEST(Yamux, SynTwice) {
  Session session = listener();
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_syn)));
  expect_failed(session, feed(session, update_frame(1, 0, flag_syn)));
}

TEST(Yamux, AcknowledgementBacklog) {
  Session session{Config{}};
  for (int i = 0; i < 256; ++i) ASSERT_TRUE(session.open(start));
  EXPECT_EQ(session.open(start).error().code, ErrorCode::limit);
  output(session);
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_ack)));
  EXPECT_EQ(events(session)[0].kind, Kind::can_open);
  EXPECT_TRUE(session.open(start));
  EXPECT_FALSE(session.open(start));
  session.reset(3);
  EXPECT_EQ(events(session)[0].kind, Kind::can_open);
  EXPECT_TRUE(session.open(start));
}

// ---- life of a stream ----

TEST(Yamux, AbandonedAfterFinishStillDelivers) {
  Session session = listener();
  ASSERT_TRUE(feed(session, update_frame(1, 0, flag_syn)));
  session.write(1, pattern(window + 10));
  session.finish(1);
  session.release(1);
  output(session);
  ASSERT_TRUE(feed(session, data_frame(1, window)));  // dropped, and credit given back so that the peer gets on
  const auto sent = headers(output(session));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].length, window);
  ASSERT_TRUE(feed(session, update_frame(1, 10)));
  EXPECT_TRUE(headers(output(session)).back().has(flag_fin));
  EXPECT_EQ(session.stream_count(), 0u);
  EXPECT_EQ(session.buffered_bytes(), 0u);
  // Who still writes then learns that nobody reads, once.
  ASSERT_TRUE(feed(session, data_frame(1, 5)));
  ASSERT_TRUE(feed(session, data_frame(1, 5)));
  const auto told = headers(output(session));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].has(flag_rst));
}

TEST(Yamux, ReleaseOfAnOpenStreamResets) {
  Session session = listener();
  ASSERT_TRUE(feed(session, data_frame(1, 100, flag_syn)));
  output(session);
  session.release(1);
  EXPECT_TRUE(headers(output(session))[0].has(flag_rst));
  EXPECT_EQ(session.buffered_bytes(), 0u);
}

TEST(Yamux, AStreamStaysUntilItsBytesAreConsumed) {
  Session session = listener();
  ASSERT_TRUE(feed(session, data_frame(1, 100, flag_syn | flag_fin)));
  session.finish(1);
  output(session);
  EXPECT_EQ(session.stream_count(), 1u);
  session.consume(1, 100, start);
  EXPECT_EQ(session.stream_count(), 0u);
}

TEST(Yamux, ByteByByte) {
  Session session = listener();
  Bytes wire = data_frame(1, 10, flag_syn);
  const Bytes more = data_frame(1, 5, flag_fin);
  wire.insert(wire.end(), more.begin(), more.end());
  for (const std::uint8_t byte : wire) ASSERT_TRUE(feed(session, {byte}));
  const auto got = events(session);
  std::size_t size = 0;
  for (const Event& event : got) size += event.data.size();
  EXPECT_EQ(size, 15u);
  EXPECT_EQ(got.back().kind, Kind::finished);
}

TEST(Yamux, TwoSessionsMoveMegabytesBothWays) {
  Session a{Config{}};
  Session b = listener();
  const StreamId id = *a.open(start);
  exchange(a, b);
  ASSERT_EQ(events(b)[0].kind, Kind::opened);
  constexpr std::size_t total = 4 << 20;
  a.write(id, pattern(total, 0, 1));
  b.write(id, pattern(total, 0, 2));
  a.finish(id);
  b.finish(id);
  Bytes at_a;
  Bytes at_b;
  for (int round = 0; round < 200 && (at_a.size() < total || at_b.size() < total); ++round) {
    exchange(a, b);
    for (auto [session, bytes] : {std::pair{&a, &at_a}, std::pair{&b, &at_b}}) {
      for (const Event& event : events(*session)) {
        bytes->insert(bytes->end(), event.data.view().begin(), event.data.view().end());
        if (!event.data.empty()) session->consume(id, event.data.size(), start);
      }
    }
  }
  EXPECT_TRUE(std::ranges::equal(at_b, pattern(total, 0, 1).view()));
  EXPECT_TRUE(std::ranges::equal(at_a, pattern(total, 0, 2).view()));
  exchange(a, b);
  EXPECT_EQ(a.stream_count() + b.stream_count(), 0u);
}

}  // namespace
}  // namespace myelin::libp2p::yamux
