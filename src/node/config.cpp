#include "node/config.hpp"

#include "base/check.hpp"
#include "node/schema.hpp"
#include "node/values.hpp"

#include <algorithm>
#include <exception>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace myelin::node {
namespace {

constexpr std::size_t max_file_bytes = limits::mib;
constexpr std::size_t max_depth = 32;
constexpr std::size_t max_processes = 4096;

struct Place {
  std::string origin;

  std::unexpected<Error> error(const YAML::Mark& mark, const std::string& what) const {
    const std::string where =
        mark.is_null() ? std::string("1:1") : std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
    return fail(ErrorCode::bad_request, origin + ":" + where + ": " + what);
  }
};

Result<std::string> scalar(const Place& place, const YAML::Node& node, const std::string& what) {
  if (node.IsScalar()) return node.Scalar();
  if (node.IsNull()) return std::string();
  return place.error(node.Mark(), what + " is a single value");
}

Result<TextList> text_list(const Place& place, const YAML::Node& node, const std::string& what) {
  TextList items;
  if (node.IsNull()) return items;
  if (!node.IsSequence()) return place.error(node.Mark(), what + " is a list");
  for (const YAML::Node& item : node) {
    auto text = scalar(place, item, "each item of " + what);
    if (!text) return fail(text.error());
    items.push_back(std::move(*text));
  }
  return items;
}

// Calls `visit(key, key node, value node)` for each entry; a key that is not text or comes twice is refused.
template <typename Visit>
Result<void> each_entry(const Place& place, const YAML::Node& node, const std::string& what, Visit visit) {
  if (node.IsNull()) return {};
  if (!node.IsMap()) return place.error(node.Mark(), what + " is a map of keys");
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return place.error(entry.first.Mark(), "a key is text");
    const std::string& key = entry.first.Scalar();
    if (!seen.insert(key).second) return place.error(entry.first.Mark(), "key '" + key + "' stands twice");
    if (auto visited = visit(key, entry.first, entry.second); !visited) return visited;
  }
  return {};
}

template <typename Target>
Result<void> set_value(const Place& place, const Key<Target>& key, const YAML::Node& node, Target& target) {
  Result<void> done;
  if (key.set_text) {
    auto text = scalar(place, node, "'" + key.path + "'");
    if (!text) return fail(text.error());
    done = key.set_text(target, *text);
  } else if (key.set_list) {
    auto items = text_list(place, node, "'" + key.path + "'");
    if (!items) return fail(items.error());
    done = key.set_list(target, *items);
  } else {
    TextMap items;
    auto read = each_entry(place, node, "'" + key.path + "'",
                           [&](const std::string& name, const YAML::Node&, const YAML::Node& value) -> Result<void> {
                             auto text = scalar(place, value, "'" + key.path + "." + name + "'");
                             if (!text) return fail(text.error());
                             items.emplace_back(name, std::move(*text));
                             return {};
                           });
    if (!read) return read;
    done = key.set_map(target, items);
  }
  if (!done) return place.error(node.Mark(), "'" + key.path + "': " + done.error().message);
  return {};
}

// The keys that may stand at `prefix`, without it.
template <typename Target>
std::vector<std::string> names_at(const std::vector<Key<Target>>& keys, const std::string& prefix) {
  std::vector<std::string> names;
  for (const Key<Target>& key : keys) {
    if (!key.path.starts_with(prefix)) continue;
    std::string name = key.path.substr(prefix.size());
    name = name.substr(0, name.find('.'));
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  return names;
}

std::unexpected<Error> unknown_key(const Place& place, const YAML::Node& node, const std::string& path,
                                   const std::string& key, const std::vector<std::string>& names) {
  return place.error(node.Mark(), "unknown key '" + path + "'" + suggestion(key, names));
}

// Reads the map `node`, whose keys are those of the schema under `prefix`. `skip`: a key that somebody else reads.
template <typename Target>
Result<void> read_section(const Place& place, const std::vector<Key<Target>>& keys, const std::string& prefix,
                          const YAML::Node& node, Target& target, const std::string& skip = {}) {
  auto visit = [&](const std::string& name, const YAML::Node& name_node, const YAML::Node& value) -> Result<void> {
    const std::string path = prefix + name;
    if (path == skip) return {};
    if (const auto key = std::ranges::find(keys, path, &Key<Target>::path); key != keys.end()) {
      return set_value(place, *key, value, target);
    }
    auto names = names_at(keys, prefix);
    const bool section =
        std::ranges::any_of(keys, [&](const Key<Target>& key) { return key.path.starts_with(path + "."); });
    if (section && name.find('.') == std::string::npos) {
      return read_section(place, keys, path + ".", value, target);
    }
    if (!skip.empty()) names.push_back(skip);
    return unknown_key(place, name_node, path, name, names);
  };
  return each_entry(place, node, prefix.empty() ? "the configuration" : "'" + prefix.substr(0, prefix.size() - 1) + "'",
                    visit);
}

std::string folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash + 1));
}

// Aliases and default limits are read by now: items build on them.
Result<void> read_processes(const Place& place, const YAML::Node& node, Config& config) {
  if (!node || node.IsNull()) return {};
  if (!node.IsSequence()) return place.error(node.Mark(), "'processes' is a list");
  if (node.size() > max_processes) return place.error(node.Mark(), "'processes' holds more than 4096");
  const auto keys = process_keys(config);
  std::vector<ConfiguredProcess> processes;
  std::set<std::string> names;
  for (const YAML::Node& item : node) {
    ConfiguredProcess process;
    process.spec.limits = config.default_limits;
    if (auto read = read_section(place, keys, "", item, process); !read) return read;
    if (process.file.empty()) return place.error(item.Mark(), "a process has a 'file'");
    if (!process.spec.name.empty() && !names.insert(process.spec.name).second) {
      return place.error(item.Mark(), "two processes are named '" + process.spec.name + "'");
    }
    if (!process.file.starts_with('/')) process.file = folder_of(place.origin) + process.file;
    processes.push_back(std::move(process));
  }
  config.processes = std::move(processes);
  return {};
}

// What YAML can do beyond our schema: nesting without end, and anchors that multiply.
Result<void> check_shape(const Place& place, const YAML::Node& node, std::size_t depth, std::size_t& budget) {
  if (depth > max_depth) return place.error(node.Mark(), "nested too deeply");
  if (budget == 0) return place.error(node.Mark(), "too many values");
  --budget;
  if (node.IsSequence()) {
    for (const YAML::Node& item : node) {
      if (auto good = check_shape(place, item, depth + 1, budget); !good) return good;
    }
  } else if (node.IsMap()) {
    for (const auto& entry : node) {
      if (auto good = check_shape(place, entry.second, depth + 1, budget); !good) return good;
    }
  }
  return {};
}

// yaml-cpp descends once per bracket and once per level of indentation: text that nests beyond reason is refused
// before it sees it.
bool nests_too_deeply(std::string_view text) {
  std::size_t open = 0;
  std::size_t dashes = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') {
      if (++open > 256) return true;
    } else if ((c == ']' || c == '}') && open > 0) {
      --open;
    }
    dashes = c == '-' || c == ' ' || c == '?' ? dashes + (c == ' ' ? 0 : 1) : 0;
    if (dashes > 256) return true;
  }
  return false;
}

std::string environment_name(const std::string& path) {
  std::string name = "MYELIN_" + path;
  for (char& c : name) c = c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

TextList split_commas(const std::string& text) {
  TextList items;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    std::string item = text.substr(from, comma - from);
    const auto first = item.find_first_not_of(' ');
    if (first != std::string::npos) items.push_back(item.substr(first, item.find_last_not_of(' ') - first + 1));
    from = comma + 1;
  }
  return items;
}

// Where documents begin. YAML::LoadAll is not used: on some malformed text its parser gives documents without end.
class DocumentStarts : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { marks.push_back(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
  std::vector<YAML::Mark> marks;
};

// The start of the second document, if there is one. Throws as the parser does.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  for (int i = 0; i < 2 && parser.HandleNextDocument(starts); ++i) {
  }
  return starts.marks.size() > 1 ? std::optional(starts.marks[1]) : std::nullopt;
}

}  // namespace

Result<Config> parse_config(std::string_view text, std::string_view origin, Config base) {
  const Place place{std::string(origin)};
  if (text.size() > max_file_bytes) return place.error(YAML::Mark::null_mark(), "the configuration is over 1 MiB");
  if (nests_too_deeply(text)) return place.error(YAML::Mark::null_mark(), "nested too deeply");
  YAML::Node root;
  try {
    const std::string whole(text);
    if (const auto second = second_document(whole)) return place.error(*second, "one document only");
    root = YAML::Load(whole);
  } catch (const YAML::ParserException& error) {
    return place.error(error.mark, error.msg);
  } catch (const std::exception& error) {
    return place.error(YAML::Mark::null_mark(), error.what());
  }
  std::size_t budget = 100'000;
  if (auto good = check_shape(place, root, 0, budget); !good) return fail(good.error());
  if (auto read = read_section(place, config_keys(), "", root, base, "processes"); !read) return fail(read.error());
  if (root.IsMap()) {
    if (auto read = read_processes(place, root["processes"], base); !read) return fail(read.error());
  }
  return base;
}

Result<Config> apply_environment(const std::vector<std::pair<std::string, std::string>>& environment, Config base) {
  std::vector<std::string> names{"MYELIN_HOME"};
  for (const Key<Config>& key : config_keys()) {
    if (!key.set_map) names.push_back(environment_name(key.path));
  }
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("MYELIN_")) continue;
    if (name == "MYELIN_HOME") {
      base.home = value;
      continue;
    }
    const auto key =
        std::ranges::find_if(config_keys(), [&](const Key<Config>& k) { return environment_name(k.path) == name; });
    if (key == config_keys().end()) {
      return fail(ErrorCode::bad_request, "unknown variable " + name + suggestion(name, names));
    }
    if (key->set_map) {
      return fail(ErrorCode::bad_request, name + ": '" + key->path + "' is set in the configuration file only");
    }
    auto done = key->set_text ? key->set_text(base, value) : key->set_list(base, split_commas(value));
    if (!done) return fail(ErrorCode::bad_request, name + ": " + done.error().message);
  }
  return base;
}

}  // namespace myelin::node
