// Scenario files: a scenario as YAML (schema: docs/simulation.md).
//
// An unknown key, a value of the wrong kind and one out of range are errors that name line, column and key. Thread:
// any.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "myelin/simulation/scenario.hpp"
#include "sim/file/shipped.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::sim {

using myelin::Duration;

struct FileBroadcasts {
  Duration at{};
  std::size_t count = 1;
  Duration interval = std::chrono::seconds(1);
  std::size_t bytes = 64;
  simulation::Pick from = simulation::Pick::random(1);
};

struct FileCalls {
  Duration at{};
  std::size_t count = 1;
  Duration interval = std::chrono::seconds(1);
  simulation::ProcessCall call;
};

// A key of the file, where it stands.
struct FileKey {
  std::string name;
  std::size_t line = 0, column = 0;
};

struct ScenarioFile {
  simulation::Scenario scenario;
  std::uint64_t seed = 1;
  // What `scenario` was made of, for a run of real processes.
  std::vector<std::string> protocol_names;
  std::vector<ShippedFactory> protocols;
  std::optional<simulation::NodeIndex> contact = 0;  // nothing: each node joins through the one before it
  std::vector<FileBroadcasts> broadcasts;
  std::vector<FileCalls> calls;
  double reliability = 0;  // the least that a checker asks for
  // What only a simulated world can do: its network's doing, and guests.
  std::vector<FileKey> simulated_only;
  // Outputs; empty: none.
  std::string trace, csv, plots;

  // Whom a node joins through when it starts. The first of all has nobody, until it restarts: the others are there
  // then.
  std::vector<simulation::NodeIndex> contacts(simulation::NodeIndex node, bool restarted) const;
};

// `origin` names the text in errors. Errors: bad_request.
Result<ScenarioFile> parse_scenario(std::string_view text, std::string_view origin);

// "all", "rest", "3", "0,4,7", "0-9", "random 5", "30%".
Result<simulation::Pick> parse_pick(std::string_view text);

}  // namespace myelin::sim
