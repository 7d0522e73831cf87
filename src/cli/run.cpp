// run: one module in this program, without a node: its stdio is ours, its exit code is ours.
#include "base/log.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/home.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/stdio.hpp"
#include "http/spawn_request.hpp"
#include "identity/keys.hpp"
#include "io/scope.hpp"
#include "kernel/kernel.hpp"
#include "wasm/wasi.hpp"

#include <cstdio>
#include <cstdlib>

namespace myelin::cli {
namespace {

struct Guest {
  io::RealLoop* loop;
  kernel::Kernel* kernel;
  Pid pid;
  std::uint64_t logged = 0;
};

// A terminal may never end its input: the program ends when the guest has, and nobody joins this.
io::Task<void> feed(io::Loop* loop, kernel::Call* call) {
  for (;;) {
    Result<Buffer> piece = co_await read_stdin(loop, limits::chunk_bytes);
    if (!piece || piece->empty()) break;
    if (!co_await call->input().write(Rope(std::move(*piece)))) co_return;
  }
  call->input().close();
}

io::Task<void> print_errors(Guest* guest, bool wait) {
  for (;;) {
    auto lines = co_await guest->kernel->logs(*guest->loop, guest->pid, guest->logged, wait);
    if (!lines) co_return;
    for (const kernel::LogLine& line : *lines) {
      std::fprintf(stderr, "%s\n", line.text.c_str());
      guest->logged = line.sequence;
    }
    if (!wait) co_return;
  }
}

// Ends the program.
io::Task<void> execute(Guest* guest, kernel::SpawnSpec spec, std::string method, const Common* common) {
  Result<kernel::ProcessInfo> process = co_await guest->kernel->spawn(*guest->loop, std::move(spec));
  if (!process) std::_Exit(report(*common, process.error()));
  guest->pid = process->pid;
  kernel::CallSpec call_spec;
  call_spec.principal.kind = kernel::Principal::Kind::operator_;
  call_spec.target = {guest->kernel->config().node, process->pid, std::move(method)};
  call_spec.path = call_spec.target.to_string();
  std::unique_ptr<kernel::Call> call = guest->kernel->call(*guest->loop, std::move(call_spec));
  auto side = std::make_unique<io::Scope>(*guest->loop);
  side->spawn(feed(guest->loop, call.get()));
  side->spawn(print_errors(guest, true));
  for (;;) {
    Result<Buffer> piece = co_await call->output().read(limits::chunk_bytes);
    if (!piece || piece->empty()) break;
    if (!co_await write_stdout(guest->loop, std::move(*piece))) break;
  }
  Result<void> ended = co_await call->ended();
  co_await print_errors(guest, false);
  if (ended) std::_Exit(0);
  const Error& error = ended.error();
  if (error.code == ErrorCode::guest_failed) std::_Exit(exit_code(error.code, error.detail));
  std::_Exit(report(*common, error));
}

}  // namespace

int run_module(const Common& common, const RunOptions& options) {
  log::configure({.level = log::Level::warn, .components = {}, .format = log::Format::text, .sink = {}, .wall_ns = {}});
  kernel::SpawnSpec spec;
  for (const std::string& limit : options.limits) {
    Result<void> applied = http::apply_limit(spec.limits, limit);
    if (!applied) return report(common, applied.error());
  }
  for (const std::string& pair : options.environment) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return report(common, Error{ErrorCode::bad_request, "--env is NAME=value, not '" + pair + "'"});
    }
    spec.environment.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  spec.arguments = options.arguments;
  spec.restart = kernel::RestartPolicy::never;
  wasm::EngineConfig engine_config;
  Result<Buffer> module = read_file(options.file, engine_config.module_limits.module_bytes);
  if (!module) return report(common, module.error());
  spec.module = std::move(*module);
  Result<std::string> compiler = compiler_program();
  if (!compiler) return report(common, compiler.error());
  engine_config.compiler_program = *compiler;
  engine_config.max_instances = 4;
  std::vector<wasm::HostFunction> functions = wasm::wasi::host_functions();
  for (wasm::HostFunction& function : kernel::host_functions()) functions.push_back(std::move(function));
  auto engine = wasm::Engine::create(std::move(engine_config), std::move(functions));
  if (!engine) return report(common, engine.error());

  std::unique_ptr<io::RealLoop> loop = io::RealLoop::create();
  std::array<std::uint8_t, 32> seed;
  loop->random(seed);
  kernel::KernelConfig config;
  config.node = identity::KeyPair::ed25519(seed).peer_id();
  loop->random(config.root_pid.bytes);
  auto kernel = kernel::Kernel::create(std::move(config), **engine, {loop.get()});
  Guest guest{loop.get(), kernel.get(), {}, 0};
  loop->run_until_done(execute(&guest, std::move(spec), options.method, &common));
  return 0;
}

}  // namespace myelin::cli
