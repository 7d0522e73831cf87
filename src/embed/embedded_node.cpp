#include "base/bytes.hpp"
#include "base/limits.hpp"
#include "embed/inside.hpp"
#include "embed/passing.hpp"
#include "embed/threads.hpp"
#include "io/sync.hpp"
#include "kernel/kernel.hpp"
#include "myelin/node.hpp"
#include "node/node.hpp"

#include <atomic>
#include <dlfcn.h>
#include <filesystem>
#include <unistd.h>
#include <variant>

namespace myelin {
namespace {

constexpr std::uint64_t page_bytes = 65536;
constexpr Duration drain_limit = std::chrono::seconds(2);

// Beside the library: …/lib/libmyelin.so, …/libexec/myelin/myelin-compile; or …/bin beside a build's.
Result<std::string> find_compiler() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&find_compiler), &info) == 0 || info.dli_fname == nullptr) {
    return fail(ErrorCode::io, "where Myelin's library lies is unknown: name the compiler in NodeOptions");
  }
  const std::filesystem::path folder = std::filesystem::absolute(info.dli_fname).parent_path();
  for (const std::filesystem::path& path :
       {folder.parent_path() / "libexec/myelin/myelin-compile", folder / "bin/myelin-compile",
        folder / "myelin-compile", folder.parent_path() / "bin/myelin-compile",
        folder.parent_path().parent_path() / "libexec/myelin/myelin-compile"}) {
    if (::access(path.c_str(), X_OK) == 0) return path.string();
  }
  return fail(ErrorCode::io, "myelin-compile is not beside " + folder.string() + ": name it in NodeOptions");
}

ProcessStatus status_of(const kernel::ProcessInfo& info) {
  ProcessStatus status;
  status.pid = info.pid.to_string();
  status.name = info.name;
  status.kind = kernel::name(info.kind);
  status.state = kernel::name(info.state);
  status.methods = info.methods;
  status.calls = info.calls;
  status.failures = info.failures;
  status.restarts = info.restarts;
  status.fuel_used = info.fuel_used;
  status.memory_bytes = info.memory_bytes;
  status.last_error = info.last_error;
  return status;
}

std::variant<Pid, std::string> process_of(std::string_view text) {
  if (std::optional<Pid> pid = Pid::parse(text)) return *pid;
  return std::string(text);
}

Result<kernel::SpawnSpec> spec_of(SpawnOptions options) {
  kernel::SpawnSpec spec;
  spec.name = std::move(options.name);
  spec.arguments = std::move(options.arguments);
  spec.environment = std::move(options.environment);
  if (options.memory_bytes < page_bytes || options.memory_bytes > (4ull << 30)) {
    return fail(ErrorCode::bad_request, "memory_bytes is from 64 KiB to 4 GiB");
  }
  spec.limits.memory_pages = static_cast<std::uint32_t>(options.memory_bytes / page_bytes);
  spec.limits.fuel_per_call = options.fuel_per_call;
  spec.limits.wall_per_call = options.wall_per_call;
  spec.limits.output_bytes_per_call = options.output_bytes_per_call;
  const auto policy = kernel::restart_policy(options.restart);
  if (!policy) return fail(ErrorCode::bad_request, "restart is never, on-failure or always");
  spec.restart = *policy;
  spec.access.anyone = options.allow_anyone;
  for (const std::string& text : options.allow) {
    Result<identity::PeerId> peer = identity::PeerId::parse(text);
    if (!peer) return fail(peer.error());
    spec.access.peers.push_back(std::move(*peer));
  }
  spec.replace = options.replace;
  return spec;
}

io::Task<Result<std::string>> talk(kernel::Kernel* kernel, io::Loop* loop, kernel::CallSpec spec, Buffer input,
                                   std::size_t max_answer) {
  std::unique_ptr<kernel::Call> call = kernel->call(*loop, std::move(spec));
  // The input goes in beside the answer coming out: a guest that echoes must not wait for us.
  io::Scope sending(*loop);
  struct Send {
    static io::Task<void> all(kernel::Call* to, Rope bytes) {
      if (bytes.empty() || co_await to->input().write(std::move(bytes))) to->input().close();
    }
  };
  sending.spawn(Send::all(call.get(), Rope(std::move(input))));
  std::string answer;
  bool too_large = false;
  for (;;) {
    Result<Buffer> piece = co_await call->output().read(limits::chunk_bytes);
    if (!piece || piece->empty()) break;
    answer.append(as_text(piece->view()));
    if (answer.size() > max_answer) {
      too_large = true;
      call->cancel();
      break;
    }
  }
  Result<void> ended = co_await call->ended();
  co_await sending.join();
  if (too_large)
    co_return fail(ErrorCode::too_large, "the answer is larger than " + std::to_string(max_answer) + " bytes");
  if (!ended) co_return fail(ended.error());
  co_return answer;
}

}  // namespace

struct Node::Impl {
  explicit Impl(std::uint32_t shards) : threads(shards) {}
  embed::Threads threads;
  std::unique_ptr<node::Node> node;
  std::atomic<std::size_t> next_shard{0};

  io::Task<Result<void>> start(node::Config config) {
    Result<std::unique_ptr<node::Node>> started = co_await node::Node::start(threads.loops(), std::move(config));
    if (!started) co_return fail(started.error());
    node = std::move(*started);
    co_return Result<void>{};
  }
  io::Task<bool> stop() {
    if (node) {
      co_await node->drain(drain_limit);
      co_await node->stop();
      node.reset();
    }
    co_return true;
  }
};

node::Node& embed::Inside::node(Node& shown) { return *shown.impl_->node; }

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Node::~Node() {
  impl_->threads.run<bool>([impl = impl_.get()] { return impl->stop(); });
}

Result<std::unique_ptr<Node>> Node::start(NodeOptions options) {
  node::Config config;
  config.home = std::move(options.home);
  if (config.home.empty() || config.home.front() != '/')
    return fail(ErrorCode::bad_request, "home is an absolute path");
  config.listen = std::move(options.listen);
  config.static_peers = std::move(options.peers);
  config.shards = options.shards;
  config.http.listen.clear();
  config.engine.cache_directory = config.home + "/cache";
  config.engine.compiler_program = std::move(options.compiler);
  if (config.engine.compiler_program.empty()) {
    Result<std::string> compiler = find_compiler();
    if (!compiler) return fail(compiler.error());
    config.engine.compiler_program = std::move(*compiler);
  }
  auto impl = std::make_unique<Impl>(options.shards);
  Result<void> started =
      impl->threads.run<Result<void>>([raw = impl.get(), &config] { return raw->start(std::move(config)); });
  if (!started) return fail(started.error());
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

std::string Node::peer_id() const { return impl_->node->id().to_string(); }

namespace {
io::Task<std::vector<std::string>> addresses_of(node::Node* node) {
  std::vector<std::string> texts;
  for (const libp2p::Multiaddr& address : node->host().addresses()) texts.push_back(address.to_string());
  co_return texts;
}
}  // namespace

std::vector<std::string> Node::addresses() const {
  return impl_->threads.run<std::vector<std::string>>([node = impl_->node.get()] { return addresses_of(node); });
}

namespace {
Result<std::string> spawn_on(embed::Threads& threads, node::Node& node, kernel::SpawnSpec spec) {
  auto info = threads.run<Result<kernel::ProcessInfo>>(
      [&threads, &node, &spec] { return node.kernel().spawn(threads.first(), std::move(spec)); });
  if (!info) return fail(info.error());
  return info->pid.to_string();
}
}  // namespace

struct Module::Impl {
  std::shared_ptr<const wasm::Module> loaded;
};

Result<Module> Node::load(std::span<const std::uint8_t> module) {
  using Loaded = Result<std::shared_ptr<const wasm::Module>>;
  Loaded loaded = impl_->threads.run<Loaded>(
      [this, bytes = Buffer::copy_of(module)] { return impl_->node->kernel().load(impl_->threads.first(), bytes); });
  if (!loaded) return fail(loaded.error());
  return Module(std::make_shared<const Module::Impl>(std::move(*loaded)));
}

Result<std::string> Node::spawn(std::span<const std::uint8_t> module, SpawnOptions options) {
  Result<kernel::SpawnSpec> spec = spec_of(std::move(options));
  if (!spec) return fail(spec.error());
  spec->module = Buffer::copy_of(module);
  return spawn_on(impl_->threads, *impl_->node, std::move(*spec));
}

Result<std::string> Node::spawn(const Module& module, SpawnOptions options) {
  Result<kernel::SpawnSpec> spec = spec_of(std::move(options));
  if (!spec) return fail(spec.error());
  spec->loaded = module.impl_->loaded;
  return spawn_on(impl_->threads, *impl_->node, std::move(*spec));
}

std::vector<Result<std::string>> Node::spawn_calls(const Module& module, std::string_view method,
                                                   std::span<const std::string> inputs, SpawnOptions options,
                                                   CallOptions limits) {
  Result<kernel::SpawnSpec> spec = spec_of(std::move(options));
  if (!spec) return {inputs.size(), fail(spec.error())};
  spec->loaded = module.impl_->loaded;
  return embed::run_all(impl_->node->kernel(), impl_->threads.loops(),
                        {std::move(*spec), std::string(method), limits.timeout, limits.max_answer_bytes}, inputs);
}

void Node::spawn_call(const Module& module, std::string_view method, std::string input, Answered done,
                      SpawnOptions options, CallOptions limits) {
  Result<kernel::SpawnSpec> spec = spec_of(std::move(options));
  if (!spec) return done(fail(spec.error()));
  spec->loaded = module.impl_->loaded;
  // By turns: no shard is known to be less busy without asking it.
  const std::vector<io::Loop*> loops = impl_->threads.loops();
  embed::run_one(impl_->node->kernel(), *loops[impl_->next_shard++ % loops.size()],
                 {std::move(*spec), std::string(method), limits.timeout, limits.max_answer_bytes}, std::move(input),
                 std::move(done));
}

Result<std::string> Node::call(std::string_view address, std::string_view method, std::string_view input,
                               CallOptions options) {
  Result<kernel::Address> target = kernel::Address::parse(address, impl_->node->kernel().config().aliases);
  if (!target) return fail(target.error());
  if (!kernel::valid_method_name(method))
    return fail(ErrorCode::bad_request, "'" + std::string(method) + "' is no method name");
  kernel::CallSpec spec;
  spec.principal.kind = kernel::Principal::Kind::operator_;
  spec.target = {target->node.empty() ? impl_->node->id() : target->node, target->process, std::string(method)};
  spec.path = spec.target.to_string();
  spec.input_size = input.size();
  spec.may_forward = true;
  return impl_->threads.run<Result<std::string>>([this, &spec, input, options] {
    if (options.timeout.count() > 0) spec.deadline = impl_->threads.first().now() + options.timeout;
    return talk(&impl_->node->kernel(), &impl_->threads.first(), std::move(spec), Buffer::copy_of(input),
                options.max_answer_bytes);
  });
}

std::vector<ProcessStatus> Node::processes() const {
  const auto list = impl_->threads.run<std::vector<kernel::ProcessInfo>>(
      [this] { return impl_->node->kernel().list(impl_->threads.first()); });
  std::vector<ProcessStatus> processes;
  for (const kernel::ProcessInfo& info : list) processes.push_back(status_of(info));
  return processes;
}

Result<ProcessStatus> Node::inspect(std::string_view process) const {
  auto info = impl_->threads.run<Result<kernel::ProcessInfo>>(
      [this, process] { return impl_->node->kernel().inspect(impl_->threads.first(), process_of(process)); });
  if (!info) return fail(info.error());
  return status_of(*info);
}

Result<void> Node::remove(std::string_view process) {
  Result<ProcessStatus> found = inspect(process);
  if (!found) return fail(found.error());
  return impl_->threads.run<Result<void>>(
      [this, pid = *Pid::parse(found->pid)] { return impl_->node->kernel().remove(impl_->threads.first(), pid); });
}

Result<void> Node::connect(std::string_view multiaddr) {
  Result<libp2p::Multiaddr> address = libp2p::Multiaddr::parse(multiaddr);
  if (!address) return fail(address.error());
  return impl_->threads.run<Result<void>>([this, to = *address] { return impl_->node->host().connect(to); });
}

}  // namespace myelin
