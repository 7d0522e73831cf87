// The conformance suite of Stream: what every implementation must do, run over a pair of connected ones.
//
// Use: derive a StreamPairWorld, call run_stream_conformance(world) inside a test. Each check connects a fresh pair.
// Both streams of a pair are used by tasks that the world runs; they may live on two loops only if those are turns of
// one thread.
#pragma once

#include "base/bytes.hpp"
#include "io/scope.hpp"
#include "io/stream.hpp"
#include "io/sync.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <utility>

namespace myelin::io {

struct StreamPairWorld {
  virtual ~StreamPairWorld() = default;
  virtual Loop& loop() = 0;
  // Two streams, each the other's peer.
  virtual std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> connect() = 0;
  // Runs `task` to its end.
  virtual void run(Task<void> task) = 0;
  // More than an implementation may take of bytes that nobody reads, both ends together.
  virtual std::size_t buffered_bytes_bound() const { return std::size_t{32} * 1024 * 1024; }
  // Without progress for so long, a writer counts as stopped.
  virtual Duration quiet_time() const { return std::chrono::milliseconds(300); }
  // Whether the wire has a reset that a peer sees as link_lost.
  virtual bool peer_sees_reset() const { return true; }
};

namespace conformance {

// The bytes of one direction: a xorshift sequence, so that a lost, doubled or swapped byte shows.
class Pattern {
 public:
  explicit Pattern(std::uint64_t seed) : state_(seed * 2654435761U + 1) {}
  std::uint8_t next() {
    if (left_ == 0) {
      state_ ^= state_ << 13;
      state_ ^= state_ >> 7;
      state_ ^= state_ << 17;
      word_ = state_;
      left_ = 8;
    }
    --left_;
    const auto byte = static_cast<std::uint8_t>(word_);
    word_ >>= 8;
    return byte;
  }
  Buffer take(std::size_t size) {
    Buffer buffer = Buffer::allocate(size);
    for (std::uint8_t& byte : buffer.writable()) byte = next();
    return buffer;
  }
  // The offset of the first byte that differs, or the size.
  std::size_t match(View bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] != next()) return i;
    }
    return bytes.size();
  }

 private:
  std::uint64_t state_;
  std::uint64_t word_ = 0;
  int left_ = 0;
};

// Writes `total` bytes of the pattern in ropes of mixed sizes, then ends the half.
inline Task<void> send_pattern(Stream* stream, std::uint64_t seed, std::size_t total) {
  static constexpr std::size_t sizes[] = {1, 7, 1000, 16 * 1024, 65536, 3, 200'000};
  Pattern pattern(seed);
  std::size_t sent = 0;
  for (std::size_t i = 0; sent < total; ++i) {
    Rope rope;
    for (std::size_t piece = 0; piece < 1 + i % 3 && sent < total; ++piece) {
      const std::size_t size = std::min(sizes[(i + piece) % std::size(sizes)], total - sent);
      rope.append(pattern.take(size));
      sent += size;
    }
    const auto written = co_await stream->write(std::move(rope));
    EXPECT_TRUE(written) << to_string(written.error());
    if (!written) co_return;
  }
  const auto closed = co_await stream->close_write();
  EXPECT_TRUE(closed) << to_string(closed.error());
}

// Reads to the end and compares.
inline Task<void> expect_pattern(Stream* stream, std::uint64_t seed, std::size_t total) {
  static constexpr std::size_t maxima[] = {1, 100, 4096, 70'000, 1024 * 1024};
  Pattern pattern(seed);
  std::size_t got = 0;
  for (std::size_t i = 0;; ++i) {
    const std::size_t max = maxima[i % std::size(maxima)];
    const auto piece = co_await stream->read(max);
    EXPECT_TRUE(piece) << to_string(piece.error());
    if (!piece) co_return;
    EXPECT_LE(piece->size(), max);
    if (piece->empty()) break;
    const std::size_t same = pattern.match(piece->view());
    EXPECT_EQ(same, piece->size()) << "first wrong byte at offset " << got + same;
    if (same != piece->size()) co_return;
    got += piece->size();
  }
  EXPECT_EQ(got, total);
}

inline Task<void> expect_end(Stream* stream) {
  const auto piece = co_await stream->read(64);
  EXPECT_TRUE(piece) << to_string(piece.error());
  EXPECT_TRUE(piece && piece->empty()) << "bytes instead of the end";
}

inline Task<void> expect_text(Stream* stream, std::string text) {
  const auto got = co_await read_exactly(*stream, text.size());
  EXPECT_TRUE(got) << to_string(got.error());
  if (got) EXPECT_EQ(as_text(got->view()), text);
}

inline Task<void> send_text(Stream* stream, std::string text) {
  const auto written = co_await stream->write(Buffer::copy_of(text));
  EXPECT_TRUE(written) << to_string(written.error());
}

inline Task<void> close_both(Stream* a, Stream* b) {
  EXPECT_TRUE(co_await a->close_write());
  EXPECT_TRUE(co_await b->close_write());
  co_await expect_end(a);
  co_await expect_end(b);
}

inline Task<void> whole_both_ways(StreamPairWorld* world, Stream* a, Stream* b) {
  constexpr std::size_t total = std::size_t{3} * 1024 * 1024 + 17;
  Scope scope(world->loop());
  scope.spawn(send_pattern(a, 1, total));
  scope.spawn(send_pattern(b, 2, total));
  scope.spawn(expect_pattern(b, 1, total));
  scope.spawn(expect_pattern(a, 2, total));
  co_await scope.join();
}

inline Task<void> half_close(StreamPairWorld*, Stream* a, Stream* b) {
  co_await send_text(a, "question");
  EXPECT_TRUE(co_await a->close_write());
  EXPECT_TRUE(co_await a->close_write()) << "closing twice is fine";
  co_await expect_text(b, "question");
  co_await expect_end(b);
  co_await expect_end(b);
  co_await send_text(b, "answer");  // the other half lives on
  co_await send_text(b, ", and more");
  co_await expect_text(a, "answer, and more");
  EXPECT_TRUE(co_await b->close_write());
  co_await expect_end(a);
  co_await expect_end(a);
}

inline Task<void> empty_write(StreamPairWorld*, Stream* a, Stream* b) {
  EXPECT_TRUE(co_await a->write({}));
  co_await send_text(a, "x");
  co_await expect_text(b, "x");
  co_await close_both(a, b);
}

inline Task<void> many_small_writes(StreamPairWorld* world, Stream* a, Stream* b) {
  Scope scope(world->loop());
  scope.spawn(expect_pattern(b, 9, 3000));
  Pattern pattern(9);
  for (int i = 0; i < 3000; ++i) EXPECT_TRUE(co_await a->write(pattern.take(1)));
  EXPECT_TRUE(co_await a->close_write());
  co_await scope.join();
  EXPECT_TRUE(co_await b->close_write());
  co_await expect_end(a);
}

inline Task<void> read_once(Stream* stream, Result<Buffer>* result, bool* ended) {
  *result = co_await stream->read(1024);
  *ended = true;
}

// Writes until it fails; counts what was accepted.
inline Task<void> write_on(Stream* stream, std::size_t* written, Result<void>* result, bool* ended) {
  const Buffer piece = Buffer::copy_of(std::string(64 * 1024, 'w'));
  while (*result) {
    *result = co_await stream->write(piece);
    if (*result) *written += piece.size();
  }
  *ended = true;
}

// Until the writer has made no progress for a while, or is over `bound`.
inline Task<void> until_quiet(StreamPairWorld* world, const std::size_t* written, std::size_t bound) {
  std::size_t before = 0;
  do {
    before = *written;
    EXPECT_TRUE(co_await sleep_for(world->loop(), world->quiet_time()));
  } while (*written != before && *written < bound);
}

inline Task<void> reset_ends_pending(StreamPairWorld* world, Stream* a, Stream* b) {
  Result<Buffer> read_a;
  Result<Buffer> read_b;
  Result<void> write_a;
  std::size_t written = 0;
  bool read_a_ended = false;
  bool read_b_ended = false;
  bool write_a_ended = false;
  Scope scope(world->loop());
  scope.spawn(read_once(a, &read_a, &read_a_ended));
  scope.spawn(write_on(a, &written, &write_a, &write_a_ended));
  co_await until_quiet(world, &written, world->buffered_bytes_bound());
  EXPECT_FALSE(read_a_ended);
  EXPECT_FALSE(write_a_ended);
  a->reset();
  a->reset();
  co_await scope.join();
  EXPECT_FALSE(read_a);
  if (!read_a) EXPECT_EQ(read_a.error().code, ErrorCode::cancelled);
  EXPECT_EQ(write_a.error().code, ErrorCode::cancelled);
  const auto again = co_await a->read(1);
  EXPECT_TRUE(!again && again.error().code == ErrorCode::cancelled) << "after reset() reads fail";
  const auto more = co_await a->write(Buffer::copy_of("x"));
  EXPECT_TRUE(!more && more.error().code == ErrorCode::cancelled) << "after reset() writes fail";
  // The peer may get bytes that came before the reset, but never a good end.
  if (world->peer_sees_reset()) {
    do {
      read_b_ended = false;
      co_await read_once(b, &read_b, &read_b_ended);
    } while (read_b && !read_b->empty());
    EXPECT_FALSE(read_b) << "a reset looks like an end";
    if (!read_b) EXPECT_EQ(read_b.error().code, ErrorCode::link_lost);
  }
  b->reset();
}

inline Task<void> reset_by_peer_ends_pending(StreamPairWorld* world, Stream* a, Stream* b) {
  if (!world->peer_sees_reset()) {
    a->reset();
    b->reset();
    co_return;
  }
  Result<Buffer> read_b;
  Result<void> write_b;
  std::size_t written = 0;
  bool read_ended = false;
  bool write_ended = false;
  Scope scope(world->loop());
  scope.spawn(read_once(b, &read_b, &read_ended));
  scope.spawn(write_on(b, &written, &write_b, &write_ended));
  co_await until_quiet(world, &written, world->buffered_bytes_bound());
  EXPECT_FALSE(read_ended || write_ended);
  a->reset();
  co_await scope.join();
  EXPECT_TRUE(!read_b && read_b.error().code == ErrorCode::link_lost);
  EXPECT_TRUE(!write_b && write_b.error().code == ErrorCode::link_lost);
  const auto again = co_await b->read(1);
  EXPECT_TRUE(!again && again.error().code == ErrorCode::link_lost) << "a broken link stays broken";
}

inline Task<void> drain(Stream* stream, std::size_t size) {
  std::size_t got = 0;
  while (got < size) {
    const auto piece = co_await stream->read(64 * 1024);
    EXPECT_TRUE(piece && !piece->empty());
    if (!piece || piece->empty()) co_return;
    got += piece->size();
  }
  EXPECT_GE(got, size);
}

inline Task<void> back_pressure(StreamPairWorld* world, Stream* a, Stream* b) {
  const std::size_t bound = world->buffered_bytes_bound();
  Result<void> outcome;
  std::size_t written = 0;
  bool ended = false;
  Scope scope(world->loop());
  scope.spawn(write_on(a, &written, &outcome, &ended));
  co_await until_quiet(world, &written, bound);
  EXPECT_FALSE(ended) << to_string(outcome.error());
  EXPECT_GT(written, 0U);
  EXPECT_LT(written, bound) << "a peer that does not read must stop its writer";
  const std::size_t stopped_at = written;
  co_await drain(b, stopped_at);  // and reading lets it go on
  co_await until_quiet(world, &written, stopped_at + 1);
  EXPECT_GT(written, stopped_at);
  a->reset();
  co_await scope.join();
  b->reset();
}

inline Task<void> maximum_honoured(StreamPairWorld*, Stream* a, Stream* b) {
  co_await send_text(a, std::string(5000, 'm'));
  std::size_t got = 0;
  for (std::size_t max = 1; got < 5000; max = max * 2 + 1) {
    const auto piece = co_await b->read(max);
    EXPECT_TRUE(piece) << to_string(piece.error());
    if (!piece) co_return;
    EXPECT_GE(piece->size(), 1U);
    EXPECT_LE(piece->size(), max);
    got += piece->size();
  }
  EXPECT_EQ(got, 5000U);
  co_await close_both(a, b);
}

using Check = Task<void> (*)(StreamPairWorld*, Stream*, Stream*);

inline Task<void> run_check(Check check, StreamPairWorld* world, Stream* a, Stream* b, bool* ended) {
  co_await check(world, a, b);
  *ended = true;
}

// One end closes at once after its last byte and goes away; nothing is lost.
inline void closed_and_dropped(StreamPairWorld& world) {
  auto [a, b] = world.connect();
  bool ended = false;
  const Check close_early = [](StreamPairWorld*, Stream* left, Stream* right) -> Task<void> {
    EXPECT_TRUE(co_await right->close_write());
    co_await expect_end(left);
    co_await send_text(left, std::string(20'000, 'c'));
    EXPECT_TRUE(co_await left->close_write());
  };
  world.run(run_check(close_early, &world, a.get(), b.get(), &ended));
  EXPECT_TRUE(ended);
  a.reset();
  ended = false;
  const Check read_late = [](StreamPairWorld*, Stream*, Stream* right) -> Task<void> {
    co_await expect_text(right, std::string(20'000, 'c'));
    co_await expect_end(right);
  };
  world.run(run_check(read_late, &world, nullptr, b.get(), &ended));
  EXPECT_TRUE(ended);
}

// A stream that is dropped without having been closed is reset.
inline void dropped_is_reset(StreamPairWorld& world) {
  if (!world.peer_sees_reset()) return;
  auto [a, b] = world.connect();
  bool ended = false;
  a.reset();
  const Check sees_reset = [](StreamPairWorld*, Stream*, Stream* right) -> Task<void> {
    const auto piece = co_await right->read(10);
    EXPECT_FALSE(piece) << "a dropped stream looks like an end";
    if (!piece) EXPECT_EQ(piece.error().code, ErrorCode::link_lost);
  };
  world.run(run_check(sees_reset, &world, nullptr, b.get(), &ended));
  EXPECT_TRUE(ended);
}

}  // namespace conformance

inline void run_stream_conformance(StreamPairWorld& world) {
  using namespace conformance;
  const std::pair<const char*, Check> checks[] = {
      {"whole both ways at once", whole_both_ways},
      {"half-close, the end is told once and stays", half_close},
      {"an empty write", empty_write},
      {"many small writes", many_small_writes},
      {"reset ends pending operations", reset_ends_pending},
      {"the peer's reset ends pending operations", reset_by_peer_ends_pending},
      {"back-pressure", back_pressure},
      {"the maximum is honoured", maximum_honoured},
  };
  for (const auto& [name, check] : checks) {
    SCOPED_TRACE(name);
    for (const bool swapped : {false, true}) {
      auto [a, b] = world.connect();
      ASSERT_TRUE(a && b) << "no connection";
      if (swapped) std::swap(a, b);
      bool ended = false;
      world.run(run_check(check, &world, a.get(), b.get(), &ended));
      ASSERT_TRUE(ended) << "the check did not end";
    }
  }
  SCOPED_TRACE("closed and dropped");
  closed_and_dropped(world);
  SCOPED_TRACE("dropped is reset");
  dropped_is_reset(world);
}

}  // namespace myelin::io
