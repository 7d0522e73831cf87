// WASI as C programs see it, through wasi-libc.
#include "wasm/guest_testing.hpp"

namespace myelin::wasm::testing {
namespace {

using namespace std::chrono_literals;
using wasi::Errno;
using State = Run::State;

TEST(WasiGuests, StdioReadsAndWritesLines) {
  Guest guest("wasi_stdio");
  ASSERT_EQ(guest.call("number_lines", "first\nsecond\nlast").state, State::finished);
  EXPECT_EQ(guest.out(), "1: first\n2: second\n3: last");
  ASSERT_EQ(guest.call("number_lines", "again\n").state, State::finished);
  EXPECT_EQ(guest.out(), "1: again\n");
}

TEST(WasiGuests, AReadSuspendsTheGuestUntilBytesCome) {
  Guest guest("wasi_stdio");
  guest.bind_stdio();
  guest.begin("read_once");
  ASSERT_EQ(guest.settle().state, State::waiting);
  guest.tapes[0]->feed(guest.loop(), "late");
  guest.turn();
  EXPECT_TRUE(guest.woken());
  ASSERT_EQ(guest.settle().state, State::finished);
  EXPECT_EQ(guest.out(), "4 OK late\n");
}

TEST(WasiGuests, ErrorsArriveAsErrno) {
  Guest guest("wasi_stdio");
  guest.bind_stdio();
  guest.tapes[0]->input_error = Errno::canceled;
  guest.begin("read_once");
  ASSERT_EQ(guest.finish().state, State::finished);
  EXPECT_EQ(guest.out(), "-1 ECANCELED \n");

  guest.bind_stdio();
  guest.tapes[1]->output_error = Errno::pipe;
  guest.begin("write_once");
  ASSERT_EQ(guest.finish().state, State::finished);
  EXPECT_EQ(guest.err(), "-1 EPIPE\n");
}

TEST(WasiGuests, ANonblockingReadIsEagain) {
  Guest guest("wasi_stdio");
  guest.bind_stdio();
  guest.begin("read_nonblocking");
  ASSERT_EQ(guest.finish().state, State::finished);
  EXPECT_EQ(guest.out(), "-1 EAGAIN \n");
  EXPECT_EQ(guest.waits, 0);
}

TEST(WasiGuests, AWriteIsPartialThenWaitsForRoom) {
  Guest guest("wasi_stdio");
  guest.bind_stdio();
  guest.tapes[1]->room = 4;
  guest.begin("write_once");
  ASSERT_EQ(guest.finish().state, State::finished);
  EXPECT_EQ(guest.err(), "4 OK\n");

  guest.bind_stdio();
  guest.tapes[1]->room = 0;
  guest.begin("write_once");
  ASSERT_EQ(guest.settle().state, State::waiting);
  guest.tapes[1]->room = 100;
  guest.tapes[1]->tell(guest.loop());
  ASSERT_EQ(guest.finish().state, State::finished);
  EXPECT_EQ(guest.err(), "10 OK\n");
  EXPECT_EQ(guest.out(), "0123456789");
}

TEST(WasiGuests, WritevGathers) {
  Guest guest("wasi_stdio");
  ASSERT_EQ(guest.call("gather").state, State::finished);
  EXPECT_EQ(guest.out(), "one two\n");
  EXPECT_EQ(guest.err(), "8\n");
}

TEST(WasiGuests, AProgramFindsAStreamAndNoFiles) {
  Guest guest("wasi_stdio");
  ASSERT_EQ(guest.call("ask").state, State::finished);
  // Older C libraries call a path without a preopened directory not capable, newer ones not found.
  std::string out = guest.out();
  const auto at = out.find("ENOTCAPABLE");
  if (at != std::string::npos) out.replace(at, 11, "ENOENT");
  EXPECT_EQ(out, "stat 0 socket\ntty 0\nseek -1 ESPIPE\nopen -1 ENOENT\nwrite -1 EBADF\n");
}

TEST(WasiGuests, StdoutCanBeClosed) {
  Guest guest("wasi_stdio");
  ASSERT_EQ(guest.call("close_stdout").state, State::finished);
  EXPECT_EQ(guest.err(), "-1 EBADF\n");
  EXPECT_TRUE(guest.tapes[1]->closed);
}

TEST(WasiGuests, ClocksAreTheLoops) {
  Guest guest("wasi_time");
  ASSERT_EQ(guest.call("clocks").state, State::finished);
  const std::uint64_t wall_us = static_cast<std::uint64_t>(guest.loop().wall().time_since_epoch().count()) / 1000;
  EXPECT_EQ(guest.out(), "resolution 1000\nrealtime " + std::to_string(wall_us) + "000\nmonotonic 1\n");
}

TEST(WasiGuests, NanosleepTakesVirtualTimeAndSuspends) {
  Guest guest("wasi_time");
  const Instant start = guest.loop().now();
  ASSERT_EQ(guest.call("sleeps").state, State::finished);
  EXPECT_EQ(guest.waits, 1);
  const Duration slept = guest.loop().now() - start;
  EXPECT_GE(slept, 25ms);
  EXPECT_LT(slept, 26ms);
  EXPECT_EQ(guest.out(), "0 25000000\n");
}

TEST(WasiGuests, PollWaitsForInputOrTime) {
  Guest guest("wasi_time");
  guest.bind_stdio();
  guest.begin("polls");
  ASSERT_EQ(guest.finish().state, State::finished);
  EXPECT_EQ(guest.out(), "0 100 ms\nbad number: nval\n");

  guest.bind_stdio();
  guest.begin("polls");
  ASSERT_EQ(guest.settle().state, State::waiting);
  guest.tapes[0]->feed(guest.loop(), "x");
  ASSERT_EQ(guest.finish().state, State::finished);
  EXPECT_EQ(guest.out(), "1 in 0 ms\nbad number: nval\n");

  ASSERT_EQ(guest.call("polls").state, State::finished);  // at the end of its input
  EXPECT_EQ(guest.out(), "1 in hup 0 ms\nbad number: nval\n");
}

TEST(WasiGuests, EntropyAndYield) {
  Guest guest("wasi_time");
  ASSERT_EQ(guest.call("entropy").state, State::finished);
  EXPECT_EQ(guest.out(), "random\n");
  ASSERT_EQ(guest.call("yields").state, State::finished);
  EXPECT_EQ(guest.out(), "0\n");
  EXPECT_EQ(guest.waits, 3);
}

TEST(WasiGuests, HostCallsFitOnWhatIsLeftOfTheStack) {
  Guest guest("wasi_deep", {.arguments = {"deep"}, .environment = {{"KEY", "value"}}});
  const auto run = guest.call("recurse", std::string(1'000'000, 'x'));
  EXPECT_EQ(run.state, State::trapped);
  EXPECT_NE(run.reason.find("stack"), std::string::npos) << run.reason;
  EXPECT_GT(guest.out().size(), 1000u) << "it went deep";
  EXPECT_GE(guest.waits, 4) << "and was suspended on the way";
}

TEST(WasiGuests, ACommandGetsArgumentsAndEnvironmentAndGivesItsExitCode) {
  Guest guest("wasi_arguments_command", {.arguments = {"name", "", "two words"}, .environment = {{"KEY", "v=1"}}});
  const auto run = guest.call("_start");
  EXPECT_EQ(run.state, State::exited);
  EXPECT_EQ(run.exit_code, 3u);
  EXPECT_EQ(guest.out(), "[name]\n[]\n[two words]\nKEY=v=1\n");
}

TEST(WasiGuests, ACommandThatReturnsZeroExitsOrFinishes) {
  Guest guest("wasi_arguments_command", {});
  const auto run = guest.call("_start");
  EXPECT_TRUE(run.state == State::finished || (run.state == State::exited && run.exit_code == 0));
  EXPECT_EQ(guest.out(), "KEY=(none)\n");
}

}  // namespace
}  // namespace myelin::wasm::testing
