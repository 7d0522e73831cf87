// node: a node until it is told to go. The first SIGTERM or SIGINT drains it, a second one ends the program.
#include "node/node.hpp"

#include "base/limits.hpp"
#include "base/log.hpp"
#include "cli/commands.hpp"
#include "cli/home.hpp"
#include "cli/output.hpp"
#include "cli/shards.hpp"
#include "http/server.hpp"
#include "io/files.hpp"
#include "io/sync.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <malloc.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace myelin::cli {
namespace {

constexpr Duration http_stop_limit = std::chrono::seconds(5);

struct Run {
  const Common* common;
  io::RealLoop* loop;
  std::vector<io::Loop*> shards;
  io::Event terminate;
  int signals = 0;
  int code = 0;
  explicit Run(io::RealLoop& first) : loop(&first), terminate(first) {}
};

std::string url_of(const io::SocketAddress& address) {
  io::SocketAddress shown = address;
  if (shown.ip.is_unspecified()) {
    shown.ip =
        shown.ip.family == io::IpAddress::Family::v4 ? io::IpAddress::loopback_v4() : io::IpAddress::loopback_v6();
  }
  return "http://" + shown.to_string();
}

void tell_ready(const Common& common, node::Node& node, const std::string& url) {
  const std::vector<libp2p::Multiaddr> addresses = node.host().addresses();
  if (common.json) {
    nlohmann::ordered_json json{{"peer", node.id().to_string()},
                                {"http", url},
                                {"listen", nlohmann::json::array()},
                                {"root", node.root_pid().to_string()},
                                {"home", common.home}};
    for (const libp2p::Multiaddr& address : addresses) json["listen"].push_back(address.to_string());
    print(json.dump());
  } else {
    print("peer    " + node.id().to_string());
    if (!url.empty()) print("http    " + url);
    for (const libp2p::Multiaddr& address : addresses) print("listen  " + address.to_string());
  }
  std::fflush(stdout);
}

// Bodies pass in pieces of up to 64 KiB that are freed in the order of their making, so that glibc would give the top
// of its heap back and take it again all the time. What it may keep is bounded, for each arena.
void keep_freed_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 4 * limits::mib);
  ::mallopt(M_TRIM_THRESHOLD, 64 * limits::mib);
  ::mallopt(M_TOP_PAD, 4 * limits::mib);
}

// Serves until the signal, then drains and stops; `server` may be null.
io::Task<void> serve(Run* run, node::Node* node, http::Server* server) {
  const std::string url = server == nullptr ? "" : url_of(server->address());
  const std::string api = run->common->home + "/api";
  if (server != nullptr) {
    Result<void> written = co_await run->loop->files().write_atomic(api, Buffer::copy_of(url + "\n"), 0600);
    if (!written) run->code = report(*run->common, written.error());
  }
  if (run->code == 0) {
    tell_ready(*run->common, *node, url);
    co_await run->terminate.wait();
    log::info("node", "draining",
              {{"limit_ms", static_cast<std::int64_t>(node->config().drain_limit.count() / 1'000'000)}});
    co_await node->drain(node->config().drain_limit);
  }
  if (server != nullptr) {
    (void)co_await run->loop->files().remove(api);
    co_await server->stop(http_stop_limit);
  }
  co_await node->stop();
}

io::Task<void> live(Run* run, node::Config config) {
  const bool with_http = !config.http.listen.empty();
  Result<std::unique_ptr<node::Node>> node = co_await node::Node::start(run->shards, std::move(config));
  if (!node) {
    run->code = report(*run->common, node.error());
    co_return;
  }
  std::unique_ptr<http::Server> server;
  if (with_http) {
    Result<std::unique_ptr<http::Server>> started = http::Server::start(**node);
    if (!started) {
      run->code = report(*run->common, started.error());
      co_await (*node)->stop();
      co_return;
    }
    server = std::move(*started);
  }
  co_await serve(run, node->get(), server.get());
}

}  // namespace

int run_node(const Common& common, const NodeOptions& options) {
  Result<HomeLock> lock = HomeLock::take(common.home);
  if (!lock) return report(common, lock.error());
  Result<node::Config> config = node_config(common, options);
  if (!config) return report(common, config.error());
  log::configure(config->log);
  keep_freed_memory();

  Shards shards(config->shards);
  Run run(shards.first());
  run.common = &common;
  run.shards = shards.loops();
  const std::string api = common.home + "/api";
  io::on_terminate(shards.first(), [&run, api](int signal) {
    if (++run.signals > 1) {
      ::unlink(api.c_str());
      std::_Exit(128 + signal);
    }
    run.terminate.set();
  });
  shards.first().run_until_done(live(&run, std::move(*config)));
  shards.stop();
  return run.code;
}

}  // namespace myelin::cli
