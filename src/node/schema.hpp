// The schema of the configuration: every key with its shape, and how its text becomes a value and back.
//
// One table serves the file, the environment and the test that holds docs/configuration.md against it.
// Thread: constant after the first use.
#pragma once

#include "base/error.hpp"
#include "node/config.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::node {

using TextList = std::vector<std::string>;
using TextMap = std::vector<std::pair<std::string, std::string>>;

// A key of `Target`; exactly one of the three setters is there.
template <typename Target>
struct Key {
  std::string path;  // "http.listen"
  std::string type;  // as the documentation names it: "duration", "size", "count", "list of multiaddrs"
  std::function<Result<void>(Target&, const std::string&)> set_text;
  std::function<Result<void>(Target&, const TextList&)> set_list;  // replaces the list
  std::function<Result<void>(Target&, const TextMap&)> set_map;    // adds to the map
  std::function<std::string(const Target&)> get;                   // the value as the documentation shows it
};

// Of the whole configuration, but `processes`, whose items have process_keys().
const std::vector<Key<Config>>& config_keys();
// Of one item of `processes`. `allow` resolves aliases of `config`.
std::vector<Key<ConfiguredProcess>> process_keys(const Config& config);

}  // namespace myelin::node
