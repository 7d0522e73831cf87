// Configuration of a node: flags over environment (MYELIN_SECTION_KEY) over `$MYELIN_HOME/config.yaml` over defaults.
//
// Unknown keys are refused with line and column. docs/configuration.md lists every key with its default, unit and
// range. Thread: values.
#pragma once

#include "base/error.hpp"
#include "base/log.hpp"
#include "glia/glia.hpp"
#include "identity/peer_id.hpp"
#include "kernel/process.hpp"
#include "libp2p/host.hpp"
#include "wasm/engine.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::node {

// A process that the node starts with.
struct ConfiguredProcess {
  std::string file;        // path of the module, relative to the configuration file
  kernel::SpawnSpec spec;  // module filled at start
};

struct HttpConfig {
  std::string listen = "127.0.0.1:2080";  // host:port; empty: no HTTP
  bool insecure_http = false;             // allow a listen address beyond loopback
  std::uint64_t max_body_bytes = 0;       // of a call; 0: no limit (it streams)
  std::uint32_t max_connections = 1024;
  Duration header_timeout = std::chrono::seconds(10);
  Duration idle_timeout = std::chrono::seconds(60);
  std::vector<std::string> allowed_hosts;  // beside localhost, 127.0.0.1, [::1] and the listen address
  std::vector<std::string> allowed_origins;
};

struct Config {
  std::string home;  // absolute
  std::vector<std::string> listen = {"/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4001"};
  std::uint32_t shards = 0;  // 0: one per core
  libp2p::HostLimits libp2p_limits;
  bool early_muxer = true;
  std::vector<std::string> static_peers;  // multiaddrs with /p2p/
  std::map<std::string, identity::PeerId, std::less<>> aliases;
  glia::Config glia;
  HttpConfig http;
  wasm::EngineConfig engine;
  kernel::ProcessLimits default_limits;
  std::vector<ConfiguredProcess> processes;
  log::Config log;
  Duration drain_limit = std::chrono::seconds(10);
  bool deterministic = false;  // simulated worlds
};

// Parses YAML `text`; `origin` names it in errors ("config.yaml:3:5: unknown key 'lisen' …"). Values of `base` stay
// where the text is silent. Errors: bad_request.
Result<Config> parse_config(std::string_view text, std::string_view origin, Config base);
// Applies MYELIN_SECTION_KEY variables; `environment` gives all as pairs. Unknown MYELIN_ names are refused. Errors:
// bad_request.
Result<Config> apply_environment(const std::vector<std::pair<std::string, std::string>>& environment, Config base);

}  // namespace myelin::node
