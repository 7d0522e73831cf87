#include "protocol/config.hpp"

#include "base/limits.hpp"
#include "base/units.hpp"
#include "io/network.hpp"
#include "protocol/log_format.hpp"

#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <utility>
#include <vector>
#include <yaml-cpp/yaml.h>

namespace myelin::protocol {

namespace {

constexpr std::size_t max_file_bytes = limits::mib;
constexpr std::size_t max_mailbox = 1'000'000;
constexpr std::size_t min_queue_bytes = 64 * limits::kib;
constexpr std::size_t max_queue_bytes = 1024 * limits::mib;

class FileReader {
 public:
  explicit FileReader(std::string origin) : origin_(std::move(origin)) {}

  std::unexpected<Error> error(const YAML::Mark& mark, const std::string& what) const {
    const std::string where =
        mark.is_null() ? std::string("1:1") : std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
    return fail(ErrorCode::bad_request, origin_ + ":" + where + ": " + what);
  }

  struct Key {
    std::string_view name;
    std::function<Result<void>(const YAML::Node&)> read;
  };
  // Reads a map whose keys are among `keys`.
  Result<void> section(const YAML::Node& node, std::string_view where, const std::vector<Key>& keys) const {
    if (node.IsNull()) return {};
    if (!node.IsMap()) return error(node.Mark(), std::string(where) + " is a map of keys");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return error(entry.first.Mark(), "a key is text");
      const std::string& name = entry.first.Scalar();
      if (!seen.insert(name).second) return error(entry.first.Mark(), "key '" + name + "' stands twice");
      const auto key = std::ranges::find(keys, name, &Key::name);
      if (key == keys.end()) return error(entry.first.Mark(), unknown(name, where, keys));
      if (auto read = key->read(entry.second); !read) return read;
    }
    return {};
  }

  Result<std::string> text(const YAML::Node& node, std::string_view what) const {
    if (!node.IsScalar()) return error(node.Mark(), std::string(what) + " is a single value");
    return node.Scalar();
  }
  Result<std::uint64_t> number(const YAML::Node& node, std::string_view what, std::uint64_t least,
                               std::uint64_t most) const {
    auto digits = text(node, what);
    if (!digits) return fail(std::move(digits.error()));
    const auto value = parse_number(*digits);
    if (!value || *value < least || *value > most) {
      return error(node.Mark(), std::string(what) + " is a number from " + std::to_string(least) + " to " +
                                    std::to_string(most) + ", not '" + *digits + "'");
    }
    return *value;
  }
  // One of `choices`: its place.
  Result<std::size_t> choice(const YAML::Node& node, std::string_view what,
                             const std::vector<std::string_view>& choices) const {
    auto word = text(node, what);
    if (!word) return fail(std::move(word.error()));
    const auto found = std::ranges::find(choices, *word);
    if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
    return error(node.Mark(), std::string(what) + " is " + list(choices) + ", not '" + *word + "'");
  }

 private:
  static std::string list(const std::vector<std::string_view>& words) {
    std::string all;
    for (const std::string_view word : words) {
      if (!all.empty()) all += word == words.back() ? " or " : ", ";
      all += word;
    }
    return all;
  }
  static std::string unknown(const std::string& name, std::string_view where, const std::vector<Key>& keys) {
    std::vector<std::string_view> names;
    for (const Key& key : keys) names.push_back(key.name);
    return "unknown key '" + name + "' in " + std::string(where) + ": there are " + list(names);
  }

  std::string origin_;
};

using Key = FileReader::Key;

Result<void> read_logging(const FileReader& in, const YAML::Node& node, LogOptions& log) {
  const auto level = [&](const YAML::Node& value) -> Result<void> {
    auto chosen = in.choice(value, "logging.level", {"debug", "info", "warn", "error"});
    if (!chosen) return fail(std::move(chosen.error()));
    log.level = static_cast<LogLevel>(*chosen);
    return {};
  };
  const auto format = [&](const YAML::Node& value) -> Result<void> {
    auto chosen = in.choice(value, "logging.format", {"text", "json"});
    if (!chosen) return fail(std::move(chosen.error()));
    log.format = static_cast<LogOptions::Format>(*chosen);
    return {};
  };
  const auto components = [&](const YAML::Node& value) -> Result<void> {
    if (!value.IsSequence()) return in.error(value.Mark(), "logging.components is a list");
    const std::vector<std::string_view> names{"runtime", "session", "transport", "protocol"};
    log.components.clear();
    for (const YAML::Node& item : value) {
      auto chosen = in.choice(item, "a component", names);
      if (!chosen) return fail(std::move(chosen.error()));
      log.components.emplace_back(names[*chosen]);
    }
    return {};
  };
  return in.section(node, "logging", {{"level", level}, {"components", components}, {"format", format}});
}

Result<void> read_host(const FileReader& in, const YAML::Node& node, const std::string& where, std::uint64_t least_port,
                       std::optional<std::string>& ip, std::optional<std::uint16_t>& port) {
  const auto read_ip = [&](const YAML::Node& value) -> Result<void> {
    auto text = in.text(value, where + ".ip");
    if (!text) return fail(std::move(text.error()));
    if (!io::IpAddress::parse(*text))
      return in.error(value.Mark(), where + ".ip is an IP address, not '" + *text + "'");
    ip = std::move(*text);
    return {};
  };
  const auto read_port = [&](const YAML::Node& value) -> Result<void> {
    auto number = in.number(value, where + ".port", least_port, 65535);
    if (!number) return fail(std::move(number.error()));
    port = static_cast<std::uint16_t>(*number);
    return {};
  };
  return in.section(node, where, {{"ip", read_ip}, {"port", read_port}});
}

Result<void> read_runtime(const FileReader& in, const YAML::Node& node, FileConfig& config) {
  const auto self = [&](const YAML::Node& value) {
    return read_host(in, value, "runtime.self", 0, config.self_ip, config.self_port);
  };
  const auto peer = [&](const YAML::Node& value) {
    return read_host(in, value, "runtime.peer", 1, config.peer_ip, config.peer_port);
  };
  const auto wire = [&](const YAML::Node& value) -> Result<void> {
    auto chosen = in.choice(value, "runtime.wire", {"w0", "w3"});
    if (!chosen) return fail(std::move(chosen.error()));
    config.wire = static_cast<Wire>(*chosen);
    return {};
  };
  const auto mailbox = [&](const YAML::Node& value) -> Result<void> {
    auto number = in.number(value, "the mailbox's capacity", 1, max_mailbox);
    if (!number) return fail(std::move(number.error()));
    config.mailbox_capacity = *number;
    return {};
  };
  const auto queue = [&](const YAML::Node& value) -> Result<void> {
    auto number = in.number(value, "runtime.queueBytes", min_queue_bytes, max_queue_bytes);
    if (!number) return fail(std::move(number.error()));
    config.queue_bytes = *number;
    return {};
  };
  return in.section(node, "runtime",
                    {{"self", self},
                     {"peer", peer},
                     {"wire", wire},
                     {"mailboxCapacity", mailbox},
                     {"channelBuffer", mailbox},
                     {"queueBytes", queue}});
}

}  // namespace

Result<FileConfig> parse_config(std::string_view text, std::string_view origin) {
  const FileReader in{std::string(origin)};
  if (text.size() > max_file_bytes) return fail(ErrorCode::bad_request, std::string(origin) + ": more than 1 MiB");
  FileConfig config;
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    const auto logging = [&](const YAML::Node& node) { return read_logging(in, node, config.log); };
    const auto runtime = [&](const YAML::Node& node) { return read_runtime(in, node, config); };
    auto read = in.section(root, "the file", {{"logging", logging}, {"runtime", runtime}});
    if (!read) return fail(std::move(read.error()));
  } catch (const YAML::Exception& exception) {
    return in.error(exception.mark, exception.msg);
  }
  return config;
}

Result<FileConfig> load_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::io, path + ": " + std::strerror(errno));
  try {  // the library throws where the path is a folder
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file.bad()) return parse_config(text, path);
  } catch (const std::ios_base::failure&) {
  }
  return fail(ErrorCode::io, path + " cannot be read");
}

}  // namespace myelin::protocol
