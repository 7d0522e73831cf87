// World: a node of its own for one benchmark: threads, kernel, engine, a temporary home; no HTTP, no listeners.
//
// What the claims about guests are measured on: the layers as `myelin node` puts them together, without a front.
// Thread: every function blocks, from a thread that is not the node's. Lifetime: the destructor stops the node.
#pragma once

#include "base/log.hpp"
#include "bench/report.hpp"
#include "embed/threads.hpp"
#include "kernel/kernel.hpp"
#include "node/node.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace myelin::bench {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

inline Buffer guest(const std::string& stem) {
  std::ifstream file(MYELIN_BINARY_DIR "/guests/" + stem + ".wasm", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (bytes.empty()) give_up("no guest " + stem);
  return Buffer::copy_of(bytes);
}

inline Buffer number_body(std::uint64_t value) {
  Buffer body = Buffer::allocate(8);
  for (std::size_t i = 0; i < 8; ++i) body.writable()[i] = static_cast<std::uint8_t>(value >> (8 * i));
  return body;
}

inline std::uint64_t body_number(View body, std::size_t at = 0) {
  if (body.size() < at + 8) give_up("an answer without a number");
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= static_cast<std::uint64_t>(body[at + i]) << (8 * i);
  return value;
}

// A folder that goes with it.
class Home {
 public:
  Home() {
    std::string pattern = (std::filesystem::temp_directory_path() / "myelin-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) give_up("no temporary folder");
    path_ = pattern;
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  ~Home() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class World {
 public:
  // `adjust` may change the configuration: by itself the node listens nowhere.
  explicit World(std::uint32_t shards, wasm::EngineConfig engine = {},
                 const std::function<void(node::Config&)>& adjust = nullptr)
      : threads_(shards) {
    keep_freed_memory();
    log::Config quiet;
    quiet.level = log::Level::error;
    log::configure(quiet);
    node::Config config;
    config.home = home_.path();
    config.listen.clear();
    config.http.listen.clear();
    config.shards = shards;
    config.engine = std::move(engine);
    config.engine.cache_directory = home_.path() + "/cache";
    config.engine.compiler_program = MYELIN_BINARY_DIR "/bin/myelin-compile";
    if (adjust) adjust(config);
    auto started = threads_.run<Result<void>>([this, &config] { return start(std::move(config)); });
    if (!started) give_up("no node: " + to_string(started.error()));
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    threads_.run<bool>([this] { return stop(); });
  }

  embed::Threads& threads() { return threads_; }
  node::Node& node() { return *node_; }
  kernel::Kernel& kernel() { return node_->kernel(); }
  io::Loop& loop() { return threads_.first(); }

  kernel::ProcessInfo spawn(const Buffer& module, kernel::SpawnSpec spec = {}) {
    spec.module = module;
    auto info = threads_.run<Result<kernel::ProcessInfo>>(
        [this, &spec] { return node_->kernel().spawn(threads_.first(), std::move(spec)); });
    if (!info) give_up("spawn: " + to_string(info.error()));
    return *info;
  }

  // Sends a request; the future holds its response's body. An error ends the program, unless `may_fail`.
  std::future<Buffer> request(const Pid& pid, std::string method, Buffer body, bool may_fail = false) {
    std::promise<Buffer> promise;
    std::future<Buffer> future = promise.get_future();
    loop().post([this, pid, may_fail, method = std::move(method), body = std::move(body),
                 promise = std::move(promise)]() mutable {
      kernel().request(loop(), message_for(pid, std::move(method), std::move(body)),
                       [may_fail, promise = std::move(promise)](kernel::Outcome outcome) mutable {
                         if (!outcome && !may_fail) give_up("request: " + to_string(outcome.error()));
                         promise.set_value(outcome ? outcome->body : Buffer());
                       });
    });
    return future;
  }
  Buffer ask(const Pid& pid, std::string method, Buffer body) {
    return request(pid, std::move(method), std::move(body)).get();
  }

  void signal(const Pid& pid, kernel::Signal signal) {
    auto done = threads_.run<Result<void>>([this, pid, signal] { return kernel().signal(loop(), pid, signal); });
    if (!done) give_up("signal: " + to_string(done.error()));
  }

  static kernel::Message message_for(const Pid& pid, std::string method, Buffer body) {
    kernel::Message message;
    message.id = 1;
    message.source.process = Pid{};
    message.target.process = pid;
    message.method = std::move(method);
    message.body = std::move(body);
    message.principal.kind = kernel::Principal::Kind::operator_;
    return message;
  }

 private:
  io::Task<Result<void>> start(node::Config config) {
    auto started = co_await node::Node::start(threads_.loops(), std::move(config));
    if (!started) co_return fail(started.error());
    node_ = std::move(*started);
    co_return Result<void>{};
  }
  io::Task<bool> stop() {
    if (node_) co_await node_->stop();
    node_.reset();
    co_return true;
  }

  Home home_;
  embed::Threads threads_;
  std::unique_ptr<node::Node> node_;
};

}  // namespace myelin::bench
