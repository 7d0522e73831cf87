// For tests: a kernel in a simulated world with real guests, and helpers that wait in virtual time.
//
// The engine is one per program; each test has its own world, so that a run is a function of its seed. Thread: one.
#pragma once

#include "base/check.hpp"
#include "io/scope.hpp"
#include "io/simulated.hpp"
#include "io/sync.hpp"
#include "kernel/kernel.hpp"
#include "wasm/engine.hpp"
#include "wasm/wasi.hpp"

#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace myelin::kernel::testing {

using namespace std::chrono_literals;

inline std::vector<wasm::HostFunction> all_host_functions() {
  auto all = wasm::wasi::host_functions();
  for (auto& function : host_functions()) all.push_back(std::move(function));
  return all;
}

// A folder that goes away with the program.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() / ("myelin-kernel-test-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string sub(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline const char* const compiler = "/test/myelin-compile";

inline wasm::Engine& shared_engine() {
  static TemporaryFolder folder;
  static std::unique_ptr<wasm::Engine> engine = [] {
    wasm::EngineConfig config;
    config.max_instances = 64;
    config.deterministic = true;
    config.cache_directory = folder.sub("cache");
    config.compiler_program = compiler;
    auto made = wasm::Engine::create(std::move(config), all_host_functions());
    MYELIN_CHECK(made, "the engine of the tests starts");
    return std::move(*made);
  }();
  return *engine;
}

inline Buffer guest(const std::string& stem) {
  std::ifstream file(MYELIN_BINARY_DIR "/guests/" + stem + ".wasm", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  MYELIN_CHECK(!bytes.empty(), "the guest was built");
  return Buffer::copy_of(bytes);
}

inline identity::PeerId peer(std::uint8_t seed) {
  Bytes multihash = {0x12, 0x20};
  multihash.resize(34, seed);
  return *identity::PeerId::from_bytes(multihash);
}

inline Principal operator_principal() { return Principal{Principal::Kind::operator_, {}, {}}; }

inline SpawnSpec restarting(RestartPolicy policy) {
  SpawnSpec spec;
  spec.restart = policy;
  return spec;
}

// How a call ended, and what came out before.
struct CallEnd {
  Result<void> result;
  std::string output;
  std::optional<Error> output_error;
  std::string mime;
};

// A call under way that a test watches.
struct WatchedCall {
  std::unique_ptr<Call> call;
  std::optional<CallEnd> end;
  bool ended() const { return end.has_value(); }
};

inline io::Task<void> write_input(Call* call, std::string input, bool close) {
  auto written = co_await call->input().write(Rope(Buffer::copy_of(input)));
  if (written && close) call->input().close();
}

inline io::Task<void> follow(WatchedCall* watched) {
  CallEnd end;
  for (;;) {
    auto piece = co_await watched->call->output().read(64 * 1024);
    if (!piece) {
      end.output_error = piece.error();
      break;
    }
    if (piece->empty()) break;
    end.output += to_text(piece->view());
  }
  end.result = co_await watched->call->ended();
  end.mime = watched->call->output_mime();
  watched->end = std::move(end);
}

template <typename T>
io::Task<void> keep(io::Task<T> task, std::optional<T>* out) {
  out->emplace(co_await std::move(task));
}

class KernelTest : public ::testing::Test {
 protected:
  explicit KernelTest(std::size_t shards = 1, std::uint64_t seed = 1) : world(io::SimulatedWorld::create(seed)) {
    world->add_program(compiler, 50ms, wasm::compile_child);
    auto& host = world->add_host("node", io::IpAddress{io::IpAddress::Family::v4, {10, 0, 0, 1}});
    for (std::size_t i = 0; i < shards; ++i) loops.push_back(&host.add_loop());
    loop = loops[0];
    scope = std::make_unique<io::Scope>(*loop);
    config.node = peer(1);
    config.adapt_slices = false;
    config.max_processes = 32;
  }
  void TearDown() override {
    if (!kernel_) return;
    run(kernel_->stop(*loop));
    calls.clear();
    world->run_for(1s);
    EXPECT_EQ(scope->running(), 0u);
  }

  Kernel& kernel() {
    if (!kernel_) kernel_ = Kernel::create(config, shared_engine(), loops);
    return *kernel_;
  }

  // Runs the world until the task has ended, an hour at most.
  template <typename T>
  T run(io::Task<T> task) {
    std::optional<T> out;
    scope->spawn(keep(std::move(task), &out));
    EXPECT_TRUE(world->run_until([&] { return out.has_value(); }, 3600s));
    return std::move(*out);
  }
  void run(io::Task<void> task) {
    bool done = false;
    scope->spawn(note_end(std::move(task), &done));
    EXPECT_TRUE(world->run_until([&] { return done; }, 3600s));
  }

  ProcessInfo spawn(const std::string& stem, SpawnSpec spec = {}) {
    auto info = try_spawn(stem, std::move(spec));
    EXPECT_TRUE(info) << (info ? "" : to_string(info.error()));
    return info ? *info : ProcessInfo{};
  }
  Result<ProcessInfo> try_spawn(const std::string& stem, SpawnSpec spec = {}) {
    spec.module = guest(stem);
    return run(kernel().spawn(*loop, std::move(spec)));
  }

  CallSpec spec_for(std::variant<Pid, std::string> process, std::string method) {
    CallSpec spec;
    spec.principal = operator_principal();
    spec.target.process = std::move(process);
    spec.target.method = std::move(method);
    return spec;
  }
  // Starts it; the input is written and, if `close`, ended.
  WatchedCall& start(CallSpec spec, std::string input = {}, bool close = true) {
    calls.push_back(std::make_unique<WatchedCall>());
    WatchedCall& watched = *calls.back();
    watched.call = kernel().call(*loop, std::move(spec));
    scope->spawn(write_input(watched.call.get(), std::move(input), close));
    scope->spawn(follow(&watched));
    return watched;
  }
  WatchedCall& start(std::variant<Pid, std::string> process, std::string method, std::string input = {},
                     bool close = true) {
    return start(spec_for(std::move(process), std::move(method)), std::move(input), close);
  }
  CallEnd finish(WatchedCall& watched, Duration limit = 3600s) {
    EXPECT_TRUE(world->run_until([&] { return watched.ended(); }, limit)) << "the call did not end";
    return watched.end.value_or(CallEnd{fail(ErrorCode::io, "the call did not end"), {}, {}, {}});
  }
  CallEnd call(std::variant<Pid, std::string> process, std::string method, std::string input = {}) {
    return finish(start(std::move(process), std::move(method), std::move(input)));
  }
  CallEnd call(CallSpec spec, std::string input = {}) { return finish(start(std::move(spec), std::move(input))); }
  // The error's code, or 0 if the call succeeded.
  static int code(const Result<void>& result) { return result ? 0 : static_cast<int>(result.error().code); }
  static int code(const CallEnd& end) { return code(end.result); }

  Message message_for(std::variant<Pid, std::string> process, std::string method, std::string body = {}) {
    Message message;
    message.id = 7;
    message.source.process = Pid{};
    message.target.process = std::move(process);
    message.method = std::move(method);
    message.body = Buffer::copy_of(body);
    message.principal = operator_principal();
    return message;
  }
  // Its outcome, when it is there. The fixture keeps it: outcomes may come as late as the kernel's stop.
  std::optional<Outcome>& send(Message message) {
    auto& out = outcomes.emplace_back();
    kernel().request(*loop, std::move(message), [&out](Outcome outcome) { out.emplace(std::move(outcome)); });
    return out;
  }
  Outcome request(Message message) {
    auto& out = send(std::move(message));
    EXPECT_TRUE(world->run_until([&] { return out.has_value(); }, 3600s)) << "the request did not end";
    return out ? std::move(*out) : Outcome(fail(ErrorCode::io, "no outcome"));
  }
  // The body of the response, or the error in words.
  std::string ask(std::variant<Pid, std::string> process, std::string method, std::string body = {}) {
    auto outcome = request(message_for(std::move(process), std::move(method), std::move(body)));
    return outcome ? to_text(outcome->body.view()) : to_string(outcome.error());
  }

  ProcessInfo inspect(const Pid& pid) {
    auto info = run(kernel().inspect(*loop, pid));
    EXPECT_TRUE(info) << (info ? "" : to_string(info.error()));
    return info ? *info : ProcessInfo{};
  }
  bool becomes(const Pid& pid, ProcessState state, Duration limit = 100s) {
    Instant end = world->now() + limit;
    while (world->now() < end) {
      if (inspect(pid).state == state) return true;
      world->run_for(1ms);
    }
    return false;
  }
  KernelMetrics metrics() { return run(kernel().metrics(*loop)); }

  std::unique_ptr<io::SimulatedWorld> world;
  std::vector<io::Loop*> loops;
  io::Loop* loop = nullptr;
  std::unique_ptr<io::Scope> scope;
  KernelConfig config;
  std::unique_ptr<Kernel> kernel_;
  std::vector<std::unique_ptr<WatchedCall>> calls;
  std::deque<std::optional<Outcome>> outcomes;

 private:
  static io::Task<void> note_end(io::Task<void> task, bool* done) {
    co_await std::move(task);
    *done = true;
  }
};

}  // namespace myelin::kernel::testing
