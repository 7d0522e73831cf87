#include "node/schema.hpp"

#include "node/values.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace myelin::node {
namespace {

constexpr std::uint64_t page_bytes = 64 * limits::kib;
constexpr std::uint64_t max_u32 = std::numeric_limits<std::uint32_t>::max();

std::string join(const TextList& list) {
  std::string text;
  for (const std::string& item : list) text += (text.empty() ? "" : ", ") + item;
  return text;
}

// Makes keys of one Target. `get` is a pointer to member, or anything that gives a reference to the field.
template <typename Target>
class Builder {
 public:
  std::vector<Key<Target>> keys;

  template <typename Get>
  void duration(std::string path, Get get) {
    text(std::move(path), "duration", read_duration, [](Duration value) { return write_duration(value); }, get);
  }
  template <typename Get>
  void size(std::string path, Get get) {
    text(std::move(path), "size", read_size, [](std::uint64_t value) { return write_size(value); }, get);
  }
  template <typename Get>
  void count(std::string path, Get get, std::uint64_t max = max_u32) {
    text(
        std::move(path), "count", [max](std::string_view value) { return read_count(value, max); },
        [](std::uint64_t value) { return std::to_string(value); }, get);
  }
  template <typename Get>
  void flag(std::string path, Get get) {
    text(std::move(path), "flag", read_flag, [](bool value) { return std::string(value ? "true" : "false"); }, get);
  }
  // Guest memory: a size in whole pages, kept as their number.
  template <typename Get>
  void memory(std::string path, Get get) {
    text(
        std::move(path), "size",
        [](std::string_view value) -> Result<std::uint64_t> {
          const auto bytes = read_size(value);
          if (!bytes) return fail(bytes.error());
          if (*bytes == 0 || *bytes % page_bytes != 0 || *bytes > (4ull << 30)) {
            return fail(ErrorCode::bad_request, "guest memory is a multiple of 64KiB, at most 4GiB");
          }
          return *bytes / page_bytes;
        },
        [](std::uint64_t pages) { return write_size(pages * page_bytes); }, get);
  }
  // `read`: text to Result of something that the field takes; `write`: back.
  template <typename Read, typename Write, typename Get>
  void text(std::string path, std::string type, Read read, Write write, Get get) {
    Key<Target> key;
    key.path = std::move(path);
    key.type = std::move(type);
    key.set_text = [read, get](Target& target, const std::string& value) -> Result<void> {
      auto parsed = read(value);
      if (!parsed) return fail(parsed.error());
      auto& field = get(target);
      field = static_cast<std::remove_reference_t<decltype(field)>>(*parsed);
      return {};
    };
    key.get = [write, get](const Target& target) { return write(get(const_cast<Target&>(target))); };
    keys.push_back(std::move(key));
  }
  // `check`: refuses an item.
  template <typename Get>
  void list(std::string path, std::string type, std::function<Result<void>(const std::string&)> check, Get get) {
    Key<Target> key;
    key.path = std::move(path);
    key.type = std::move(type);
    key.set_list = [check = std::move(check), get](Target& target, const TextList& items) -> Result<void> {
      for (const std::string& item : items) {
        if (auto good = check(item); !good) return good;
      }
      get(target) = items;
      return {};
    };
    key.get = [get](const Target& target) { return join(get(const_cast<Target&>(target))); };
    keys.push_back(std::move(key));
  }
};

Result<std::string> any_text(std::string_view text) {
  if (text.size() > 4096) return fail(ErrorCode::bad_request, "longer than 4096 bytes");
  return std::string(text);
}

std::string same_text(const std::string& text) { return text; }

Result<void> any_item(const std::string&) { return {}; }

Result<std::string> host_and_port(std::string_view text) {
  if (text.empty()) return std::string();
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || !read_count(text.substr(colon + 1), 65535)) {
    return fail(ErrorCode::bad_request, "'" + std::string(text) + "' is not host:port");
  }
  return std::string(text);
}

Result<void> listen_address(const std::string& text) {
  const auto address = libp2p::Multiaddr::parse(text);
  if (!address) return fail(address.error());
  if (!address->tcp_socket()) return fail(ErrorCode::bad_request, "'" + text + "' is not /ip4 or /ip6 with /tcp");
  return {};
}

Result<void> peer_address(const std::string& text) {
  const auto address = libp2p::Multiaddr::parse(text);
  if (!address) return fail(address.error());
  if (!address->peer()) return fail(ErrorCode::bad_request, "'" + text + "' names no peer: /p2p/… is missing");
  return {};
}

constexpr std::array<std::pair<std::string_view, log::Level>, 5> levels{{{"debug", log::Level::debug},
                                                                         {"info", log::Level::info},
                                                                         {"warn", log::Level::warn},
                                                                         {"error", log::Level::error},
                                                                         {"off", log::Level::off}}};

Result<log::Level> read_level(std::string_view text) {
  const auto* found = std::ranges::find(levels, text, &decltype(levels)::value_type::first);
  if (found == levels.end()) return fail(ErrorCode::bad_request, "a level is debug, info, warn, error or off");
  return found->second;
}

std::string write_level(log::Level level) {
  return std::string(std::ranges::find(levels, level, &decltype(levels)::value_type::second)->first);
}

Result<log::Format> read_format(std::string_view text) {
  if (text == "text") return log::Format::text;
  if (text == "json") return log::Format::json;
  return fail(ErrorCode::bad_request, "a log format is text or json");
}

Result<wasm::MemoryPreset> read_preset(std::string_view text) {
  if (text == "guarded") return wasm::MemoryPreset::guarded;
  if (text == "dense") return wasm::MemoryPreset::dense;
  return fail(ErrorCode::bad_request, "a memory preset is guarded or dense");
}

Result<kernel::RestartPolicy> read_restart(std::string_view text) {
  if (const auto policy = kernel::restart_policy(text)) return *policy;
  return fail(ErrorCode::bad_request, "a restart policy is never, on-failure or always");
}

Key<Config> aliases_key() {
  Key<Config> key;
  key.path = "aliases";
  key.type = "map of names to peer IDs";
  key.set_map = [](Config& config, const TextMap& items) -> Result<void> {
    for (const auto& [name, text] : items) {
      if (!kernel::valid_process_name(name)) {
        return fail(ErrorCode::bad_request, "'" + name + "' is not an alias: [a-z0-9][a-z0-9._-]{0,63}");
      }
      auto peer = identity::PeerId::parse(text);
      if (!peer) return fail(peer.error());
      config.aliases[name] = std::move(*peer);
    }
    return {};
  };
  key.get = [](const Config&) { return std::string(); };
  return key;
}

Key<Config> components_key() {
  Key<Config> key;
  key.path = "log.components";
  key.type = "map of components to levels";
  key.set_map = [](Config& config, const TextMap& items) -> Result<void> {
    for (const auto& [name, text] : items) {
      const auto level = read_level(text);
      if (!level) return fail(level.error());
      config.log.components[name] = *level;
    }
    return {};
  };
  key.get = [](const Config&) { return std::string(); };
  return key;
}

// The limits of a process, under `prefix`; `of` finds them in the target.
template <typename Target, typename Of>
void add_limits(Builder<Target>& add, const std::string& prefix, Of of) {
  add.memory(prefix + "memory", [of](Target& t) -> auto& { return of(t).memory_pages; });
  add.count(
      prefix + "fuel_per_call", [of](Target& t) -> auto& { return of(t).fuel_per_call; },
      std::numeric_limits<std::int64_t>::max());
  add.duration(prefix + "wall_per_call", [of](Target& t) -> auto& { return of(t).wall_per_call; });
  add.size(prefix + "output_per_call", [of](Target& t) -> auto& { return of(t).output_bytes_per_call; });
  add.count(prefix + "queue_messages", [of](Target& t) -> auto& { return of(t).queue_messages; });
  add.size(prefix + "queue_memory", [of](Target& t) -> auto& { return of(t).queue_bytes; });
  add.count(prefix + "open_requests", [of](Target& t) -> auto& { return of(t).open_requests; });
}

void add_network(Builder<Config>& add) {
  add.list("listen", "list of multiaddrs", listen_address, [](Config& c) -> auto& { return c.listen; });
  add.list("static_peers", "list of multiaddrs", peer_address, [](Config& c) -> auto& { return c.static_peers; });
  add.keys.push_back(aliases_key());
  add.count("libp2p.connections", [](Config& c) -> auto& { return c.libp2p_limits.connections; });
  add.count("libp2p.connections_per_peer", [](Config& c) -> auto& { return c.libp2p_limits.connections_per_peer; });
  add.count("libp2p.handshakes", [](Config& c) -> auto& { return c.libp2p_limits.handshakes; });
  add.count("libp2p.handshakes_per_address", [](Config& c) -> auto& { return c.libp2p_limits.handshakes_per_address; });
  add.count("libp2p.streams_per_connection", [](Config& c) -> auto& { return c.libp2p_limits.streams_per_connection; });
  add.count("libp2p.streams", [](Config& c) -> auto& { return c.libp2p_limits.streams; });
  add.duration("libp2p.handshake_timeout", [](Config& c) -> auto& { return c.libp2p_limits.handshake_timeout; });
  add.duration("libp2p.negotiation_timeout", [](Config& c) -> auto& { return c.libp2p_limits.negotiation_timeout; });
  add.duration("libp2p.keepalive_interval", [](Config& c) -> auto& { return c.libp2p_limits.keepalive_interval; });
  add.duration("libp2p.keepalive_timeout", [](Config& c) -> auto& { return c.libp2p_limits.keepalive_timeout; });
  add.size("libp2p.receive_memory", [](Config& c) -> auto& { return c.libp2p_limits.receive_memory_bytes; });
  add.flag("libp2p.early_muxer", [](Config& c) -> auto& { return c.early_muxer; });
  add.text("glia.calls_per_second_per_peer", "rate", read_rate, write_rate,
           [](Config& c) -> auto& { return c.glia.calls_per_second_per_peer; });
  add.count("glia.burst_per_peer", [](Config& c) -> auto& { return c.glia.burst_per_peer; });
  add.count("glia.calls_per_peer", [](Config& c) -> auto& { return c.glia.calls_per_peer; });
}

void add_http(Builder<Config>& add) {
  add.text("http.listen", "host:port", host_and_port, same_text, [](Config& c) -> auto& { return c.http.listen; });
  add.flag("http.insecure", [](Config& c) -> auto& { return c.http.insecure_http; });
  add.size("http.max_body", [](Config& c) -> auto& { return c.http.max_body_bytes; });
  add.count("http.max_connections", [](Config& c) -> auto& { return c.http.max_connections; });
  add.duration("http.header_timeout", [](Config& c) -> auto& { return c.http.header_timeout; });
  add.duration("http.idle_timeout", [](Config& c) -> auto& { return c.http.idle_timeout; });
  add.list("http.allowed_hosts", "list of hosts", any_item, [](Config& c) -> auto& { return c.http.allowed_hosts; });
  add.list("http.allowed_origins", "list of origins", any_item,
           [](Config& c) -> auto& { return c.http.allowed_origins; });
}

void add_guests(Builder<Config>& add) {
  add.count("shards", [](Config& c) -> auto& { return c.shards; }, 1024);
  add.text(
      "engine.preset", "guarded or dense", read_preset,
      [](wasm::MemoryPreset preset) {
        return std::string(preset == wasm::MemoryPreset::guarded ? "guarded" : "dense");
      },
      [](Config& c) -> auto& { return c.engine.preset; });
  add.count("engine.max_instances", [](Config& c) -> auto& { return c.engine.max_instances; });
  add.memory("engine.max_memory", [](Config& c) -> auto& { return c.engine.max_memory_pages; });
  add.text("engine.cache_directory", "path", any_text, same_text,
           [](Config& c) -> auto& { return c.engine.cache_directory; });
  add.text("engine.compiler", "path", any_text, same_text,
           [](Config& c) -> auto& { return c.engine.compiler_program; });
  add.duration("engine.compile_wall_limit", [](Config& c) -> auto& { return c.engine.compile_wall_limit; });
  add.count("engine.compilers", [](Config& c) -> auto& { return c.engine.compilers; });
  add.size("engine.compile_memory", [](Config& c) -> auto& { return c.engine.compile_memory_bytes; });
  add.size("engine.max_module", [](Config& c) -> auto& { return c.engine.module_limits.module_bytes; });
  add_limits(add, "limits.", [](Config& c) -> auto& { return c.default_limits; });
}

std::vector<Key<Config>> make_config_keys() {
  Builder<Config> add;
  add_network(add);
  add_http(add);
  add_guests(add);
  add.text("log.level", "level", read_level, write_level, [](Config& c) -> auto& { return c.log.level; });
  add.text(
      "log.format", "text or json", read_format,
      [](log::Format format) { return std::string(format == log::Format::text ? "text" : "json"); },
      [](Config& c) -> auto& { return c.log.format; });
  add.keys.push_back(components_key());
  add.duration("drain_limit", [](Config& c) -> auto& { return c.drain_limit; });
  return std::move(add.keys);
}

// The word `anyone`, peer IDs in any spelling, aliases.
Key<ConfiguredProcess> allow_key(const Config& config) {
  Key<ConfiguredProcess> key;
  key.path = "allow";
  key.type = "list of peer IDs and aliases, or anyone";
  key.set_list = [aliases = config.aliases](ConfiguredProcess& process, const TextList& items) -> Result<void> {
    kernel::AccessList access;
    for (const std::string& item : items) {
      if (item == "anyone") {
        access.anyone = true;
      } else if (const auto alias = aliases.find(item); alias != aliases.end()) {
        access.peers.push_back(alias->second);
      } else {
        auto peer = identity::PeerId::parse(item);
        if (!peer) return fail(ErrorCode::bad_request, "'" + item + "' is not anyone, a peer ID or an alias above");
        access.peers.push_back(std::move(*peer));
      }
    }
    process.spec.access = std::move(access);
    return {};
  };
  key.get = [](const ConfiguredProcess&) { return std::string(); };
  return key;
}

Key<ConfiguredProcess> environment_key() {
  Key<ConfiguredProcess> key;
  key.path = "environment";
  key.type = "map of names to values";
  key.set_map = [](ConfiguredProcess& process, const TextMap& items) -> Result<void> {
    for (const auto& [name, value] : items) {
      if (name.empty() || name.find('=') != std::string::npos) {
        return fail(ErrorCode::bad_request, "'" + name + "' is not the name of a variable");
      }
    }
    process.spec.environment = items;
    return {};
  };
  key.get = [](const ConfiguredProcess&) { return std::string(); };
  return key;
}

Result<std::string> process_name(std::string_view text) {
  if (!kernel::valid_process_name(text)) {
    return fail(ErrorCode::bad_request, "a name is [a-z0-9][a-z0-9._-]{0,63} and not a PID");
  }
  return std::string(text);
}

}  // namespace

const std::vector<Key<Config>>& config_keys() {
  static const std::vector<Key<Config>> keys = make_config_keys();
  return keys;
}

std::vector<Key<ConfiguredProcess>> process_keys(const Config& config) {
  using Process = ConfiguredProcess;
  Builder<Process> add;
  add.text("file", "path", any_text, same_text, [](Process& p) -> auto& { return p.file; });
  add.text("name", "name", process_name, same_text, [](Process& p) -> auto& { return p.spec.name; });
  add.list("arguments", "list of texts", any_item, [](Process& p) -> auto& { return p.spec.arguments; });
  add.keys.push_back(environment_key());
  add.text(
      "restart", "never, on-failure or always", read_restart,
      [](kernel::RestartPolicy policy) { return std::string(kernel::name(policy)); },
      [](Process& p) -> auto& { return p.spec.restart; });
  add.keys.push_back(allow_key(config));
  add_limits(add, "limits.", [](Process& p) -> auto& { return p.spec.limits; });
  return std::move(add.keys);
}

}  // namespace myelin::node
