// The switch: each function goes to the file of its concept.
#include "kernel/kernel.hpp"

#include "kernel/call.hpp"
#include "kernel/control.hpp"
#include "kernel/core.hpp"
#include "kernel/native.hpp"
#include "kernel/once.hpp"
#include "kernel/request.hpp"
#include "kernel/spawn.hpp"

namespace myelin::kernel {

namespace {

class KernelSwitch final : public Kernel {
 public:
  explicit KernelSwitch(std::shared_ptr<Core> core) : core_(std::move(core)) {}

  const KernelConfig& config() const override { return core_->config; }
  std::size_t shards() const override { return core_->shards.size(); }
  void set_remote_route(RemoteRoute* route) override { core_->route = route; }
  void set_send_watch(SendWatch* watch) override { core_->send_watch = watch; }

  std::unique_ptr<Call> call(io::Loop& caller, CallSpec spec) override {
    return start_call(core_, caller, std::move(spec));
  }
  void request(io::Loop& caller, Message message, OutcomeCallback done, RoomCallback room) override {
    start_request(core_, caller, std::move(message), std::move(done), std::move(room));
  }
  io::Task<Result<ProcessInfo>> spawn(io::Loop& caller, SpawnSpec spec) override {
    return spawn_process(core_, &caller, std::move(spec));
  }
  io::Task<Result<std::shared_ptr<const wasm::Module>>> load(io::Loop& caller, Buffer module) override {
    return core_->engine.load(caller, std::move(module));
  }
  void run_once(io::Loop& caller, OnceSpec spec, OutcomeCallback done) override {
    kernel::run_once(core_, caller, std::move(spec), std::move(done));
  }
  io::Task<Result<ProcessInfo>> add_native(io::Loop& home, NativeSpec spec, NativeProgram& program) override {
    return kernel::add_native(core_, &home, std::move(spec), &program);
  }
  io::Task<std::vector<ProcessInfo>> list(io::Loop& caller) override { return list_processes(core_, &caller); }
  io::Task<Result<ProcessInfo>> inspect(io::Loop& caller, std::variant<Pid, std::string> process) override {
    return inspect_process(core_, &caller, std::move(process));
  }
  io::Task<Result<void>> signal(io::Loop& caller, Pid pid, Signal signal) override {
    return signal_process(core_, &caller, pid, signal);
  }
  io::Task<Result<void>> remove(io::Loop& caller, Pid pid) override { return remove_process(core_, &caller, pid); }
  io::Task<Result<std::vector<LogLine>>> logs(io::Loop& caller, Pid pid, std::uint64_t after, bool wait,
                                              io::CancelToken token) override {
    return read_logs(core_, &caller, pid, after, wait, std::move(token));
  }
  io::Task<Result<ProcessInfo>> wait(io::Loop& caller, Pid pid, io::CancelToken token) override {
    return wait_process(core_, &caller, pid, std::move(token));
  }
  io::Task<KernelMetrics> metrics(io::Loop& caller) override { return gather_metrics(core_, &caller); }
  io::Task<void> drain(io::Loop& caller, Instant deadline) override { return drain_kernel(core_, &caller, deadline); }
  io::Task<void> stop(io::Loop& caller) override { return stop_kernel(core_, &caller); }

 private:
  std::shared_ptr<Core> core_;  // shared: see core.hpp
};

}  // namespace

std::unique_ptr<Kernel> Kernel::create(KernelConfig config, wasm::Engine& engine, std::vector<io::Loop*> shards) {
  return std::make_unique<KernelSwitch>(std::make_shared<Core>(std::move(config), engine, shards));
}

}  // namespace myelin::kernel
