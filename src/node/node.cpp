#include "node/node.hpp"

#include "base/check.hpp"
#include "base/log.hpp"
#include "io/files.hpp"
#include "io/sync.hpp"
#include "node/directory.hpp"
#include "node/home.hpp"
#include "wasm/wasi.hpp"

#include <utility>

namespace myelin::node {
namespace {

std::unexpected<Error> in_step(const char* step, const Error& error) {
  return fail(Error{error.code, std::string(step) + ": " + error.message, error.detail});
}

// Members stand in the order of their making; stop() ends them in the reverse order.
class NodeImpl : public Node {
 public:
  NodeImpl(std::vector<io::Loop*> shards, Config config)
      : shards_(std::move(shards)), loop_(*shards_.front()), config_(std::move(config)), stopped_(loop_) {}

  io::Task<Result<void>> start(wasm::Engine* engine) {
    auto home = co_await open_home(loop_, config_.home);
    if (!home) co_return in_step("home", home.error());
    home_ = std::move(*home);
    id_ = home_.key.peer_id();
    if (auto made = make_engine(engine); !made) co_return in_step("engine", made.error());
    kernel_ = watch(kernel::Kernel::create(kernel_config(), *engine_, shards_), directory_);
    auto host_config = make_host_config();
    if (!host_config) co_return co_await give_up("static peers", host_config.error());
    host_ = libp2p::Host::create(loop_, std::move(*host_config));
    config_.glia.offers = [this](const kernel::CallPath& path) { return directory_.offers(path); };
    glia_ = glia::Glia::create(*host_, *kernel_, loop_, config_.glia);
    kernel_->set_remote_route(glia_.get());
    for (const std::string& text : config_.listen) {
      auto address = libp2p::Multiaddr::parse(text);
      auto listening = address ? host_->listen(std::move(*address)) : Result<void>(fail(address.error()));
      if (!listening) {
        co_return co_await give_up("listen", Error{listening.error().code, text + ": " + listening.error().message, 0});
      }
    }
    for (const ConfiguredProcess& process : config_.processes) {
      auto spawned = co_await spawn(process);
      if (!spawned) co_return co_await give_up("processes", spawned.error());
    }
    ready_ = true;
    log::info("node", "started", {{"id", id_.to_string()}, {"root", home_.root.to_string()}});
    co_return Result<void>{};
  }

  const Config& config() const override { return config_; }
  const identity::PeerId& id() const override { return id_; }
  Pid root_pid() const override { return home_.root; }
  const std::string& token() const override { return home_.token; }
  kernel::Kernel& kernel() override { return *kernel_; }
  libp2p::Host& host() override { return *host_; }
  io::Loop& host_loop() override { return loop_; }
  glia::Glia& glia() override { return *glia_; }
  wasm::Engine& engine() override { return *engine_; }
  const std::vector<io::Loop*>& shards() const override { return shards_; }
  bool ready() const override { return ready_; }

  io::Task<void> drain(Duration limit) override {
    ready_ = false;
    co_await kernel_->drain(loop_, loop_.now() + limit);
  }

  // Idempotent; a second call waits for the first.
  io::Task<void> stop() override {
    ready_ = false;
    if (std::exchange(stopping_, true)) {
      co_await stopped_.wait();
      co_return;
    }
    if (glia_) co_await glia_->stop();
    if (host_) co_await host_->stop();
    if (kernel_) co_await kernel_->stop(loop_);
    log::info("node", "stopped", {{"id", id_.to_string()}});
    stopped_.set();
  }

 private:
  io::Task<Result<void>> give_up(const char* step, Error error) {
    co_await stop();
    co_return in_step(step, error);
  }

  Result<void> make_engine(wasm::Engine* engine) {
    engine_ = engine;
    if (engine_) return {};
    auto functions = wasm::wasi::host_functions();
    for (wasm::HostFunction& function : kernel::host_functions()) functions.push_back(std::move(function));
    if (config_.engine.cache_directory.empty()) config_.engine.cache_directory = config_.home + "/cache";
    config_.engine.deterministic = config_.engine.deterministic || config_.deterministic;
    auto made = wasm::Engine::create(config_.engine, std::move(functions));
    if (!made) return fail(made.error());
    own_engine_ = std::move(*made);
    engine_ = own_engine_.get();
    return {};
  }

  kernel::KernelConfig kernel_config() const {
    kernel::KernelConfig kernel;
    kernel.node = id_;
    kernel.root_pid = home_.root;
    kernel.adapt_slices = !config_.deterministic;
    kernel.aliases = [aliases = config_.aliases](std::string_view name) -> std::optional<identity::PeerId> {
      const auto found = aliases.find(name);
      return found == aliases.end() ? std::nullopt : std::optional(found->second);
    };
    return kernel;
  }

  Result<libp2p::HostConfig> make_host_config() const {
    libp2p::HostConfig host;
    host.key = home_.key;
    host.limits = config_.libp2p_limits;
    host.early_muxer = config_.early_muxer;
    for (const std::string& text : config_.static_peers) {
      auto address = libp2p::Multiaddr::parse(text);
      if (!address) return fail(ErrorCode::bad_request, text + ": " + address.error().message);
      if (!address->peer()) return fail(ErrorCode::bad_request, text + ": names no peer");
      host.static_peers.push_back(std::move(*address));
    }
    return host;
  }

  io::Task<Result<void>> spawn(ConfiguredProcess process) {
    const std::string path = process.file.starts_with('/') ? process.file : config_.home + "/" + process.file;
    auto module = co_await loop_.files().read(path, config_.engine.module_limits.module_bytes);
    if (!module) co_return fail(module.error().code, path + ": " + module.error().message);
    process.spec.module = std::move(*module);
    auto info = co_await kernel_->spawn(loop_, std::move(process.spec));
    if (!info) co_return fail(info.error().code, path + ": " + info.error().message);
    co_return Result<void>{};
  }

  std::vector<io::Loop*> shards_;
  io::Loop& loop_;  // shard 0's: the host's
  Config config_;
  Home home_;
  identity::PeerId id_;
  std::unique_ptr<wasm::Engine> own_engine_;
  wasm::Engine* engine_ = nullptr;
  Directory directory_;
  std::unique_ptr<kernel::Kernel> kernel_;
  std::unique_ptr<libp2p::Host> host_;
  std::unique_ptr<glia::Glia> glia_;
  bool ready_ = false;
  bool stopping_ = false;
  io::Event stopped_;
};

}  // namespace

io::Task<Result<std::unique_ptr<Node>>> Node::start(std::vector<io::Loop*> shards, Config config,
                                                    wasm::Engine* engine) {
  MYELIN_CHECK(!shards.empty(), "a node has at least one shard");
  auto node = std::make_unique<NodeImpl>(std::move(shards), std::move(config));
  if (auto started = co_await node->start(engine); !started) co_return fail(started.error());
  co_return std::unique_ptr<Node>(std::move(node));
}

}  // namespace myelin::node
