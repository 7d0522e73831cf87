// The examples, each run by the real engine.
#include "base/varint.hpp"
#include "wasm/guest_testing.hpp"

namespace myelin::wasm::testing {
namespace {

using State = Run::State;

TEST(EchoGuest, GivesBackWhatItGets) {
  Guest guest("echo");
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
  ASSERT_EQ(guest.call("echo", all_bytes).state, State::finished);
  EXPECT_EQ(guest.out(), all_bytes);
  ASSERT_EQ(guest.call("echo", "").state, State::finished);
  EXPECT_EQ(guest.out(), "");
  ASSERT_EQ(guest.call("shout", "hello, World 1z{\xc3\xa4").state, State::finished);
  EXPECT_EQ(guest.out(), "HELLO, WORLD 1Z{\xc3\xa4");
}

TEST(EchoGuest, StreamsPieceByPiece) {
  Guest guest("echo");
  guest.bind_stdio();
  guest.begin("echo");
  std::string sent;
  for (const std::string_view piece : {"first ", "second ", "third"}) {
    ASSERT_EQ(guest.settle().state, State::waiting);
    EXPECT_EQ(guest.out(), sent);
    guest.tapes[0]->feed(guest.loop(), piece);
    sent += piece;
  }
  ASSERT_EQ(guest.settle().state, State::waiting);
  EXPECT_EQ(guest.out(), sent);
  guest.tapes[0]->input_ended = true;
  ASSERT_EQ(guest.settle().state, State::finished);
}

TEST(EchoGuest, WaitsForAReaderThatIsBehind) {
  Guest guest("echo");
  guest.bind_stdio();
  guest.tapes[0]->input.assign(200'000, 'x');
  guest.tapes[0]->input_ended = true;
  guest.tapes[1]->room = 1000;
  guest.begin("echo");
  ASSERT_EQ(guest.settle().state, State::waiting);
  EXPECT_EQ(guest.out().size(), 1000u);
  EXPECT_GT(guest.tapes[0]->input.size(), 100'000u) << "it does not take what it cannot give on";
  guest.tapes[1]->room = SIZE_MAX;
  guest.tapes[1]->tell(guest.loop());
  ASSERT_EQ(guest.finish().state, State::finished);
  EXPECT_EQ(guest.out().size(), 200'000u);
}

TEST(EchoGuest, EndsWhenTheCallerLeaves) {
  Guest guest("echo");
  guest.bind_stdio();
  guest.begin("echo");
  ASSERT_EQ(guest.settle().state, State::waiting);
  guest.tapes[0]->input_error = wasi::Errno::canceled;
  guest.tapes[0]->tell(guest.loop());
  ASSERT_EQ(guest.finish().state, State::finished);
}

class Information final : public ProcessCalls {
 public:
  std::int32_t message_info(Memory memory, std::uint32_t buffer, std::uint32_t capacity) override {
    Bytes record(32);
    record[4] = 1;
    for (const std::string_view field :
         {"ww/0.1.0", "12D3node", "3xRbpid", "name", "whoami", "/ww/0.1.0/x/y/whoami", "token", "id", ""}) {
      put_varint(record, field.size());
      record.insert(record.end(), field.begin(), field.end());
    }
    record[0] = static_cast<std::uint8_t>(record.size());
    const auto into = memory.range(buffer, static_cast<std::uint32_t>(record.size()));
    if (into && record.size() <= capacity) std::ranges::copy(record, into->begin());
    return static_cast<std::int32_t>(record.size());
  }
};

TEST(EchoGuest, KnowsWhoCalls) {
  Information information;
  Guest guest("echo", {}, &information);
  ASSERT_EQ(guest.call("whoami").state, State::finished);
  EXPECT_EQ(guest.out(),
            "caller: token\nprotocol: ww/0.1.0\nnode: 12D3node\npid: 3xRbpid\nmethod: whoami\n"
            "path: /ww/0.1.0/x/y/whoami\n");
}

TEST(CounterGuest, CountsFromCallToCall) {
  Guest guest("counter");
  const auto answer = [&](const char* method) {
    EXPECT_EQ(guest.call(method).state, State::finished);
    return guest.out();
  };
  EXPECT_EQ(answer("get"), "0\n");
  EXPECT_EQ(answer("increment"), "1\n");
  EXPECT_EQ(answer("increment"), "2\n");
  EXPECT_EQ(answer("get"), "2\n");
  Guest other("counter");
  EXPECT_EQ(other.call("get").state, State::finished);
  EXPECT_EQ(other.out(), "0\n") << "each process has its own memory";
  EXPECT_EQ(answer("reset"), "0\n");
  EXPECT_EQ(answer("increment"), "1\n");
}

// The first two from FIPS 180-2, appendix B; then lengths about the padding's edges, by coreutils' sha256sum.
TEST(HashGuest, IsSha256) {
  Guest guest("hash");
  const auto hash = [&](std::string input) {
    EXPECT_EQ(guest.call("sha256", std::move(input)).state, State::finished);
    return guest.out();
  };
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n");
  EXPECT_EQ(hash(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0\n");
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n");
  EXPECT_EQ(hash(std::string(55, 'x')), "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072\n");
  EXPECT_EQ(hash(std::string(56, 'x')), "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e\n");
  EXPECT_EQ(hash(std::string(63, 'x')), "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2\n");
  EXPECT_EQ(hash(std::string(64, 'x')), "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c\n");
  EXPECT_EQ(hash(std::string(65, 'x')), "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9\n");
  EXPECT_EQ(hash(std::string(119, 'x')), "000b48d4edf0fa7bee3c6236ecd2785baa5db4eeb8bb54341b029e0d9fa5fb0c\n");
  EXPECT_EQ(hash(std::string(120, 'x')), "13f05a0b594787f5ecd315edc96141bd3243203d1b7d4f0836f37308b276ba98\n");
}

TEST(HashGuest, HashesWhileTheMessageArrives) {
  Guest guest("hash");
  guest.bind_stdio();
  guest.begin("sha256");
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(guest.settle().state, State::waiting);
    EXPECT_TRUE(guest.tapes[0]->input.empty());
    guest.tapes[0]->feed(guest.loop(), std::string(1000, 'a'));
  }
  guest.tapes[0]->input_ended = true;
  ASSERT_EQ(guest.settle().state, State::finished);
  EXPECT_EQ(guest.out(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0\n");
}

TEST(HashGuest, IsTheSameUnderSmallSlices) {
  Guest guest("hash");
  ASSERT_EQ(guest.call("sha256", std::string(100'000, 'a'), 10'000).state, State::finished);
  EXPECT_GT(guest.slices, 50);
  const std::string sliced = guest.out();
  ASSERT_EQ(guest.call("sha256", std::string(100'000, 'a'), 1'000'000'000).state, State::finished);
  EXPECT_EQ(guest.slices, 0);
  EXPECT_EQ(guest.out(), sliced);
}

TEST(CrashGuest, TrapsSayWhy) {
  Guest trap("crash");
  auto run = trap.call("trap");
  EXPECT_EQ(run.state, State::trapped);
  EXPECT_NE(run.reason.find("unreachable"), std::string::npos) << run.reason;

  Guest divide("crash");
  run = divide.call("divide");
  EXPECT_EQ(run.state, State::trapped);
  EXPECT_NE(run.reason.find("divide by zero"), std::string::npos) << run.reason;
}

TEST(CrashGuest, AnExitCodeIsTheGuestsOwn) {
  Guest guest("crash");
  const auto run = guest.call("exit3");
  EXPECT_EQ(run.state, State::exited);
  EXPECT_EQ(run.exit_code, 3u);
}

TEST(CrashGuest, IsFineOtherwise) {
  Guest guest("crash");
  ASSERT_EQ(guest.call("ok").state, State::finished);
  EXPECT_EQ(guest.out(), "ok 1\n");
  ASSERT_EQ(guest.call("ok").state, State::finished);
  EXPECT_EQ(guest.out(), "ok 2\n");
}

TEST(SpinGuest, RunsOnlyInSlicesAndOthersGoOn) {
  Guest spinning("spin");
  Guest other("spin");
  spinning.bind_stdio();
  spinning.begin("spin");
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t before = spinning.instance().fuel_used();
    ASSERT_EQ(spinning.step(100'000).state, State::sliced);
    const std::uint64_t used = spinning.instance().fuel_used() - before;
    EXPECT_GT(used, 50'000u);
    EXPECT_LT(used, 200'000u);
    ASSERT_EQ(other.call("ok").state, State::finished);
    EXPECT_EQ(other.out(), "ok\n");
  }
}

TEST(WordcountGuest, CountsAsWcDoes) {
  Guest guest("wordcount");
  ASSERT_EQ(guest.call("count", "one two\nthree  four\n\n five").state, State::finished);
  EXPECT_EQ(guest.out(), "3 5 26\n");
  ASSERT_EQ(guest.call("count", "").state, State::finished);
  EXPECT_EQ(guest.out(), "0 0 0\n");
}

TEST(WordcountGuest, FindsTheMostFrequent) {
  Guest guest("wordcount");
  ASSERT_EQ(guest.call("top", "b a c a b a\n").state, State::finished);
  EXPECT_EQ(guest.out(), "3 a\n2 b\n1 c\n");
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "word" + std::to_string(i) + (i % 2 == 0 ? " " : "\n");
  ASSERT_EQ(guest.call("top", many + "word7", 100'000).state, State::finished);
  EXPECT_GT(guest.slices, 10);
  EXPECT_EQ(guest.out().substr(0, 16), "2 word7\n1 word0\n");
  EXPECT_EQ(std::ranges::count(guest.out(), '\n'), 10);
}

TEST(GreetGoGuest, Greets) {
  Guest guest("greet-go");
  ASSERT_EQ(guest.call("greet", "Ada\n").state, State::finished) << guest.err();
  EXPECT_EQ(guest.out(), "hello, Ada\n");
  ASSERT_EQ(guest.call("greet", "").state, State::finished) << guest.err();
  EXPECT_EQ(guest.out(), "hello, world\n");
}

TEST(GreetGoGuest, SortsUnderSmallSlices) {
  Guest guest("greet-go");
  std::string lines;
  for (int i = 999; i >= 100; --i) lines += std::to_string(i) + "\n";
  ASSERT_EQ(guest.call("sort", lines, 50'000).state, State::finished) << guest.err();
  EXPECT_GT(guest.slices, 10);
  EXPECT_EQ(guest.out().size(), lines.size());
  EXPECT_EQ(guest.out().substr(0, 12), "100\n101\n102\n");
}

TEST(GreetGoGuest, WaitsForItsInput) {
  Guest guest("greet-go");
  guest.bind_stdio();
  guest.begin("greet");
  ASSERT_EQ(guest.settle().state, State::waiting);
  guest.tapes[0]->feed(guest.loop(), "Gra");
  ASSERT_EQ(guest.settle().state, State::waiting);
  guest.tapes[0]->feed(guest.loop(), "ce");
  guest.tapes[0]->input_ended = true;
  ASSERT_EQ(guest.finish().state, State::finished) << guest.err();
  EXPECT_EQ(guest.out(), "hello, Grace\n");
}

TEST(GreetGoGuest, SleepsInVirtualTime) {
  Guest guest("greet-go");
  const Instant start = guest.loop().now();
  ASSERT_EQ(guest.call("later").state, State::finished) << guest.err();
  EXPECT_EQ(guest.out(), "slept true\n");
  EXPECT_GE(guest.waits, 1);
  EXPECT_GE(guest.loop().now() - start, std::chrono::milliseconds(50));
}

}  // namespace
}  // namespace myelin::wasm::testing
