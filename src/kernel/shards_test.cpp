// More than one shard, in the simulated world and on real threads; other nodes; and runs that repeat.
#include "io/real.hpp"
#include "kernel/kernel_testing.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <thread>

namespace myelin::kernel::testing {
namespace {

class Shards : public KernelTest {
 protected:
  Shards() : KernelTest(3) {}
};

TEST_F(Shards, ProcessesSpreadOverThem) {
  std::set<std::uint32_t> used;
  for (int i = 0; i < 6; ++i) {
    auto info = spawn("kernel_methods");
    EXPECT_EQ(stable_hash(info.pid) % 3, info.shard);
    used.insert(info.shard);
  }
  EXPECT_EQ(used.size(), 3u);
  EXPECT_EQ(run(kernel().list(*loop)).size(), 6u);
}

TEST_F(Shards, CallsAndRequestsCrossThem) {
  std::vector<Pid> pids;
  for (int i = 0; i < 3; ++i) pids.push_back(spawn("kernel_mailbox").pid);
  for (const Pid& front : pids) {
    EXPECT_EQ(call(front, "double", std::string(700'000, 'x')).output.size(), 1'400'000u);
    for (const Pid& back : pids) EXPECT_EQ(ask(front, "forward", back.to_string() + " echo words"), "response words");
  }
}

TEST_F(Shards, NamesAreKnownOnAllOfThem) {
  SpawnSpec spec;
  spec.name = "back";
  auto back = spawn("kernel_mailbox", spec).pid;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(ask(spawn("kernel_mailbox").pid, "forward", "back echo words"), "response words");
  EXPECT_TRUE(run(kernel().remove(*loop, back)));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(ask(spawn("kernel_mailbox").pid, "forward", "back echo words").substr(0, 9), "error 4 0");
}

TEST_F(Shards, LeavingCrossesThem) {
  for (int i = 0; i < 3; ++i) {
    auto pid = spawn("kernel_mailbox").pid;
    auto held = kernel().call(*loop, spec_for(pid, "hold"));
    world->run_for(10ms);
    held.reset();
    world->run_for(10ms);
    EXPECT_EQ(ask(pid, "last_cancelled"), "9");
  }
}

TEST_F(Shards, OrderBetweenTwoHolds) {
  auto pid = spawn("kernel_methods").pid;
  std::vector<WatchedCall*> all;
  for (int i = 0; i < 30; ++i) all.push_back(&start(pid, "count"));
  for (int i = 0; i < 30; ++i) EXPECT_EQ(finish(*all[static_cast<std::size_t>(i)]).output, std::to_string(i + 1));
}

// The other node, as the kernel sees it.
class FakeRoute : public RemoteRoute {
 public:
  explicit FakeRoute(io::Loop& loop) : loop_(loop), scope_(loop) {}
  io::Loop& loop() override { return loop_; }
  void call(RemoteCall call) override {
    ++calls;
    last_path = call.spec.target.to_string();
    scope_.spawn(serve(this, std::move(call)));
  }
  void request(Message message, OutcomeCallback done, RoomCallback) override {
    requests.push_back(message.source.to_string() + " > " + message.target.to_string() + " " + message.method);
    if (message.method == "silent") {
      silent.push_back(std::move(done));
      return;
    }
    if (message.method == "lost") return done(fail(ErrorCode::link_lost, "cut"));
    Message response;
    response.kind = Message::Kind::response;
    response.source = message.target;
    response.body = message.body;
    done(std::move(response));
  }
  io::Task<void> stop() { return scope_.join(); }

  int calls = 0;
  int left = 0;
  std::string last_path;
  std::vector<std::string> requests;
  std::vector<OutcomeCallback> silent;

 private:
  static io::Task<void> serve(FakeRoute* self, RemoteCall call) {
    io::CancelCallback left(call.left, [self] { ++self->left; });
    call.tell_mime("text/far");
    for (;;) {
      auto piece = co_await call.input.read(1000);
      if (!piece) {
        call.output.fail(piece.error());
        call.end(fail(piece.error()));
        co_return;
      }
      if (piece->empty()) break;
      if (auto written = co_await call.output.write(Rope(std::move(*piece))); !written) break;
    }
    call.output.close();
    call.end({});
  }
  io::Loop& loop_;
  io::Scope scope_;
};

class Remote : public KernelTest {
 protected:
  Remote() : KernelTest(2) {}
  CallSpec remote_spec() {
    auto spec = spec_for("far", "echo");
    spec.target.node = peer(2);
    spec.may_forward = true;
    return spec;
  }
};

TEST_F(Remote, CallsGoThroughTheRoute) {
  FakeRoute route(*loops[1]);
  kernel().set_remote_route(&route);
  auto end = call(remote_spec(), std::string(500'000, 'r'));
  EXPECT_TRUE(end.result);
  EXPECT_EQ(end.output.size(), 500'000u);
  EXPECT_EQ(end.mime, "text/far");
  EXPECT_EQ(route.last_path, "/ww/0.1.0/" + peer(2).to_string() + "/far/echo");
  auto forbidden = remote_spec();
  forbidden.may_forward = false;
  EXPECT_EQ(code(call(std::move(forbidden))), 3);
  EXPECT_EQ(route.calls, 1);
  kernel().set_remote_route(nullptr);
  EXPECT_EQ(code(call(remote_spec())), 13);
}

TEST_F(Remote, LeavingAndDeadlinesReachTheRoute) {
  FakeRoute route(*loops[1]);
  kernel().set_remote_route(&route);
  auto& watched = start(remote_spec(), "x", false);
  world->run_for(10ms);
  watched.call->cancel();
  EXPECT_EQ(code(finish(watched)), 9);
  world->run_for(10ms);
  EXPECT_EQ(route.left, 1);
  auto spec = remote_spec();
  spec.deadline = world->now() + 50ms;
  auto late = kernel().call(*loop, std::move(spec));
  EXPECT_EQ(code(run(late->ended())), 17);
  late.reset();
  world->run_for(10ms);
  EXPECT_EQ(route.left, 2);
}

TEST_F(Remote, GuestsSendThroughTheRoute) {
  FakeRoute route(*loops[1]);
  config.aliases = [](std::string_view name) -> std::optional<identity::PeerId> {
    if (name == "friend") return peer(2);
    return std::nullopt;
  };
  kernel().set_remote_route(&route);
  auto pid = spawn("kernel_mailbox").pid;
  EXPECT_EQ(ask(pid, "forward", "friend/far echo words"), "response words");
  ASSERT_EQ(route.requests.size(), 1u);
  EXPECT_EQ(route.requests[0], peer(1).to_string() + "/" + pid.to_string() + " > " + peer(2).to_string() + "/far echo");
  EXPECT_EQ(ask(pid, "forward", "friend/far lost words").substr(0, 17), "error 14 0 words ");
  EXPECT_EQ(ask(pid, "forward_100ms", "friend/far silent words").substr(0, 17), "error 17 0 words ");
  for (auto& done : route.silent) done(fail(ErrorCode::offline));
  world->run_for(10ms);
  EXPECT_EQ(inspect(pid).open_requests, 0u) << "the late outcome is nobody's";
}

// One run of a busy node: what came out, when, in which order.
class Repeats : public KernelTest {
 public:
  explicit Repeats(std::uint64_t seed) : KernelTest(2, seed) {}
  void TestBody() override {}
  std::string trace() {
    std::string all;
    std::vector<Pid> pids;
    for (int i = 0; i < 3; ++i) pids.push_back(spawn("kernel_mailbox").pid);
    auto methods = spawn("kernel_methods").pid;
    for (int i = 0; i < 3; ++i) {
      all += ask(pids[0], "forward", pids[static_cast<std::size_t>(i)].to_string() + " echo x");
      all += call(methods, "work").output + " " + std::to_string(world->now().time_since_epoch().count()) + "\n";
      all += std::to_string(call(methods, "crash").output.size());
    }
    all += ask(pids[1], "flood", pids[2].to_string());
    for (const auto& info : run(kernel().list(*loop)))
      all += info.pid.to_string() + " " + std::to_string(info.fuel_used) + " " + std::to_string(info.calls) + "\n";
    all += std::to_string(world->now().time_since_epoch().count()) + " " + std::to_string(world->trace_hash());
    TearDown();
    return all;
  }
};

TEST(Determinism, SameSeedSameRun) {
  Repeats warm_up(7);  // the first run compiles; later ones find the code in the cache
  warm_up.trace();
  auto run_once = [](std::uint64_t seed) { return Repeats(seed).trace(); };
  std::string first = run_once(7);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(run_once(7), first);
  EXPECT_NE(run_once(8), first);
}

// --- Real threads.

io::Task<void> one_caller(Kernel* kernel, io::Loop* loop, std::vector<Pid> pids, int rounds, int* good) {
  for (int i = 0; i < rounds; ++i) {
    CallSpec spec;
    spec.principal = operator_principal();
    spec.target.process = pids[static_cast<std::size_t>(i) % pids.size()];
    spec.target.method = "echo";
    auto call = kernel->call(*loop, std::move(spec));
    std::string text = "round " + std::to_string(i);
    (void)co_await call->input().write(Rope(Buffer::copy_of(text)));
    call->input().close();
    std::string got;
    for (;;) {
      auto piece = co_await call->output().read(4096);
      if (!piece || piece->empty()) break;
      got += to_text(piece->view());
    }
    auto end = co_await call->ended();
    if (end && got == text) ++*good;
    if (i % 7 == 0) {
      // One that leaves in the middle.
      CallSpec leaving;
      leaving.principal = operator_principal();
      leaving.target.process = pids[0];
      leaving.target.method = "echo";
      auto dropped = kernel->call(*loop, std::move(leaving));
      (void)co_await dropped->input().write(Rope(Buffer::copy_of("x")));
    }
  }
}

io::Task<void> all_of_it(Kernel* kernel, std::array<io::RealLoop*, 2> loops, std::array<int, 2>* good, bool* fine) {
  std::vector<Pid> pids;
  for (int i = 0; i < 4; ++i) {
    SpawnSpec spec;
    spec.module = guest("kernel_methods");
    auto info = co_await kernel->spawn(*loops[0], std::move(spec));
    EXPECT_TRUE(info) << (info ? "" : to_string(info.error()));
    if (info) pids.push_back(info->pid);
  }
  SpawnSpec spinner;
  spinner.module = guest("kernel_methods");
  auto spinning = co_await kernel->spawn(*loops[0], std::move(spinner));
  CallSpec spin;
  spin.principal = operator_principal();
  spin.target.process = spinning->pid;
  spin.target.method = "spin";
  auto endless = kernel->call(*loops[0], std::move(spin));
  io::Scope here(*loops[0]);
  here.spawn(one_caller(kernel, loops[0], pids, 60, &(*good)[0]));
  // The other shard's caller lives on its own loop; its end is told by post.
  io::Event other_done(*loops[0]);
  auto other = std::make_shared<std::unique_ptr<io::Scope>>();
  struct Other {
    static io::Task<void> run(Kernel* k, io::RealLoop* there, io::RealLoop* back, std::vector<Pid> p, int* count,
                              io::Event* done) {
      co_await one_caller(k, there, std::move(p), 60, count);
      back->post([done] { done->set(); });
    }
  };
  loops[1]->post([=, &other_done] {
    *other = std::make_unique<io::Scope>(*loops[1]);
    (*other)->spawn(Other::run(kernel, loops[1], loops[0], pids, &(*good)[1], &other_done));
  });
  co_await here.join();
  co_await other_done.wait();
  auto listed = co_await kernel->list(*loops[0]);
  *fine = listed.size() == 5;
  co_await kernel->stop(*loops[0]);
  auto end = co_await endless->ended();
  *fine = *fine && !end && end.error().code == ErrorCode::stopping;
  // Scopes go where they lived, after their last task.
  io::Event gone(*loops[0]);
  loops[1]->post([=, &gone] {
    other->reset();
    loops[0]->post([&gone] { gone.set(); });
  });
  co_await gone.wait();
}

TEST(RealShards, TwoThreads) {
  TemporaryFolder folder;
  wasm::EngineConfig engine_config;
  engine_config.max_instances = 16;
  engine_config.cache_directory = folder.sub("real-cache");
  engine_config.compiler_program = MYELIN_BINARY_DIR "/bin/myelin-compile";
  auto engine = wasm::Engine::create(std::move(engine_config), all_host_functions());
  ASSERT_TRUE(engine) << to_string(engine.error());
  auto a = io::RealLoop::create();
  auto b = io::RealLoop::create();
  KernelConfig config;
  config.node = peer(1);
  auto kernel = Kernel::create(config, **engine, {a.get(), b.get()});
  std::array<int, 2> good{};
  bool fine = false;
  std::thread other([&] { b->run(); });
  a->run_until_done(all_of_it(kernel.get(), {a.get(), b.get()}, &good, &fine));
  b->stop();
  other.join();
  kernel.reset();
  EXPECT_TRUE(fine);
  EXPECT_EQ(good[0], 60);
  EXPECT_EQ(good[1], 60);
}

}  // namespace
}  // namespace myelin::kernel::testing
