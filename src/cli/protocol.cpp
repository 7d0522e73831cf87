// protocol: programs of native protocols. `myelin protocol pingpong` is the example of the Simple Protocol Runtime.
#include "myelin/protocol.hpp"

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "io/real.hpp"
#include "protocol/config.hpp"
#include "protocol/log_format.hpp"
#include "protocol/pingpong.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

namespace myelin::cli {
namespace {

constexpr Duration drain_limit = std::chrono::seconds(5);

// SIGINT and SIGTERM, on a loop of their own: the first ends the runtime gracefully, the second the program.
class Signals {
 public:
  explicit Signals(std::function<void()> first) : loop_(io::RealLoop::create()) {
    io::on_terminate(*loop_, [this, first = std::move(first)](int signal) {
      if (++count_ > 1) std::_Exit(128 + signal);
      first();
    });
    thread_ = std::thread([this] { loop_->run(); });
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals() {
    loop_->stop();
    thread_.join();
  }

 private:
  std::unique_ptr<io::RealLoop> loop_;
  std::thread thread_;
  int count_ = 0;
};

Result<protocol::FileConfig> config_of(const PingPongOptions& options) {
  protocol::FileConfig config;
  if (!options.config.empty()) {
    auto loaded = protocol::load_config(options.config);
    if (!loaded) return fail(std::move(loaded.error()));
    config = std::move(*loaded);
  }
  if (!options.self_ip.empty()) config.self_ip = options.self_ip;
  if (!options.peer_ip.empty()) config.peer_ip = options.peer_ip;
  if (options.self_port) config.self_port = options.self_port;
  if (options.peer_port) config.peer_port = options.peer_port;
  if (options.wire == "w0") config.wire = protocol::Wire::w0;
  if (options.wire == "w3") config.wire = protocol::Wire::w3;
  if (!options.log_level.empty()) {
    const auto level = protocol::log_level(options.log_level);
    if (!level) return fail(ErrorCode::bad_request, "a level is debug, info, warn or error");
    config.log.level = *level;
  }
  if (!config.self_port) return fail(ErrorCode::no_channel, "no port of our own: runtime.self.port or -self-port");
  if (!config.peer_port) return fail(ErrorCode::bad_request, "no peer: runtime.peer.port or -peer-port");
  return config;
}

protocol::RuntimeOptions runtime_options(const protocol::FileConfig& config, const PingPongOptions& options) {
  protocol::RuntimeOptions made;
  made.self = {config.self_ip.value_or("127.0.0.1"), *config.self_port};
  made.log = config.log;
  made.mailbox_capacity = config.mailbox_capacity;
  made.channel.wire = config.wire;
  made.channel.queue_bytes = config.queue_bytes;
  made.channel.retry.after_disconnect = true;
  made.channel.retry.max_attempts = options.attempts;
  return made;
}

int tell_end(const Common& common, const protocol::StopReason& why, std::uint64_t pongs) {
  using Kind = protocol::StopReason::Kind;
  if (common.json) {
    print(nlohmann::ordered_json{{"ended", protocol::name(why.kind)}, {"detail", why.detail}, {"pongs", pongs}}.dump());
  } else {
    std::string line = "ended: " + std::string(protocol::name(why.kind));
    if (!why.detail.empty()) line += " (" + visible(why.detail) + ")";
    print(line + ", " + std::to_string(pongs) + " pongs");
  }
  return why.kind == Kind::failed ? 64 + static_cast<int>(ErrorCode::trapped) : 0;
}

}  // namespace

int run_pingpong(const Common& common, const PingPongOptions& options) {
  auto config = config_of(options);
  if (!config) return report(common, config.error());
  auto runtime = protocol::Runtime::create(runtime_options(*config, options));
  if (!runtime) return report(common, runtime.error());

  protocol::PingPong::Options game;
  game.peer = {config->peer_ip.value_or("127.0.0.1"), *config->peer_port};
  game.numbered = config->wire == protocol::Wire::w3;
  game.interval = std::chrono::milliseconds(options.interval_ms);
  game.count = options.count;
  std::uint64_t pongs = 0;  // written by the runtime's thread, read when it has ended
  game.on_pong = [&pongs](std::uint64_t count) { pongs = count; };
  bool given_up = false;
  game.on_given_up = [&given_up] { given_up = true; };
  if (auto added = (*runtime)->add(std::make_unique<protocol::PingPong>(std::move(game))); !added) {
    return report(common, added.error());
  }
  protocol::StopReason why{};
  {
    const Signals signals([&runtime] { (*runtime)->shutdown(drain_limit); });
    if (auto started = (*runtime)->start(); !started) return report(common, started.error());
    if (!common.json) print("listening on " + (*runtime)->self().to_string());
    std::fflush(stdout);
    why = (*runtime)->wait();
  }
  const int code = tell_end(common, why, pongs);
  return given_up ? report(common, Error{ErrorCode::offline, why.detail}) : code;
}

}  // namespace myelin::cli
