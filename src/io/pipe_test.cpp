#include "io/pipe.hpp"

#include "base/limits.hpp"
#include "io/real.hpp"
#include "io/scope.hpp"
#include "io/stream_conformance_test.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace myelin::io {
namespace {

using conformance::Pattern;

const Error why_closed{ErrorCode::trapped, "the guest trapped"};

// Both ends on one loop, stepped by hand.
struct PipeTest : testing::Test {
  void make(std::size_t capacity) { std::tie(writer, reader) = make_pipe(*loop, *loop, capacity); }
  std::unique_ptr<RealLoop> loop = RealLoop::create();
  PipeWriter writer;
  PipeReader reader;
};

std::string read_text(PipeReader& reader, std::size_t max = 1 << 20) {
  auto piece = reader.try_read(max);
  if (!piece) return "error: " + std::string(name(piece.error().code));
  if (!*piece) return "nothing yet";
  return (*piece)->empty() ? "end" : to_text((*piece)->view());
}

TEST_F(PipeTest, CarriesBytesThenTheEnd) {
  make(100);
  EXPECT_EQ(read_text(reader), "nothing yet");
  EXPECT_FALSE(reader.ready());
  EXPECT_EQ(*writer.try_write(as_view("hello")), 5U);
  EXPECT_EQ(reader.available(), 5U);
  writer.close();
  writer.close();
  EXPECT_EQ(read_text(reader, 3), "hel");
  EXPECT_EQ(read_text(reader), "lo");
  EXPECT_EQ(read_text(reader), "end");
  EXPECT_EQ(read_text(reader), "end");
  EXPECT_TRUE(reader.ready());
}

TEST_F(PipeTest, CarriesBytesThenTheError) {
  make(100);
  EXPECT_EQ(*writer.try_write(as_view("partial")), 7U);
  writer.fail(why_closed);
  writer.close();  // the first end counts
  EXPECT_EQ(read_text(reader), "partial");
  EXPECT_EQ(read_text(reader), "error: trapped");
  EXPECT_EQ(reader.try_read(1).error(), why_closed);
}

TEST_F(PipeTest, TakesNoMoreThanTheCredit) {
  make(10);
  EXPECT_EQ(writer.credit(), 10U);
  EXPECT_EQ(*writer.try_write(as_view("0123456789abc")), 10U);
  EXPECT_EQ(writer.credit(), 0U);
  EXPECT_EQ(*writer.try_write(as_view("abc")), 0U);
  EXPECT_EQ(read_text(reader, 4), "0123");
  EXPECT_EQ(writer.credit(), 0U) << "credit comes back in batches";
  EXPECT_EQ(read_text(reader, 1), "4");
  EXPECT_EQ(writer.credit(), 5U);
  EXPECT_EQ(*writer.try_write(as_view("abcdefgh")), 5U);
  std::string all;
  while (reader.ready()) all += read_text(reader, 2);
  EXPECT_EQ(all, "56789abcde");
}

TEST_F(PipeTest, ACapacityOfOneStillFlows) {
  make(1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(*writer.try_write(as_view("ab")), 1U);
    EXPECT_EQ(read_text(reader), "a");
  }
}

TEST_F(PipeTest, ReadsIntoAGivenPlace) {
  make(100);
  std::array<std::uint8_t, 4> place{};
  auto count = reader.try_read_into(place);
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, std::nullopt);
  EXPECT_EQ(*writer.try_write(as_view("abcdef")), 6U);
  EXPECT_EQ(**reader.try_read_into(place), 4U);
  EXPECT_EQ(as_text(place), "abcd");
  EXPECT_EQ(**reader.try_read_into(place), 2U);
  writer.close();
  EXPECT_EQ(**reader.try_read_into(place), 0U);
  make(100);
  writer.fail(why_closed);
  EXPECT_EQ(reader.try_read_into(place).error(), why_closed);
}

TEST_F(PipeTest, TheWriterLearnsWhyTheReaderLeft) {
  make(100);
  EXPECT_EQ(*writer.try_write(as_view("lost")), 4U);
  EXPECT_FALSE(writer.reader_left());
  reader.leave(why_closed);
  reader.leave(Error{ErrorCode::io, "later"});
  EXPECT_EQ(writer.reader_left(), why_closed);
  EXPECT_EQ(writer.credit(), 0U);
  EXPECT_EQ(writer.try_write(as_view("x")).error(), why_closed);
  EXPECT_EQ(read_text(reader), "error: trapped");
  EXPECT_EQ(reader.available(), 0U);
}

TEST_F(PipeTest, DroppedEndsCountAsLeavingWithCancelled) {
  make(100);
  EXPECT_EQ(*writer.try_write(as_view("kept")), 4U);
  writer = {};
  EXPECT_EQ(read_text(reader), "kept");
  EXPECT_EQ(read_text(reader), "error: cancelled");
  make(100);
  reader = {};
  ASSERT_TRUE(writer.reader_left());
  EXPECT_EQ(writer.reader_left()->code, ErrorCode::cancelled);
  EXPECT_FALSE(reader);
  EXPECT_TRUE(writer);
}

TEST_F(PipeTest, AReaderThatSawTheEndDidNotLeave) {
  make(100);
  writer.close();
  EXPECT_EQ(read_text(reader), "end");
  reader = {};
  EXPECT_FALSE(writer.reader_left());
}

TEST_F(PipeTest, OnReadyRunsOnceAndLater) {
  make(4);
  int reads = 0;
  int writes = 0;
  reader.on_ready([&] { ++reads; });
  writer.on_ready([&] { ++writes; });
  EXPECT_EQ(writes, 0) << "ready already, but told in a later turn";
  loop->poll();
  EXPECT_EQ(writes, 1);
  EXPECT_EQ(reads, 0);
  EXPECT_EQ(*writer.try_write(as_view("abcd")), 4U);
  EXPECT_EQ(reads, 0);
  loop->poll();
  EXPECT_EQ(reads, 1);
  writer.on_ready([&] { writes += 10; });
  writer.on_ready([&] { writes += 100; });  // replaces the one before
  loop->poll();
  EXPECT_EQ(writes, 1) << "no credit yet";
  EXPECT_EQ(read_text(reader), "abcd");
  loop->poll();
  EXPECT_EQ(writes, 101);
  reader.on_ready([&] { ++reads; });
  writer.close();
  loop->poll();
  EXPECT_EQ(reads, 2) << "the end makes ready";
}

TEST_F(PipeTest, OnReadyIsNotToldWhatIsNoLongerTrue) {
  make(4);
  int reads = 0;
  reader.on_ready([&] { ++reads; });
  EXPECT_EQ(*writer.try_write(as_view("ab")), 2U);
  EXPECT_EQ(read_text(reader), "ab");
  loop->poll();
  EXPECT_EQ(reads, 0);
  EXPECT_EQ(*writer.try_write(as_view("cd")), 2U);
  loop->poll();
  EXPECT_EQ(reads, 1);
}

TEST_F(PipeTest, ADroppedEndIsNotToldAnything) {
  make(4);
  int calls = 0;
  reader.on_ready([&] { ++calls; });
  EXPECT_EQ(*writer.try_write(as_view("ab")), 2U);
  reader = {};
  loop->poll();
  EXPECT_EQ(calls, 0);
}

TEST_F(PipeTest, LargeBuffersAreHandedOverUncopied) {
  make(1 << 20);
  const Buffer payload = Buffer::copy_of(std::string(50'000, 'p'));
  struct Write {
    static Task<void> one(PipeWriter* w, Buffer b) { EXPECT_TRUE(co_await w->write(std::move(b))); }
  };
  loop->run_until_done(Write::one(&writer, payload));
  const auto piece = reader.try_read(1 << 20);
  ASSERT_TRUE(piece && *piece);
  EXPECT_EQ((*piece)->data(), payload.data());
}

Task<void> write_result(PipeWriter* writer, Rope rope, std::optional<Result<void>>* out) {
  *out = co_await writer->write(std::move(rope));
}

Task<void> read_result(PipeReader* reader, std::optional<Result<Buffer>>* out) { *out = co_await reader->read(100); }

TEST_F(PipeTest, AWaitingWriteEndsWhenTheReaderLeaves) {
  make(10);
  std::optional<Result<void>> written;
  Scope scope(*loop);
  scope.spawn(write_result(&writer, Buffer::copy_of(std::string(100, 'x')), &written));
  loop->poll();
  EXPECT_FALSE(written);
  EXPECT_EQ(reader.available(), 10U);
  reader.leave(why_closed);
  loop->poll();
  ASSERT_TRUE(written);
  EXPECT_EQ(written->error(), why_closed);
}

TEST_F(PipeTest, AWaitingWriteEndsWhenItsWriterIsDropped) {
  make(10);
  std::optional<Result<void>> written;
  Scope scope(*loop);
  scope.spawn(write_result(&writer, Buffer::copy_of(std::string(100, 'x')), &written));
  loop->poll();
  writer = {};
  loop->poll();
  ASSERT_TRUE(written);
  EXPECT_EQ(written->error().code, ErrorCode::cancelled);
}

TEST_F(PipeTest, AWaitingReadEndsWithBytesEndErrorOrLeave) {
  for (const std::string how : {"bytes", "end", "error", "leave", "drop"}) {
    make(10);
    std::optional<Result<Buffer>> got;
    Scope scope(*loop);
    scope.spawn(read_result(&reader, &got));
    loop->poll();
    EXPECT_FALSE(got) << how;
    if (how == "bytes") EXPECT_TRUE(writer.try_write(as_view("now")));
    if (how == "end") writer.close();
    if (how == "error") writer.fail(why_closed);
    if (how == "leave") reader.leave(why_closed);
    if (how == "drop") reader = {};
    loop->poll();
    ASSERT_TRUE(got) << how;
    if (how == "bytes") EXPECT_EQ(as_text((*got)->view()), "now");
    if (how == "end") EXPECT_TRUE((*got)->empty());
    if (how == "error" || how == "leave") EXPECT_EQ(got->error(), why_closed);
    if (how == "drop") EXPECT_EQ(got->error().code, ErrorCode::cancelled);
  }
}

TEST(PipeDeathTest, WritingAfterTheEndAborts) {
  const auto loop = RealLoop::create();
  auto [writer, reader] = make_pipe(*loop, *loop, 10);
  writer.close();
  EXPECT_DEATH(EXPECT_TRUE(writer.try_write(as_view("x"))), "after its end");
}

// --- between threads

Task<void> pour(Loop* loop, PipeWriter writer, std::uint64_t seed, std::size_t total) {
  Pattern pattern(seed);
  Pattern sizes(seed + 1000);
  std::size_t sent = 0;
  while (sent < total) {
    const std::size_t size = std::min<std::size_t>(1 + sizes.next() * (sizes.next() % 4 == 0 ? 700 : 3), total - sent);
    const Buffer piece = pattern.take(size);
    sent += size;
    if (size % 2 == 0) {
      EXPECT_TRUE(co_await writer.write(piece));
      continue;
    }
    for (View left = piece.view(); !left.empty();) {
      const auto taken = writer.try_write(left);
      EXPECT_TRUE(taken);
      if (!taken) co_return;
      left = left.subspan(*taken);
      if (*taken == 0) {
        Event ready(*loop);
        writer.on_ready([&ready] { ready.set(); });
        co_await ready.wait();
      }
    }
  }
  writer.close();
}

Task<void> drink(Loop* loop, PipeReader reader, std::uint64_t seed, std::size_t total, std::size_t capacity) {
  Pattern pattern(seed);
  std::size_t got = 0;
  std::array<std::uint8_t, 3000> place{};
  for (int i = 0;; ++i) {
    EXPECT_LE(reader.available(), capacity);
    Buffer piece;
    if (i % 3 == 0) {
      auto count = reader.try_read_into(place);
      EXPECT_TRUE(count);
      if (!count) co_return;
      if (!*count) {
        Event ready(*loop);
        reader.on_ready([&ready] { ready.set(); });
        co_await ready.wait();
        continue;
      }
      piece = Buffer::copy_of(View(place).first(**count));
    } else {
      auto read = co_await reader.read(1 + static_cast<std::size_t>(i) % 100'000);
      EXPECT_TRUE(read) << to_string(read.error());
      if (!read) co_return;
      piece = std::move(*read);
    }
    if (piece.empty()) break;
    EXPECT_EQ(pattern.match(piece.view()), piece.size()) << "at about " << got;
    got += piece.size();
  }
  EXPECT_EQ(got, total);
}

Task<void> both_of(Loop* loop, Task<void> a, Task<void> b) {
  Scope scope(*loop);
  scope.spawn(std::move(a));
  scope.spawn(std::move(b));
  co_await scope.join();
}

TEST(PipeAcrossThreads, StressBothWaysAtOnce) {
  for (const std::size_t capacity : {std::size_t{1000}, limits::pipe_bytes}) {
    const std::size_t total = capacity * 40 + 12345;
    const auto here = RealLoop::create();
    const auto there = RealLoop::create();
    auto out = make_pipe(*here, *there, capacity);
    auto back = make_pipe(*there, *here, capacity);
    std::thread other([&] {
      there->run_until_done(both_of(there.get(), drink(there.get(), std::move(out.second), 5, total, capacity),
                                    pour(there.get(), std::move(back.first), 6, total)));
    });
    here->run_until_done(both_of(here.get(), pour(here.get(), std::move(out.first), 5, total),
                                 drink(here.get(), std::move(back.second), 6, total, capacity)));
    other.join();
  }
}

Task<void> write_until_left(PipeWriter writer, Error* why) {
  Result<void> result;
  while (result) result = co_await writer.write(Buffer::copy_of(std::string(1000, 'x')));
  *why = result.error();
}

Task<void> read_some_and_leave(PipeReader reader, std::size_t size) {
  for (std::size_t got = 0; got < size;) {
    const auto piece = co_await reader.read(700);
    EXPECT_TRUE(piece && !piece->empty());
    if (!piece || piece->empty()) co_return;
    got += piece->size();
  }
  reader.leave(why_closed);
}

TEST(PipeAcrossThreads, LeavingIsToldToTheWriter) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}}) {
    const auto here = RealLoop::create();
    const auto there = RealLoop::create();
    auto [writer, reader] = make_pipe(*here, *there, 10'000);
    std::thread other(
        [&, r = std::move(reader)]() mutable { there->run_until_done(read_some_and_leave(std::move(r), size)); });
    Error why{};
    here->run_until_done(write_until_left(std::move(writer), &why));
    EXPECT_EQ(why, why_closed);
    other.join();
  }
}

Task<void> write_and_drop(PipeWriter writer) { EXPECT_TRUE(co_await writer.write(Buffer::copy_of("last words"))); }

Task<void> read_last_words(PipeReader reader, std::string* text, Result<Buffer>* end) {
  while (true) {
    auto piece = co_await reader.read(4);
    if (!piece || piece->empty()) {
      *end = std::move(piece);
      break;
    }
    *text += to_text(piece->view());
  }
}

TEST(PipeAcrossThreads, ADroppedWriterIsToldAfterItsBytes) {
  const auto here = RealLoop::create();
  const auto there = RealLoop::create();
  auto [writer, reader] = make_pipe(*here, *there, 10'000);
  std::thread other([&, w = std::move(writer)]() mutable { here->run_until_done(write_and_drop(std::move(w))); });
  std::string text;
  Result<Buffer> end;
  there->run_until_done(read_last_words(std::move(reader), &text, &end));
  other.join();
  EXPECT_EQ(text, "last words");
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace myelin::io
