// For tests with real guests: the engine in a simulated world, and guests whose stdio are tapes.
//
// One world and one engine serve all tests of the program, so that each module is compiled once.
#pragma once

#include "base/check.hpp"
#include "io/scope.hpp"
#include "io/simulated.hpp"
#include "wasm/engine.hpp"
#include "wasm/wasi_testing.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace myelin::wasm::testing {

// Stand-ins for `myelin:process`, which belongs to a layer above: a test that needs more than "not here" supplies it.
struct ProcessCalls {
  virtual ~ProcessCalls() = default;
  virtual std::optional<std::int32_t> receive(Memory, std::uint32_t, std::uint32_t) { return -21; }
  virtual std::int64_t send(Memory, std::uint32_t, std::uint32_t) { return -21; }
  virtual std::int32_t respond(Memory, std::int64_t, std::uint32_t, std::uint32_t) { return -21; }
  virtual std::int32_t payload_read(Memory, std::int64_t, std::int64_t, std::uint32_t, std::uint32_t) { return -21; }
  virtual std::int32_t message_info(Memory, std::uint32_t, std::uint32_t) { return -21; }
};

inline ProcessCalls& process_calls(Instance& instance) {
  MYELIN_CHECK(instance.host != nullptr, "a guest that imports myelin:process has its calls");
  return *static_cast<ProcessCalls*>(instance.host);
}

inline std::uint32_t word(std::uint64_t arg) { return static_cast<std::uint32_t>(arg); }

inline std::vector<HostFunction> test_functions() {
  using Args = std::span<const std::uint64_t>;
  constexpr ValueType i32 = ValueType::i32, i64 = ValueType::i64;
  std::vector<HostFunction> functions = wasi::host_functions();
  const auto add = [&](std::string name, std::vector<ValueType> params, ValueType result, HostCall call) {
    const bool waits = name == "receive";
    functions.push_back({"myelin:process", std::move(name), {std::move(params), {result}}, call, waits});
  };
  add("receive", {i32, i32, i64}, i32, [](Instance& instance, Args args, std::uint64_t* result, bool) {
    const auto size = process_calls(instance).receive(instance.memory(), word(args[0]), word(args[1]));
    if (!size) return HostResult::pending;
    *result = static_cast<std::uint32_t>(*size);
    return HostResult::done;
  });
  add("send", {i32, i32}, i64, [](Instance& instance, Args args, std::uint64_t* result, bool) {
    *result = static_cast<std::uint64_t>(process_calls(instance).send(instance.memory(), word(args[0]), word(args[1])));
    return HostResult::done;
  });
  add("respond", {i64, i32, i32}, i32, [](Instance& instance, Args args, std::uint64_t* result, bool) {
    *result = static_cast<std::uint32_t>(process_calls(instance).respond(
        instance.memory(), static_cast<std::int64_t>(args[0]), word(args[1]), word(args[2])));
    return HostResult::done;
  });
  add("payload_read", {i64, i64, i32, i32}, i32, [](Instance& instance, Args args, std::uint64_t* result, bool) {
    *result = static_cast<std::uint32_t>(
        process_calls(instance).payload_read(instance.memory(), static_cast<std::int64_t>(args[0]),
                                             static_cast<std::int64_t>(args[1]), word(args[2]), word(args[3])));
    return HostResult::done;
  });
  add("message_info", {i32, i32}, i32, [](Instance& instance, Args args, std::uint64_t* result, bool) {
    *result = static_cast<std::uint32_t>(
        process_calls(instance).message_info(instance.memory(), word(args[0]), word(args[1])));
    return HostResult::done;
  });
  return functions;
}

class GuestWorld {
 public:
  static GuestWorld& get() {
    static GuestWorld world;
    return world;
  }
  io::SimulatedWorld& world() { return *world_; }
  io::Loop& loop() { return *loop_; }
  Engine& engine() { return *engine_; }

  // The module <build>/guests/<name>.wasm, compiled at the first use.
  std::shared_ptr<const Module> module(const std::string& name) {
    auto& module = modules_[name];
    if (module) return module;
    std::ifstream file(std::string(MYELIN_BINARY_DIR "/guests/") + name + ".wasm", std::ios::binary);
    MYELIN_CHECK(file.good(), "the guest was built");
    const Bytes bytes(std::istreambuf_iterator<char>(file), {});
    std::optional<Result<std::shared_ptr<const Module>>> loaded;
    io::Scope scope(*loop_);
    scope.spawn(load(engine_.get(), loop_, Buffer::copy_of(View(bytes)), &loaded));
    world_->run_until([&] { return loaded.has_value() && scope.running() == 0; }, std::chrono::minutes(5));
    MYELIN_CHECK(loaded.has_value(), "loading ends");
    if (!*loaded) ADD_FAILURE() << name << ": " << to_string(loaded->error());
    MYELIN_CHECK(loaded->has_value(), "the guest loads");
    return module = **loaded;
  }

 private:
  GuestWorld() : world_(io::SimulatedWorld::create(1)) {
    directory_ = std::filesystem::temp_directory_path() / ("myelin-guests-" + std::to_string(getpid()));
    world_->add_program("/myelin-compile", std::chrono::milliseconds(100), compile_child);
    loop_ = &world_->add_host("guests", io::IpAddress{io::IpAddress::Family::v4, {10, 0, 0, 1}}).add_loop();
    EngineConfig config;
    config.max_instances = 16;
    config.deterministic = true;
    config.cache_directory = directory_.string();
    config.compiler_program = "/myelin-compile";
    auto engine = Engine::create(std::move(config), test_functions());
    if (!engine) ADD_FAILURE() << to_string(engine.error());
    MYELIN_CHECK(engine.has_value(), "the engine starts");
    engine_ = std::move(*engine);
  }
  ~GuestWorld() {
    modules_.clear();
    engine_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  static io::Task<void> load(Engine* engine, io::Loop* loop, Buffer bytes,
                             std::optional<Result<std::shared_ptr<const Module>>>* out) {
    *out = co_await engine->load(*loop, std::move(bytes));
  }

  std::filesystem::path directory_;
  std::unique_ptr<io::SimulatedWorld> world_;
  io::Loop* loop_ = nullptr;
  std::unique_ptr<Engine> engine_;
  std::map<std::string, std::shared_ptr<const Module>> modules_;
};

// One guest, initialised, with stdio on tapes.
class Guest {
 public:
  using Config = wasi::Context::Config;
  static constexpr std::uint64_t slice_fuel = 1'000'000;

  explicit Guest(const std::string& name, Config config = {}, ProcessCalls* calls = nullptr)
      : world_(GuestWorld::get()), context_(wasi::Context::create(world_.loop(), std::move(config))) {
    const auto module = world_.module(name);
    auto instance = world_.engine().instantiate(module, InstanceLimits{});
    if (!instance) ADD_FAILURE() << name << ": " << to_string(instance.error());
    MYELIN_CHECK(instance.has_value(), "the guest is instantiated");
    instance_ = std::move(*instance);
    instance_->wasi = context_.get();
    instance_->host = calls;
    context_->want_wake([this] { woken_ = true; });
    bind_stdio();
    if (module->info().find_function("_initialize")) {
      const Run run = call("_initialize");
      EXPECT_EQ(run.state, Run::State::finished) << name << ": " << run.reason;
    }
  }
  ~Guest() {
    context_->abandon();
    instance_.reset();
  }

  // Fresh tapes, as every call gets.
  void bind_stdio() {
    for (std::uint32_t i = 0; i < 3; ++i) {
      tapes[i] = std::make_shared<wasi::testing::Tape>();
      context_->bind(i, std::make_unique<wasi::testing::TapeDescriptor>(tapes[i]));
    }
  }

  // Runs the method on `input` and its end, with fresh stdio, until it has ended.
  Run call(const std::string& method, std::string input = {}, std::uint64_t fuel = slice_fuel) {
    bind_stdio();
    tapes[0]->input = std::move(input);
    tapes[0]->input_ended = true;
    begin(method);
    return finish(fuel);
  }
  void begin(const std::string& method) {
    slices = waits = 0;
    const auto begun = instance_->begin(method);
    if (!begun) ADD_FAILURE() << method << ": " << to_string(begun.error());
  }
  // Runs until the call has ended; lets virtual time pass while it waits.
  Run finish(std::uint64_t fuel = slice_fuel) {
    while (true) {
      Run run = step(fuel);
      if (run.state != Run::State::waiting && run.state != Run::State::sliced) return run;
      if (run.state == Run::State::waiting && !woken_) {
        const bool woke = world_.world().run_until([this] { return woken_; }, std::chrono::minutes(1));
        if (!woke) {
          ADD_FAILURE() << "the guest waits for ever";
          return run;
        }
      }
      if (slices > 100'000) {
        ADD_FAILURE() << "the guest runs for ever";
        return run;
      }
    }
  }
  // Runs while it can without time passing: until it waits, or has ended.
  Run settle(std::uint64_t fuel = slice_fuel) {
    Run run = step(fuel);
    while (run.state == Run::State::sliced) run = step(fuel);
    return run;
  }
  // One slice.
  Run step(std::uint64_t fuel = slice_fuel) {
    woken_ = false;
    Run run = instance_->resume(fuel);
    slices += run.state == Run::State::sliced;
    waits += run.state == Run::State::waiting;
    return run;
  }
  // Lets the loop tell what it has to, without time passing.
  void turn() { world_.world().run_until(world_.world().now()); }

  const std::string& out() const { return tapes[1]->output; }
  const std::string& err() const { return tapes[2]->output; }
  io::Loop& loop() { return world_.loop(); }
  Instance& instance() { return *instance_; }
  bool woken() const { return woken_; }

  std::shared_ptr<wasi::testing::Tape> tapes[3];
  int slices = 0, waits = 0;  // of the call under way

 private:
  GuestWorld& world_;
  std::unique_ptr<wasi::Context> context_;
  std::unique_ptr<Instance> instance_;
  bool woken_ = false;
};

}  // namespace myelin::wasm::testing
