#include "wasm/wasi_testing.hpp"

namespace myelin::wasm::wasi::testing {
namespace {

constexpr std::uint64_t nonblock = 4;

class WasiIo : public WasiTest {
 protected:
  // iovecs at 64, the count at 32.
  HostResult read(std::uint32_t count = 1) { return start("fd_read", {0, 64, count, 32}); }
  HostResult write(std::uint32_t count = 1) { return start("fd_write", {1, 64, count, 32}); }
};

TEST_F(WasiIo, ReadFillsThePiecesInOrder) {
  tapes[0]->input = "hello world";
  put_iovecs(64, {{1000, 3}, {2000, 0}, {3000, 4}, {4000, 100}});
  ASSERT_EQ(read(4), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  EXPECT_EQ(u32(32), 11u);
  EXPECT_EQ(text(1000, 3), "hel");
  EXPECT_EQ(text(3000, 4), "lo w");
  EXPECT_EQ(text(4000, 4), "orld");
}

TEST_F(WasiIo, ReadTakesWhatIsThereAndDoesNotWaitForMore) {
  tapes[0]->input = "abc";
  put_iovecs(64, {{1000, 2}, {2000, 2}});
  ASSERT_EQ(read(2), HostResult::done);
  EXPECT_EQ(u32(32), 3u);
  tapes[0]->input = "ab";  // exactly one piece: the second look finds nothing, which is no error
  ASSERT_EQ(read(2), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  EXPECT_EQ(u32(32), 2u);
}

TEST_F(WasiIo, TheEndIsZeroBytes) {
  tapes[0]->input_ended = true;
  put_u32(32, 99);
  put_iovecs(64, {{1000, 10}});
  ASSERT_EQ(read(), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  EXPECT_EQ(u32(32), 0u);
}

TEST_F(WasiIo, ReadWaitsAndIsWokenOnce) {
  put_iovecs(64, {{1000, 10}});
  ASSERT_EQ(read(), HostResult::pending);
  EXPECT_EQ(loop.turn(), 0);
  tapes[0]->feed(loop, "x");
  EXPECT_EQ(wakes, 0) << "never inside the call that makes it ready";
  loop.turn();
  EXPECT_EQ(wakes, 1);
  ASSERT_EQ(poll(), HostResult::done);
  EXPECT_EQ(u32(32), 1u);
  tapes[0]->feed(loop, "y");
  loop.turn();
  EXPECT_EQ(wakes, 1);
}

TEST_F(WasiIo, APollThatComesTooEarlyWaitsOn) {
  put_iovecs(64, {{1000, 10}});
  ASSERT_EQ(read(), HostResult::pending);
  ASSERT_EQ(poll(), HostResult::pending);
  tapes[0]->input_ended = true;
  tapes[0]->tell(loop);
  loop.turn();
  EXPECT_EQ(wakes, 1);
  ASSERT_EQ(poll(), HostResult::done);
  EXPECT_EQ(u32(32), 0u);
}

TEST_F(WasiIo, ErrorsOfTheDescriptorAreTheGuests) {
  put_iovecs(64, {{1000, 4}});
  tapes[0]->input_error = Errno::canceled;
  ASSERT_EQ(read(), HostResult::done);
  EXPECT_EQ(code(), Errno::canceled);
  tapes[1]->output_error = Errno::pipe;
  ASSERT_EQ(write(), HostResult::done);
  EXPECT_EQ(code(), Errno::pipe);
}

TEST_F(WasiIo, AnErrorAfterSomeBytesComesWithTheNextCall) {
  tapes[0]->input = "ab";
  tapes[0]->input_error = Errno::canceled;
  put_iovecs(64, {{1000, 2}, {2000, 2}});
  ASSERT_EQ(read(2), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  EXPECT_EQ(u32(32), 2u);
  ASSERT_EQ(read(2), HostResult::done);
  EXPECT_EQ(code(), Errno::canceled);
}

TEST_F(WasiIo, WriteGathersThePieces) {
  put_text(1000, "hello");
  put_text(2000, " world");
  put_iovecs(64, {{1000, 5}, {1, 0}, {2000, 6}});
  ASSERT_EQ(write(3), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  EXPECT_EQ(u32(32), 11u);
  EXPECT_EQ(tapes[1]->output, "hello world");
}

TEST_F(WasiIo, WriteIsPartialWhenRoomIsShortAndThenWaits) {
  tapes[1]->room = 3;
  put_text(1000, "hello");
  put_iovecs(64, {{1000, 5}, {1000, 5}});
  ASSERT_EQ(write(2), HostResult::done);
  EXPECT_EQ(u32(32), 3u);
  ASSERT_EQ(write(2), HostResult::pending);
  tapes[1]->room = 100;
  tapes[1]->tell(loop);
  loop.turn();
  EXPECT_EQ(wakes, 1);
  ASSERT_EQ(poll(), HostResult::done);
  EXPECT_EQ(u32(32), 10u);
  EXPECT_EQ(tapes[1]->output, "helhellohello");
}

TEST_F(WasiIo, NonblockingAnswersAgain) {
  ASSERT_EQ(call("fd_fdstat_set_flags", {0, nonblock}), Errno::success);
  ASSERT_EQ(call("fd_fdstat_set_flags", {1, nonblock}), Errno::success);
  put_iovecs(64, {{1000, 10}});
  ASSERT_EQ(read(), HostResult::done);
  EXPECT_EQ(code(), Errno::again);
  tapes[1]->room = 0;
  ASSERT_EQ(write(), HostResult::done);
  EXPECT_EQ(code(), Errno::again);
  ASSERT_EQ(call("fd_fdstat_set_flags", {0, 0}), Errno::success);
  EXPECT_EQ(read(), HostResult::pending);
}

TEST_F(WasiIo, NothingToMoveIsDoneAtOnce) {
  tapes[1]->output_error = Errno::pipe;
  ASSERT_EQ(read(0), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  put_iovecs(64, {{1000, 0}, {memory_size, 0}});
  ASSERT_EQ(read(2), HostResult::done);
  EXPECT_EQ(u32(32), 0u);
  EXPECT_EQ(tapes[0]->reads, 0);
  ASSERT_EQ(write(2), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
}

TEST_F(WasiIo, OneCallMovesABoundedAmount) {
  tapes[0]->input.assign(1 << 20, 'x');
  for (std::uint32_t i = 0; i < 10; ++i) put_iovecs(64 + i * 8, {{1000, 100'000}});  // the same place ten times
  ASSERT_EQ(read(10), HostResult::done);
  EXPECT_EQ(u32(32), limits::pipe_bytes);
}

TEST_F(WasiIo, SumsBeyond32BitsAreSafe) {
  // Valid pieces whose lengths add up to more than 4 GiB cannot exist in little memory, but claims can.
  put_iovecs(64, {{0, 0xffff'ffff}, {0, 0xffff'ffff}});
  EXPECT_EQ(call("fd_read", {0, 64, 2, 32}), Errno::fault);
  put_iovecs(64, {{0xffff'fff0, 0x20}});
  EXPECT_EQ(call("fd_write", {1, 64, 1, 32}), Errno::fault);
}

TEST_F(WasiIo, AFaultConsumesNothing) {
  tapes[0]->input = "hello world";
  put_iovecs(64, {{1000, 4}, {memory_size - 3, 4}});
  EXPECT_EQ(call("fd_read", {0, 64, 2, 32}), Errno::fault);
  put_iovecs(64, {{1000, 4}, {2000, 4}});
  EXPECT_EQ(call("fd_read", {0, 64, 2, outside}), Errno::fault);
  EXPECT_EQ(call("fd_read", {0, memory_size - 15, 2, 32}), Errno::fault);
  EXPECT_EQ(call("fd_read", {0, 0xffff'fff8, 2, 32}), Errno::fault);
  EXPECT_EQ(tapes[0]->input, "hello world");
  EXPECT_EQ(tapes[0]->reads, 0);
  EXPECT_EQ(call("fd_write", {1, 64, 2, outside}), Errno::fault);
  EXPECT_EQ(tapes[1]->writes, 0);
}

TEST_F(WasiIo, TooManyPiecesAreInvalid) {
  EXPECT_EQ(call("fd_read", {0, 64, 1025, 32}), Errno::inval);
  EXPECT_EQ(call("fd_write", {1, 64, 0xffff'ffff, 32}), Errno::inval);
  tapes[0]->input = "x";
  EXPECT_EQ(call("fd_read", {0, 1000, 1024, 32}), Errno::success);  // all empty
}

TEST_F(WasiIo, AReadOverItsOwnPiecesStaysInMemory) {
  // The first piece is the array itself: what is read there claims a second piece far outside.
  put_iovecs(64, {{72, 8}, {1000, 8}});
  tapes[0]->input = std::string(8, '\xff') + "rest";
  ASSERT_EQ(read(2), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  EXPECT_EQ(u32(32), 8u);
  EXPECT_EQ(tapes[0]->input, "rest");
}

TEST_F(WasiIo, ClosedNumbersAreBad) {
  for (const std::uint64_t fd : {3ull, 64ull, 0xffff'ffffull}) {
    EXPECT_EQ(call("fd_read", {fd, 64, 1, 32}), Errno::badf);
    EXPECT_EQ(call("fd_write", {fd, 64, 1, 32}), Errno::badf);
    EXPECT_EQ(call("fd_pread", {fd, 64, 1, 0, 32}), Errno::badf);
    EXPECT_EQ(call("fd_pwrite", {fd, 64, 1, 0, 32}), Errno::badf);
  }
}

TEST_F(WasiIo, StreamsHaveNoOffsets) {
  tapes[0]->input = "x";
  put_iovecs(64, {{1000, 1}});
  EXPECT_EQ(call("fd_pread", {0, 64, 1, 0, 32}), Errno::spipe);
  EXPECT_EQ(call("fd_pwrite", {1, 64, 1, 0, 32}), Errno::spipe);
  EXPECT_EQ(tapes[0]->input, "x");
}

TEST_F(WasiIo, RightsThatWereGivenUpAreMissed) {
  constexpr std::uint64_t only_write = 1 << 6, only_read = 1 << 1;
  ASSERT_EQ(call("fd_fdstat_set_rights", {0, only_write, 0}), Errno::success);
  ASSERT_EQ(call("fd_fdstat_set_rights", {1, only_read, 0}), Errno::success);
  EXPECT_EQ(call("fd_read", {0, 64, 1, 32}), Errno::notcapable);
  EXPECT_EQ(call("fd_write", {1, 64, 1, 32}), Errno::notcapable);
}

TEST_F(WasiIo, AbandonedCallsWakeNobody) {
  put_iovecs(64, {{1000, 10}});
  ASSERT_EQ(read(), HostResult::pending);
  context->abandon();
  tapes[0]->feed(loop, "x");
  loop.turn();
  EXPECT_EQ(wakes, 0);
}

TEST_F(WasiIo, ACallbackOfAnAbandonedCallDoesNotWakeTheNextOne) {
  put_iovecs(64, {{1000, 10}});
  ASSERT_EQ(read(), HostResult::pending);
  context->abandon();
  tapes[1]->room = 0;
  ASSERT_EQ(write(), HostResult::pending);
  tapes[0]->feed(loop, "x");  // what the first call waited for
  EXPECT_EQ(loop.turn(), 1);
  EXPECT_EQ(wakes, 0);
  tapes[1]->room = 10;
  tapes[1]->tell(loop);
  loop.turn();
  EXPECT_EQ(wakes, 1);
}

TEST_F(WasiIo, CallbacksThatOutliveTheContextDoNothing) {
  put_iovecs(64, {{1000, 10}});
  ASSERT_EQ(read(), HostResult::pending);
  tapes[0]->feed(loop, "x");
  ASSERT_EQ(loop.posts(), 1u);
  context.reset();
  EXPECT_TRUE(tapes[0]->closed);
  EXPECT_EQ(loop.turn(), 1);
  EXPECT_EQ(wakes, 0);
}

TEST_F(WasiIo, WakingMayEndTheContext) {
  put_iovecs(64, {{1000, 10}});
  ASSERT_EQ(read(), HostResult::pending);
  context->want_wake([this] {
    ++wakes;
    context.reset();
  });
  tapes[0]->feed(loop, "x");
  loop.turn();
  EXPECT_EQ(wakes, 1);
  EXPECT_FALSE(context);
}

TEST_F(WasiIo, ABindWakesTheCallThatWaitsForTheOldOne) {
  put_iovecs(64, {{1000, 10}});
  ASSERT_EQ(read(), HostResult::pending);
  context->bind(0, null_descriptor());
  EXPECT_TRUE(tapes[0]->closed);
  loop.turn();
  EXPECT_EQ(wakes, 1);
  ASSERT_EQ(poll(), HostResult::done);
  EXPECT_EQ(code(), Errno::success);
  EXPECT_EQ(u32(32), 0u);
}

TEST(NullDescriptor, ReadsTheEndAndTakesEverything) {
  const auto null = null_descriptor();
  std::uint8_t bytes[4] = {};
  EXPECT_EQ(null->read(bytes).size, 0u);
  EXPECT_EQ(null->read(bytes).errno_code, Errno::success);
  EXPECT_EQ(null->write(View(bytes)).size, 4u);
  EXPECT_TRUE(null->readable());
  EXPECT_TRUE(null->writable());
  EXPECT_EQ(null->available(), 0u);
  EXPECT_EQ(null->file_type(), 2);
}

}  // namespace
}  // namespace myelin::wasm::wasi::testing
