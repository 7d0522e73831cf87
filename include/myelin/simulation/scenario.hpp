// Scenario: a run as a value, so that it can be run under many seeds, and a failing run can be made short.
//
//   Scenario scenario{.nodes = 20, .setup = [](NodeSetup& node) { node.add<Gossip>(node.host(0)); }};
//   scenario.at_end = {{"everybody heard", everybody_heard}};
//   const Verdict verdict = run_seeds(scenario, {.seeds = 100});
//
// Invariants: a run is a function of scenario and Case; setup, actions and checks keep no state between runs (each run
// calls them afresh), and look at the Simulation that they are given for how many nodes there are. Thread: one.
#pragma once

#include "myelin/simulation/checks.hpp"
#include "myelin/simulation/faults.hpp"
#include "myelin/simulation/guest.hpp"
#include "myelin/simulation/options.hpp"
#include "myelin/simulation/simulation.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::simulation {

// Which run of a scenario: its seed, and what was left out. Text: "17", or "17/nodes=4/faults=0,2/steps=913"
// ("faults=" alone: none).
struct Case {
  std::uint64_t seed = 1;
  std::optional<std::size_t> nodes = {};                 // fewer than the scenario's
  std::optional<std::vector<std::size_t>> faults = {};   // those of the scenario's list that stay, ascending
  std::optional<std::vector<std::size_t>> actions = {};  // the same of its actions
  std::optional<std::uint64_t> steps = {};               // the run ends after this step

  MYELIN_API std::string to_string() const;
  // Errors: bad_request.
  MYELIN_API static Result<Case> parse(std::string_view text);
  friend bool operator==(const Case&, const Case&) = default;
};

// Something that the scenario does at a time: a broadcast, a request.
struct Action {
  Duration at{};
  std::function<void(Simulation&)> run;
  std::string name = {};
};
// `count` broadcasts of `bytes` bytes, one each `interval`, each from a node picked anew.
MYELIN_API std::vector<Action> broadcasts(Duration at, std::size_t count, Duration interval, std::size_t bytes = 64,
                                          Pick origin = Pick::random(1));
// `count` messages to a process, one each `interval`. An error, and an answer that is not the expected one, fail the
// run, of the checker "call", and so does a call that is still open when the run ends. A node that ends before its
// answer is there gets none.
MYELIN_API std::vector<Action> calls(Duration at, std::size_t count, Duration interval, ProcessCall call);

struct NamedLocalCheck {
  std::string name;
  Simulation::LocalCheck check;
};
struct NamedGlobalCheck {
  std::string name;
  Simulation::GlobalCheck check;
};

struct Scenario {
  std::string name = "scenario";
  Options options = {};  // its seed is that of the Case
  std::size_t nodes = 10;
  std::size_t least_nodes = 1;  // shrinking does not go below
  Setup setup = {};
  // With any, the nodes are whole ones (Options::whole_nodes). A module that cannot be read fails the run, of the
  // checker "start".
  std::vector<PlacedGuest> guests = {};
  Duration join_interval = std::chrono::milliseconds(100);
  Duration duration = std::chrono::seconds(60);
  std::vector<Fault> faults = {};
  std::vector<Action> actions = {};
  std::vector<NamedLocalCheck> each_step = {};
  std::vector<NamedGlobalCheck> each_cycle = {};
  std::vector<NamedGlobalCheck> at_end = {};
  std::function<void(Simulation&)> prepare = {};  // before the first node: gauges, further checks
};

struct RunResult {
  Case which;
  std::optional<Failure> failure;
  Counters counters;
  Duration end{};
  std::size_t nodes = 0;
  std::size_t faults = 0;
};

// One run. `inspect` sees the world at its end.
MYELIN_API RunResult run(const Scenario& scenario, const Case& which,
                         const std::function<void(Simulation&)>& inspect = {});

struct SeedOptions {
  std::size_t seeds = 100;
  std::uint64_t first = 1;
  std::size_t shrink_runs = 300;  // at most so many further runs to make the failing one short; 0: leave it
  // What precedes the case in the replay command; "{}" stands for it. Empty: MYELIN_SEED={} and this program's own
  // command line.
  std::string replay = {};
};

// What many runs came to. When one failed: the first that did, and the shortest form of it that still fails in the same
// checker.
struct Verdict {
  std::size_t runs = 0;
  std::optional<RunResult> failed;  // as it was found
  std::optional<RunResult> shrunk;  // the shortest
  std::string replay;               // the command that runs `shrunk` again
  explicit operator bool() const { return !failed; }
  // Several lines for people; empty if all held.
  MYELIN_API std::string report() const;
};

// Runs the seeds first, first + 1, … until one fails, and shrinks that. With MYELIN_SEED in the environment only that
// case runs, unshrunk.
MYELIN_API Verdict run_seeds(const Scenario& scenario, const SeedOptions& options = {});

// The shortest form of a failing case that still fails in the same checker: fewer nodes, faults, actions and steps.
MYELIN_API RunResult shrink(const Scenario& scenario, const RunResult& failing, std::size_t max_runs);

}  // namespace myelin::simulation
