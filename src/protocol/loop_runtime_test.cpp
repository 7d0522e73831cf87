#include "protocol/loop_runtime.hpp"

#include "io/real.hpp"
#include "io/simulated.hpp"
#include "protocol/core_testing.hpp"
#include "protocol/log_format.hpp"
#include "protocol/session_channel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace myelin::protocol::testing {
namespace {

using ::testing::ElementsAre;

// Answers each Note with a Note of the same number.
struct Answering {
  static std::unique_ptr<Scripted> make(unsigned& handled) {
    return std::make_unique<Scripted>(1, "notes", [&handled](Scripted& self, Context& ctx) {
      ctx.register_message_handler<Note>([&handled, &self](const Note& note, const Host& from) {
        ++handled;
        if (auto sent = self.ctx->send(note, from); !sent) EXPECT_EQ(sent.error().code, ErrorCode::offline);
      });
    });
  }
};
// Sends `count` Notes when its session is up, and counts what comes back.
class Asking final : public Protocol {
 public:
  Asking(Host to, unsigned count) : to_(std::move(to)), count_(count) {}
  ProtocolId id() const override { return 1; }
  std::string_view name() const override { return "notes"; }
  void start(Context& ctx) override {
    ctx_ = &ctx;
    ctx.register_message_handler<Note>(this, &Asking::on_note);
  }
  void init(Context& ctx) override { ctx.connect(to_); }
  void on_session_connected(const Host& host) override {
    for (unsigned i = 0; i < count_; ++i) {
      if (ctx_->send(Note{i}, host)) ++sent;
    }
    if (after_send) after_send();
  }
  void on_note(const Note&, const Host&) {
    if (++answers == count_ && when_done) when_done(*ctx_);
  }
  unsigned sent = 0, answers = 0;
  std::function<void()> after_send;
  std::function<void(Context&)> when_done;

 private:
  Host to_;
  unsigned count_;
  Context* ctx_ = nullptr;
};

struct LoopRuntimeTest : ::testing::Test {
  struct Side {
    io::Loop& loop;
    std::unique_ptr<LoopRuntime> runtime;
    std::optional<StopReason> ended{};
  };
  Side make(std::string name, const char* ip, std::uint16_t port = 5001, std::size_t capacity = 100'000) {
    io::Loop& loop = world->add_host(std::move(name), *io::IpAddress::parse(ip)).add_loop();
    ChannelOptions options;
    options.wire = Wire::w3;
    return {loop, std::make_unique<LoopRuntime>(
                      loop, CoreConfig{.mailbox_capacity = capacity},
                      std::make_unique<SessionChannel>(loop, Host{ip, port}, options, channel_log(nullptr)))};
  }
  void start(Side& side) {
    side.runtime->on_end = [&side](const StopReason& reason) { side.ended = reason; };
    bool done = false;
    side.loop.post([&] {
      const auto started = side.runtime->start();
      EXPECT_TRUE(started) << to_string(started.error());
      done = true;
    });
    EXPECT_TRUE(world->run_until([&done] { return done; }, seconds(1)));
  }
  bool ends(Side& side, Duration limit = seconds(60)) {
    return world->run_until([&side] { return side.ended.has_value(); }, limit);
  }
  void end(Side& side) {
    if (!side.ended) side.loop.post([&side] { side.runtime->cancel(); });
    EXPECT_TRUE(ends(side));
  }

  std::unique_ptr<io::SimulatedWorld> world = io::SimulatedWorld::create(7);
  Side a = make("a", "10.0.0.1"), b = make("b", "10.0.0.2");
  unsigned handled = 0;
};

TEST_F(LoopRuntimeTest, RunsAnExperimentOverTheWire) {
  ASSERT_TRUE(b.runtime->core().add(Answering::make(handled), {}));
  auto asking = std::make_unique<Asking>(Host{"10.0.0.2", 5001}, 1000);
  asking->when_done = [](Context& ctx) { ctx.stop_runtime("all answered"); };
  const Asking& counts = *asking;
  ASSERT_TRUE(a.runtime->core().add(std::move(asking), {}));
  start(b);
  start(a);
  ASSERT_TRUE(ends(a));
  EXPECT_EQ(a.ended->kind, StopReason::Kind::experiment);
  EXPECT_EQ(a.ended->detail, "all answered");
  EXPECT_EQ(counts.answers, 1000u);
  EXPECT_EQ(handled, 1000u);
  end(b);
  EXPECT_EQ(b.ended->kind, StopReason::Kind::cancelled);
}

TEST_F(LoopRuntimeTest, AGracefulEndWritesWhatIsQueued) {
  ASSERT_TRUE(b.runtime->core().add(Answering::make(handled), {}));
  auto asking = std::make_unique<Asking>(Host{"10.0.0.2", 5001}, 10'000);
  const Asking& counts = *asking;
  asking->after_send = [this] { a.runtime->shutdown(seconds(30)); };
  ASSERT_TRUE(a.runtime->core().add(std::move(asking), {}));
  start(b);
  start(a);
  ASSERT_TRUE(ends(a));
  EXPECT_EQ(a.ended->kind, StopReason::Kind::graceful);
  EXPECT_EQ(counts.sent, 10'000u);
  world->run_for(seconds(1));
  EXPECT_EQ(handled, 10'000u);
  end(b);
}

// What one read has brought is handled, up to a mailbox of it; what comes later is not.
TEST_F(LoopRuntimeTest, AGracefulEndHandlesWhatWasRead) {
  for (const std::size_t capacity : {8u, 1000u}) {
    SCOPED_TRACE(capacity);
    const std::string name = "b" + std::to_string(capacity);
    const std::string ip = "10.0.1." + std::to_string(capacity == 8 ? 1 : 2);
    Side server = make(name, ip.c_str(), 5001, capacity);
    Side client = make(name + "c", ("10.0.2." + std::to_string(capacity == 8 ? 1 : 2)).c_str());
    unsigned seen = 0;
    auto notes = std::make_unique<Scripted>(1, "notes", [&](Scripted& self, Context& ctx) {
      ctx.register_message_handler<Note>([&](const Note& note, const Host& from) {
        EXPECT_EQ(note.number, seen) << "in order";
        if (++seen == 3) server.runtime->shutdown(seconds(30));
        EXPECT_TRUE(self.ctx->send(note, from));
      });
    });
    ASSERT_TRUE(server.runtime->core().add(std::move(notes), {}));
    auto asking = std::make_unique<Asking>(Host{ip, 5001}, 200);
    const Asking& counts = *asking;
    ASSERT_TRUE(client.runtime->core().add(std::move(asking), {}));
    start(server);
    start(client);
    const Instant begin = server.loop.now();
    ASSERT_TRUE(ends(server));
    EXPECT_LT(server.loop.now() - begin, seconds(5)) << "nothing waits for the limit";
    EXPECT_EQ(server.ended->kind, StopReason::Kind::graceful);
    EXPECT_EQ(seen, std::min<std::size_t>(200, 3 + capacity));
    world->run_for(seconds(2));
    EXPECT_EQ(counts.answers, seen) << "and answered";
    end(client);
  }
}

// A session whose messages found no room is not forgotten when the mailbox drains.
TEST_F(LoopRuntimeTest, AGracefulEndHandlesWhatFoundNoRoom) {
  Side server = make("small", "10.0.1.1", 5001, 8);
  unsigned seen = 0;
  ASSERT_TRUE(server.runtime->core().add(std::make_unique<Scripted>(1, "notes",
                                                                    [&](Scripted&, Context& ctx) {
                                                                      ctx.register_message_handler<Note>(
                                                                          [&](const Note&, const Host&) { ++seen; });
                                                                    }),
                                         {}));
  ASSERT_TRUE(a.runtime->core().add(std::make_unique<Asking>(Host{"10.0.1.1", 5001}, 100), {}));
  start(server);
  server.loop.post([&] { EXPECT_TRUE(server.runtime->core().control("notes", RuntimeCore::Control::pause)); });
  start(a);
  world->run_for(seconds(1));
  EXPECT_EQ(seen, 0u);
  EXPECT_EQ(server.runtime->core().protocols()[0].queued, 8u);
  server.loop.post([&] {
    EXPECT_TRUE(server.runtime->core().control("notes", RuntimeCore::Control::resume));
    server.runtime->shutdown(seconds(30));
  });
  ASSERT_TRUE(ends(server));
  EXPECT_EQ(seen, 6u + 8u)
      << "what was queued behind the beginning and the session, and a mailbox of what had been read";
  end(a);
}

// A protocol that takes no turns holds nobody up.
TEST_F(LoopRuntimeTest, AGracefulEndDoesNotWaitForAPausedProtocol) {
  Side server = make("small", "10.0.1.1", 5001, 8);
  ASSERT_TRUE(server.runtime->core().add(Answering::make(handled), {}));
  ASSERT_TRUE(a.runtime->core().add(std::make_unique<Asking>(Host{"10.0.1.1", 5001}, 100), {}));
  start(server);
  server.loop.post([&] { EXPECT_TRUE(server.runtime->core().control("notes", RuntimeCore::Control::pause)); });
  start(a);
  world->run_for(seconds(1));
  const Instant begin = server.loop.now();
  server.loop.post([&] { server.runtime->shutdown(seconds(30)); });
  ASSERT_TRUE(ends(server));
  EXPECT_LT(server.loop.now() - begin, seconds(5));
  EXPECT_EQ(handled, 0u);
  end(a);
}

TEST_F(LoopRuntimeTest, AtTheLimitWhatIsLeftIsDropped) {
  // The mailbox never runs dry: each event brings the next.
  auto busy = std::make_unique<Scripted>(1, "busy", nullptr);
  Scripted& protocol = *busy;
  std::function<void()> again = [&] { protocol.ctx->defer(again); };
  busy->on_init = [&] { again(); };
  ASSERT_TRUE(a.runtime->core().add(std::move(busy), {}));
  start(a);
  const Instant before = a.loop.now();
  a.loop.post([this] { a.runtime->shutdown(Duration{0}); });
  ASSERT_TRUE(ends(a));
  EXPECT_EQ(a.ended->kind, StopReason::Kind::graceful);
  EXPECT_LT(a.loop.now() - before, seconds(1));
}

TEST_F(LoopRuntimeTest, CancelDropsTenThousandQueued) {
  auto asking = std::make_unique<Asking>(Host{"10.0.0.2", 5001}, 10'000);
  asking->after_send = [this] { a.runtime->cancel(); };
  ASSERT_TRUE(a.runtime->core().add(std::move(asking), {}));
  ASSERT_TRUE(b.runtime->core().add(Answering::make(handled), {}));
  start(b);
  start(a);
  ASSERT_TRUE(ends(a));
  EXPECT_EQ(a.ended->kind, StopReason::Kind::cancelled);
  world->run_for(seconds(1));
  EXPECT_LT(handled, 10'000u);
  end(b);
}

TEST_F(LoopRuntimeTest, CancelEndsAGracefulEnd) {
  ASSERT_TRUE(a.runtime->core().add(std::make_unique<Scripted>(1, "quiet", nullptr), {}));
  start(a);
  a.loop.post([this] {
    a.runtime->shutdown(seconds(30));
    a.runtime->cancel();
    a.runtime->cancel();
    a.runtime->shutdown(seconds(30));
  });
  ASSERT_TRUE(ends(a));
  EXPECT_EQ(a.ended->kind, StopReason::Kind::cancelled);
}

TEST_F(LoopRuntimeTest, EndsAtItsDeadline) {
  ASSERT_TRUE(a.runtime->core().add(std::make_unique<Scripted>(1, "quiet", nullptr), {}));
  start(a);
  const Instant before = a.loop.now();
  a.loop.post([this] { a.runtime->stop_after(seconds(5)); });
  ASSERT_TRUE(ends(a));
  EXPECT_EQ(a.ended->kind, StopReason::Kind::deadline);
  EXPECT_GE(a.loop.now() - before, seconds(5));
  EXPECT_LT(a.loop.now() - before, seconds(6));
}

TEST_F(LoopRuntimeTest, AnEscalatedCrashEndsIt) {
  auto broken = std::make_unique<Scripted>(1, "broken", nullptr);
  broken->on_init = [] { throw std::runtime_error("bug"); };
  ASSERT_TRUE(a.runtime->core().add(std::move(broken), {.on_crash = Supervision::OnCrash::escalate}));
  start(a);
  ASSERT_TRUE(ends(a));
  EXPECT_EQ(a.ended->kind, StopReason::Kind::failed);
  EXPECT_EQ(a.ended->detail, "broken: bug");
}

TEST_F(LoopRuntimeTest, AStartThatFailsEndsToo) {
  a.runtime->on_end = [this](const StopReason& reason) { a.ended = reason; };
  Result<void> started;
  a.loop.post([&] { started = a.runtime->start(); });
  ASSERT_TRUE(ends(a));
  EXPECT_EQ(started.error().code, ErrorCode::no_such_protocol);
  EXPECT_EQ(a.ended->kind, StopReason::Kind::failed);
}

TEST_F(LoopRuntimeTest, WaitGivesTheReason) {
  ASSERT_TRUE(a.runtime->core().add(std::make_unique<Scripted>(1, "quiet", nullptr), {}));
  std::optional<StopReason> waited;
  io::Scope scope(a.loop);
  start(a);
  scope.spawn([](LoopRuntime* runtime, std::optional<StopReason>* into) -> io::Task<void> {
    *into = co_await runtime->wait();
  }(a.runtime.get(), &waited));
  end(a);
  EXPECT_TRUE(world->run_until([&] { return scope.running() == 0; }, seconds(1)));
  EXPECT_EQ(waited->kind, StopReason::Kind::cancelled);
}

TEST_F(LoopRuntimeTest, TimersFollowTheLoop) {
  auto ticking = std::make_unique<Scripted>(1, "ticking", nullptr);
  Scripted& protocol = *ticking;
  std::vector<Duration> at;
  ticking->on_init = [&] {
    protocol.ctx->start_periodic_timer(milliseconds(10), milliseconds(20), [&] { at.push_back(protocol.ctx->now()); });
    protocol.ctx->start_timer(seconds(3), [&] { at.push_back(protocol.ctx->now()); });
    const TimerId id = protocol.ctx->start_timer(milliseconds(1), [] { FAIL(); });
    protocol.ctx->cancel_timer(id);
  };
  ASSERT_TRUE(a.runtime->core().add(std::move(ticking), {}));
  start(a);
  world->run_for(milliseconds(55));
  ASSERT_EQ(at.size(), 3u);
  EXPECT_EQ(at[1] - at[0], milliseconds(20));
  EXPECT_EQ(at[2] - at[1], milliseconds(20));
  end(a);
}

// One seed, one run.
TEST(LoopRuntimeWorld, TheSameSeedGivesTheSameTrace) {
  const auto run = [](std::uint64_t seed) {
    const auto world = io::SimulatedWorld::create(seed);
    world->set_default_link({.delay = milliseconds(2), .jitter = milliseconds(3)});
    unsigned handled = 0;
    std::vector<io::Loop*> loops;
    std::vector<std::unique_ptr<LoopRuntime>> runtimes;
    unsigned ended = 0;
    for (const char* ip : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) {
      loops.push_back(&world->add_host(ip, *io::IpAddress::parse(ip)).add_loop());
      runtimes.push_back(std::make_unique<LoopRuntime>(
          *loops.back(), CoreConfig{},
          std::make_unique<SessionChannel>(*loops.back(), Host{ip, 5001}, ChannelOptions{}, channel_log(nullptr))));
    }
    EXPECT_TRUE(runtimes[0]->core().add(Answering::make(handled), {}));
    for (const std::size_t i : {1, 2}) {
      EXPECT_TRUE(runtimes[i]->core().add(std::make_unique<Asking>(Host{"10.0.0.1", 5001}, 100), {}));
    }
    for (std::size_t i = 0; i < 3; ++i) {
      runtimes[i]->on_end = [&ended](const StopReason&) { ++ended; };
      loops[i]->post([runtime = runtimes[i].get()] { EXPECT_TRUE(runtime->start()); });
    }
    world->run_for(seconds(5));
    for (std::size_t i = 0; i < 3; ++i) loops[i]->post([runtime = runtimes[i].get()] { runtime->cancel(); });
    EXPECT_TRUE(world->run_until([&ended] { return ended == 3; }, seconds(10)));
    EXPECT_EQ(handled, 200u);
    return world->trace_hash();
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(LoopRuntimeLog, TheCoreAndItsChannelWriteIntoOneLog) {
  std::vector<std::string> lines;
  LogOptions options;
  options.level = LogLevel::debug;
  options.components = {"protocol", "runtime"};
  options.sink = [&lines](std::string_view line) { lines.emplace_back(line); };
  RuntimeLog log(options, [] { return std::int64_t{0}; });
  const CoreConfig config = core_config({}, &log);
  EXPECT_TRUE(config.log_enabled(LogLevel::debug));
  config.log("protocol", "p", LogLevel::info, "heard", {});
  config.log("session", "p", LogLevel::info, "not chosen", {});
  config.dead_letter("malformed", peer);
  const ChannelLog channel = channel_log(&log);
  EXPECT_FALSE(channel.enabled("session", LogLevel::error));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], ::testing::HasSubstr("msg=heard"));
  EXPECT_THAT(lines[1], ::testing::HasSubstr("why=malformed from=10.0.0.1:5001"));
}

}  // namespace
}  // namespace myelin::protocol::testing
