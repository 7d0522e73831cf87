// Scenarios: one run, many seeds, and a failing run made short.
#include "myelin/simulation/scenario.hpp"

#include "sim/guests.hpp"
#include "sim/trace.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace myelin::simulation {
namespace {

bool keeps(const std::optional<std::vector<std::size_t>>& kept, std::size_t index) {
  return !kept || std::ranges::binary_search(*kept, index);
}

std::size_t count_of(const std::optional<std::vector<std::size_t>>& kept, std::size_t all) {
  return kept ? std::min(kept->size(), all) : all;
}

std::vector<std::size_t> indices(const std::optional<std::vector<std::size_t>>& kept, std::size_t all) {
  std::vector<std::size_t> list;
  for (std::size_t i = 0; i < all; ++i)
    if (keeps(kept, i)) list.push_back(i);
  return list;
}

void check_end(Simulation& world, const Scenario& scenario) {
  for (const std::string& open : world.open_calls())
    world.fail("call", open + ": " + std::string(name(ErrorCode::stopping)) + ": the run has ended without an answer");
  for (const NamedGlobalCheck& each : scenario.at_end) {
    if (world.failure()) return;
    if (auto held = each.check(world); !held) world.fail(each.name, held.error().message);
  }
}

// This program's command line, with what must not be taken apart by a shell in quotes.
std::string own_command() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::string command, argument;
  for (const char c : bytes) {
    if (c != '\0') {
      argument += c;
      continue;
    }
    const bool plain =
        argument.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=:,+-") ==
        std::string::npos;
    if (!command.empty()) command += ' ';
    command += plain && !argument.empty() ? argument : "'" + argument + "'";
    argument.clear();
  }
  return command;
}

std::string replay_command(const SeedOptions& options, const Case& which) {
  std::string command = options.replay.empty() ? "MYELIN_SEED={} " + own_command() : options.replay;
  if (const std::size_t at = command.find("{}"); at != std::string::npos) command.replace(at, 2, which.to_string());
  return command;
}

// Makes a failing run shorter, as long as runs are left.
class Shrinker {
 public:
  Shrinker(const Scenario& scenario, const RunResult& failing, std::size_t runs)
      : scenario_(scenario), best_(failing), checker_(failing.failure->checker), left_(runs) {}

  RunResult shrink() {
    Case before;
    do {
      before = best_.which;
      fewer_nodes();
      fewer(&Case::faults, scenario_.faults.size());
      fewer(&Case::actions, scenario_.actions.size());
    } while (left_ > 0 && !(before == best_.which));
    cut_steps();
    return best_;
  }

 private:
  // Whether that case fails in the same way; if so it is the best from now on.
  bool fails(Case which) {
    if (left_ == 0) return false;
    --left_;
    RunResult result = run(scenario_, which);
    if (!result.failure || result.failure->checker != checker_) return false;
    best_ = std::move(result);
    return true;
  }

  void fewer_nodes() {
    const std::size_t least = std::max<std::size_t>(scenario_.least_nodes, 1);
    for (bool shrunk = true; shrunk && left_ > 0;) {
      shrunk = false;
      const std::size_t have = best_.which.nodes.value_or(scenario_.nodes);
      std::vector<std::size_t> wanted{least, 2, 3, have / 4, have / 2, have - have / 4, have - 2, have - 1};
      std::ranges::sort(wanted);
      const auto repeated = std::ranges::unique(wanted);
      wanted.erase(repeated.begin(), repeated.end());
      for (const std::size_t nodes : wanted) {
        if (nodes < least || nodes >= have) continue;
        Case which = best_.which;
        which.nodes = nodes;
        if (fails(which)) {
          shrunk = true;
          break;
        }
      }
    }
  }

  // Without pieces of the list: all of it, halves, quarters, …, single ones.
  void fewer(std::optional<std::vector<std::size_t>> Case::* list, std::size_t all) {
    std::vector<std::size_t> have = indices(best_.which.*list, all);
    for (std::size_t piece = have.size(); piece > 0 && left_ > 0; piece = piece == 1 ? 0 : (piece + 1) / 2) {
      for (std::size_t at = 0; at < have.size() && left_ > 0;) {
        std::vector<std::size_t> rest = have;
        const auto first = rest.begin() + static_cast<std::ptrdiff_t>(at);
        rest.erase(first, first + static_cast<std::ptrdiff_t>(std::min(piece, rest.size() - at)));
        Case which = best_.which;
        which.*list = rest;
        if (fails(which)) {
          have = std::move(rest);
        } else {
          at += piece;
        }
      }
    }
  }

  // What failed during the run needs no step beyond the one in which it did.
  void cut_steps() {
    const bool at_end =
        std::ranges::any_of(scenario_.at_end, [this](const auto& each) { return each.name == checker_; });
    if (at_end || best_.failure->step == 0) return;
    Case which = best_.which;
    which.steps = best_.failure->step;
    left_ = std::max<std::size_t>(left_, 1);
    fails(which);
  }

  const Scenario& scenario_;
  RunResult best_;
  std::string checker_;
  std::size_t left_;
};

}  // namespace

std::vector<Action> broadcasts(Duration at, std::size_t count, Duration interval, std::size_t bytes, Pick origin) {
  std::vector<Action> actions;
  for (std::size_t i = 0; i < count; ++i) {
    const auto run = [bytes, origin, i](Simulation& world) {
      for (const NodeIndex node : world.pick(origin)) {
        if (!world.alive(node)) continue;
        protocol::Bytes payload(bytes);
        for (std::size_t at_byte = 0; at_byte < bytes; ++at_byte)
          payload[at_byte] = static_cast<std::uint8_t>((i >> (8 * (at_byte % 8))) + at_byte / 8);
        world.broadcast(node, std::move(payload));
      }
    };
    actions.push_back({at + interval * static_cast<std::int64_t>(i), run, "broadcast"});
  }
  return actions;
}

std::vector<Action> calls(Duration at, std::size_t count, Duration interval, ProcessCall call) {
  std::vector<Action> actions;
  for (std::size_t i = 0; i < count; ++i)
    actions.push_back({at + interval * static_cast<std::int64_t>(i),
                       [call](Simulation& world) {
                         for (const NodeIndex node : world.pick(call.from)) world.call(node, call);
                       },
                       "call"});
  return actions;
}

RunResult run(const Scenario& scenario, const Case& which, const std::function<void(Simulation&)>& inspect) {
  Options options = scenario.options;
  options.seed = which.seed;
  options.whole_nodes = options.whole_nodes || !scenario.guests.empty();
  Simulation world(std::move(options));
  if (which.steps) world.set_last_step(*which.steps);
  if (scenario.prepare) scenario.prepare(world);
  for (const auto& each : scenario.each_step) world.check_steps(each.name, each.check);
  for (const auto& each : scenario.each_cycle) world.check_cycles(each.name, each.check);
  const std::size_t nodes = std::min(which.nodes.value_or(scenario.nodes), scenario.nodes);
  if (auto setup = sim::setup_with(scenario.guests, scenario.setup)) {
    world.add_nodes(nodes, *setup, scenario.join_interval);
  } else {
    world.fail("start", setup.error().message);
  }
  for (std::size_t i = 0; i < scenario.faults.size(); ++i)
    if (keeps(which.faults, i)) world.apply(scenario.faults[i]);
  for (std::size_t i = 0; i < scenario.actions.size(); ++i)
    if (keeps(which.actions, i)) world.at(scenario.actions[i].at, scenario.actions[i].run);
  world.run_for(scenario.duration);
  if (!which.steps || world.counters().steps < *which.steps) check_end(world, scenario);
  if (inspect) inspect(world);
  return {which, world.failure(), world.counters(), world.now(), nodes, count_of(which.faults, scenario.faults.size())};
}

RunResult shrink(const Scenario& scenario, const RunResult& failing, std::size_t max_runs) {
  if (!failing.failure) return failing;
  return Shrinker(scenario, failing, max_runs).shrink();
}

Verdict run_seeds(const Scenario& scenario, const SeedOptions& options) {
  Verdict verdict;
  if (const char* wanted = std::getenv("MYELIN_SEED"); wanted != nullptr && *wanted != '\0') {
    verdict.runs = 1;
    const auto which = Case::parse(wanted);
    RunResult result;
    if (which) {
      result = run(scenario, *which);
    } else {
      result.failure = Failure{"MYELIN_SEED", which.error().message, 0, Duration{0}, std::nullopt};
    }
    if (!result.failure) return verdict;
    verdict.replay = replay_command(options, result.which);
    verdict.failed = verdict.shrunk = std::move(result);
    return verdict;
  }
  for (std::size_t i = 0; i < options.seeds; ++i) {
    RunResult result = run(scenario, Case{.seed = options.first + i});
    ++verdict.runs;
    if (!result.failure) continue;
    verdict.failed = result;
    verdict.shrunk = options.shrink_runs == 0 ? result : shrink(scenario, result, options.shrink_runs);
    verdict.replay = replay_command(options, verdict.shrunk->which);
    break;
  }
  return verdict;
}

std::string Verdict::report() const {
  if (!failed) return {};
  const auto size = [](const RunResult& result) {
    return std::to_string(result.nodes) + " nodes, " + std::to_string(result.faults) + " faults, " +
           std::to_string(result.counters.steps) + " steps, " + sim::seconds_text(result.end);
  };
  std::string text = "seed " + std::to_string(failed->which.seed) + " (run " + std::to_string(runs) +
                     ") fails: " + failed->failure->to_string() + "\n  in " + size(*failed) + "\n";
  if (shrunk && !(shrunk->which == failed->which))
    text += "made short: " + shrunk->failure->to_string() + "\n  in " + size(*shrunk) + "\n";
  return text + "replay: " + replay + "\n";
}

}  // namespace myelin::simulation
