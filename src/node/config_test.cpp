#include "node/config.hpp"

#include "node/schema.hpp"
#include "node/values.hpp"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <string>

namespace myelin::node {
namespace {

using namespace std::chrono_literals;

constexpr char peer[] = "12D3KooWFYcCMuKujeeDDPqnH6yHeVrnXPaCjfbYVmQ9fHxfRDtA";

Config parse(const std::string& text) {
  auto config = parse_config(text, "config.yaml", {});
  EXPECT_TRUE(config) << (config ? "" : config.error().message);
  return config ? *config : Config{};
}

std::string refusal(const std::string& text) {
  auto config = parse_config(text, "config.yaml", {});
  EXPECT_FALSE(config) << text;
  if (config) return {};
  EXPECT_EQ(config.error().code, ErrorCode::bad_request);
  return config.error().message;
}

TEST(Config, NothingIsTheDefaults) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "http:\n", "processes:\n"}) {
    const Config config = parse(text);
    for (const auto& key : config_keys()) EXPECT_EQ(key.get(config), key.get(Config{})) << key.path;
    EXPECT_TRUE(config.processes.empty());
  }
}

TEST(Config, EveryShapeOfValue) {
  const Config config = parse(std::string(R"(
listen: [/ip4/127.0.0.1/tcp/0]
shards: 3
static_peers:
  - /ip4/10.0.0.1/tcp/4001/p2p/)") +
                              peer + R"(
aliases: {bob: )" + peer + R"(}
drain_limit: 250ms
libp2p:
  connections: 7
  early_muxer: false
  receive_memory: 1MiB
glia: {calls_per_second_per_peer: 2.5}
http:
  listen: "[::1]:0"
  allowed_hosts: [node.example, other]
engine: {preset: dense, max_memory: 128KiB}
limits: {memory: 1MiB, fuel_per_call: 1000000}
log: {level: debug, format: json, components: {libp2p: warn}}
)");
  EXPECT_EQ(config.listen, (std::vector<std::string>{"/ip4/127.0.0.1/tcp/0"}));
  EXPECT_EQ(config.shards, 3u);
  EXPECT_EQ(config.static_peers.size(), 1u);
  EXPECT_EQ(config.aliases.at("bob").to_string(), peer);
  EXPECT_EQ(config.drain_limit, 250ms);
  EXPECT_EQ(config.libp2p_limits.connections, 7u);
  EXPECT_FALSE(config.early_muxer);
  EXPECT_EQ(config.libp2p_limits.receive_memory_bytes, 1u << 20);
  EXPECT_EQ(config.glia.calls_per_second_per_peer, 2.5);
  EXPECT_EQ(config.http.listen, "[::1]:0");
  EXPECT_EQ(config.http.allowed_hosts.size(), 2u);
  EXPECT_EQ(config.engine.preset, wasm::MemoryPreset::dense);
  EXPECT_EQ(config.engine.max_memory_pages, 2u);
  EXPECT_EQ(config.default_limits.memory_pages, 16u);
  EXPECT_EQ(config.default_limits.fuel_per_call, 1'000'000u);
  EXPECT_EQ(config.log.level, log::Level::debug);
  EXPECT_EQ(config.log.format, log::Format::json);
  EXPECT_EQ(config.log.components.at("libp2p"), log::Level::warn);
}

TEST(Config, Processes) {
  const auto parsed = parse_config(std::string(R"(
processes:
  - file: echo.wasm
    name: echo
    arguments: [one, two words]
    environment: {KEY: value}
    restart: always
    allow: [bob, anyone]
    limits: {memory: 2MiB}
  - file: /abs/other.wasm
limits: {wall_per_call: 3s}
aliases: {bob: )") + peer + "}\n",
                                   "/etc/myelin/config.yaml", {});
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->processes.size(), 2u);
  const ConfiguredProcess& echo = parsed->processes[0];
  EXPECT_EQ(echo.file, "/etc/myelin/echo.wasm");
  EXPECT_EQ(echo.spec.name, "echo");
  EXPECT_EQ(echo.spec.arguments, (std::vector<std::string>{"one", "two words"}));
  EXPECT_EQ(echo.spec.environment.at(0).second, "value");
  EXPECT_EQ(echo.spec.restart, kernel::RestartPolicy::always);
  EXPECT_TRUE(echo.spec.access.anyone);
  EXPECT_EQ(echo.spec.access.peers.at(0).to_string(), peer);
  EXPECT_EQ(echo.spec.limits.memory_pages, 32u);
  EXPECT_EQ(echo.spec.limits.wall_per_call, 3s) << "what is left out comes from `limits`, wherever it stands";
  EXPECT_EQ(parsed->processes[1].file, "/abs/other.wasm");
  EXPECT_FALSE(parsed->processes[1].spec.access.anyone);
}

TEST(Config, UnknownKeysAreRefusedWithPlaceAndSuggestion) {
  EXPECT_EQ(refusal("shards: 1\nlisen: []\n"), "config.yaml:2:1: unknown key 'lisen' (did you mean 'listen'?)");
  EXPECT_EQ(refusal("http:\n  lisen: x\n"), "config.yaml:2:3: unknown key 'http.lisen' (did you mean 'listen'?)");
  EXPECT_EQ(refusal("procesess: []\n"), "config.yaml:1:1: unknown key 'procesess' (did you mean 'processes'?)");
  EXPECT_EQ(refusal("elephant: 1\n"), "config.yaml:1:1: unknown key 'elephant'");
  EXPECT_EQ(refusal("processes:\n  - fil: x\n"), "config.yaml:2:5: unknown key 'fil' (did you mean 'file'?)");
  EXPECT_EQ(refusal("http.listen: x\n"), "config.yaml:1:14: 'http.listen': 'x' is not host:port");
  EXPECT_NE(refusal("processes:\n  - file: x\n    limits: {memori: 1MiB}\n").find("did you mean 'memory'?"),
            std::string::npos);
}

TEST(Config, WrongValuesAreRefusedWithPlace) {
  for (const auto& [text, place] : std::map<std::string, std::string>{
           {"shards: many\n", "1:9"},
           {"shards: -1\n", "1:9"},
           {"shards: 1025\n", "1:9"},
           {"shards: [1]\n", "1:9"},
           {"drain_limit: 10\n", "1:14"},
           {"drain_limit: 10 s\n", "1:14"},
           {"drain_limit: 99999999h\n", "1:14"},
           {"listen: /ip4/127.0.0.1/tcp/1\n", "1:9"},
           {"listen: [/ip4/127.0.0.1/udp/1]\n", "1:9"},
           {"listen: [nonsense]\n", "1:9"},
           {"static_peers: [/ip4/10.0.0.1/tcp/1]\n", "1:15"},
           {"aliases: {bob: nobody}\n", "1:10"},
           {"aliases: {Bob: x}\n", "1:10"},
           {"limits: {memory: 65537}\n", "1:18"},
           {"limits: {memory: 5GiB}\n", "1:18"},
           {"limits: {memory: 0}\n", "1:18"},
           {"http: 7\n", "1:7"},
           {"http: {insecure: yes}\n", "1:18"},
           {"log: {level: loud}\n", "1:14"},
           {"shards: 1\nshards: 2\n", "2:1"},
           {"processes: {}\n", "1:12"},
           {"processes:\n  - name: x\n", "2:5"},
           {"processes:\n  - {file: a, name: x}\n  - {file: b, name: x}\n", "3:5"},
           {"processes:\n  - {file: a, name: Not}\n", "2:21"},
           {"processes:\n  - {file: a, allow: [nobody]}\n", "2:22"},
           {"processes:\n  - {file: a, environment: {\"A=B\": x}}\n", "2:28"},
           {"- a list\n", "1:1"},
           {"a: [\n", "2:1"},
           {"? [x]\n: 1\n", "1:3"},
       }) {
    const std::string message = refusal(text);
    EXPECT_TRUE(message.starts_with("config.yaml:" + place + ": ")) << text << message;
  }
}

TEST(Config, HostileTextIsRefusedInBoundedTime) {
  refusal(std::string(100'000, '['));
  refusal(std::string(100'000, '{'));
  std::string dashes;
  for (int i = 0; i < 50'000; ++i) dashes += "- ";
  refusal(dashes);
  std::string laughs = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'j'; ++c) {
    const std::string before(1, static_cast<char>(c - 1));
    laughs += std::string(1, c) + ": &" + c + " [*" + before;
    for (int i = 0; i < 9; ++i) laughs += ",*" + before;
    laughs += "]\n";
  }
  refusal(laughs);
  refusal(std::string(2 << 20, '#'));
  refusal("--- {}\n--- {}\n");
}

TEST(Config, TheFileStandsOverItsBase) {
  Config base;
  base.shards = 2;
  base.drain_limit = 1s;
  const auto config = parse_config("shards: 5\n", "x", base);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->shards, 5u);
  EXPECT_EQ(config->drain_limit, 1s);
}

TEST(Config, Environment) {
  const auto config = apply_environment({{"PATH", "/bin"},
                                         {"MYELIN_HOME", "/tmp/home"},
                                         {"MYELIN_HTTP_LISTEN", "127.0.0.1:0"},
                                         {"MYELIN_LISTEN", "/ip4/127.0.0.1/tcp/0, /ip6/::1/tcp/0"},
                                         {"MYELIN_LIMITS_WALL_PER_CALL", "10s"}},
                                        {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->home, "/tmp/home");
  EXPECT_EQ(config->http.listen, "127.0.0.1:0");
  EXPECT_EQ(config->listen, (std::vector<std::string>{"/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/0"}));
  EXPECT_EQ(config->default_limits.wall_per_call, 10s);
  EXPECT_EQ(apply_environment({{"MYELIN_HTTP_LISEN", "x"}}, {}).error().message,
            "unknown variable MYELIN_HTTP_LISEN (did you mean 'MYELIN_HTTP_LISTEN'?)");
  EXPECT_EQ(apply_environment({{"MYELIN_SHARDS", "x"}}, {}).error().message,
            "MYELIN_SHARDS: 'x' is not a whole number");
  EXPECT_FALSE(apply_environment({{"MYELIN_ALIASES", "a=b"}}, {}));
  EXPECT_FALSE(apply_environment({{"MYELIN_PROCESSES", "a"}}, {}));
}

// What `get` shows can be set again, and changes nothing.
TEST(Config, DefaultsAreValues) {
  for (const auto& key : config_keys()) {
    Config config;
    const std::string shown = key.get(config);
    if (key.set_text) {
      EXPECT_TRUE(key.set_text(config, shown)) << key.path;
      EXPECT_EQ(key.get(config), shown) << key.path;
    }
    EXPECT_EQ(!key.set_text + !key.set_list + !key.set_map, 2) << key.path;
  }
}

// The rows `| `key` | type | default | …` of docs/configuration.md.
std::map<std::string, std::pair<std::string, std::string>> documented() {
  std::ifstream in(std::string(MYELIN_SOURCE_DIR) + "/docs/configuration.md");
  std::map<std::string, std::pair<std::string, std::string>> rows;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    std::stringstream rest(line.substr(1));
    for (std::string cell; std::getline(rest, cell, '|');) {
      std::erase(cell, '`');
      const auto first = cell.find_first_not_of(' ');
      cells.push_back(first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
    }
    EXPECT_EQ(cells.size(), 4u) << line;
    EXPECT_FALSE(cells.at(3).empty()) << line;
    EXPECT_TRUE(rows.emplace(cells.at(0), std::pair(cells.at(1), cells.at(2))).second) << line;
  }
  return rows;
}

TEST(Config, TheDocumentListsExactlyTheKeys) {
  auto rows = documented();
  const auto check = [&rows](const std::string& path, const std::string& type, const std::string& value) {
    const auto row = rows.find(path);
    ASSERT_NE(row, rows.end()) << path << " is not documented";
    EXPECT_EQ(row->second.first, type) << path;
    EXPECT_EQ(row->second.second, value) << path;
    rows.erase(row);
  };
  const Config config;
  for (const auto& key : config_keys()) check(key.path, key.type, key.get(config));
  for (const auto& key : process_keys(config)) check("processes[]." + key.path, key.type, key.get({}));
  for (const auto& [path, row] : rows) ADD_FAILURE() << path << " is documented and unknown";
}

}  // namespace
}  // namespace myelin::node
