// sim: native protocols in a simulated world, as a scenario file says.
#include "base/log.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "cli/sim_real.hpp"
#include "myelin/simulation.hpp"
#include "sim/file/scenario_file.hpp"
#include "sim/trace.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace myelin::cli {
namespace {

using simulation::Case;
using simulation::RunResult;
using simulation::Simulation;

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::io, path + ": " + std::strerror(errno));
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) return fail(ErrorCode::io, path + " could not be read");
  return text;
}

Result<void> write_file(const std::string& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (!out) return fail(ErrorCode::io, path + " could not be written");
  return {};
}

// One line on the terminal that follows the run; nothing where stderr is none.
class Progress {
 public:
  explicit Progress(Duration duration) : on_(::isatty(STDERR_FILENO) == 1), duration_(duration) {}
  ~Progress() {
    if (on_) std::fputs("\r\x1b[K", stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void follow(Simulation& world) {
    if (!on_) return;
    show(world);
    const Duration next = world.now() + std::max<Duration>(duration_ / 200, Duration{1});
    if (next < duration_) world.at(next, [this](Simulation& then) { follow(then); });
  }

 private:
  void show(const Simulation& world) const {
    std::fprintf(stderr, "\r\x1b[K%s of %s, %zu nodes, %llu events", sim::seconds_text(world.now()).c_str(),
                 sim::seconds_text(duration_).c_str(), world.live(),
                 static_cast<unsigned long long>(world.counters().events()));
    std::fflush(stderr);
  }
  bool on_;
  Duration duration_;
};

struct Summary {
  std::size_t broadcasts = 0;
  double least = 1, mean = 1;
  std::uint32_t max_hops = 0;
  std::size_t live = 0;
};

Summary summary_of(const Simulation& world) {
  Summary summary;
  summary.live = world.live();
  double sum = 0;
  for (const auto& result : world.broadcasts()) {
    if (result.live == 0) continue;
    ++summary.broadcasts;
    sum += result.reliability();
    summary.least = std::min(summary.least, result.reliability());
    summary.max_hops = std::max(summary.max_hops, result.max_hops);
  }
  if (summary.broadcasts > 0) summary.mean = sum / static_cast<double>(summary.broadcasts);
  return summary;
}

std::string file_name(std::string_view curve) {
  std::string name;
  for (const char c : curve) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  return name + ".svg";
}

Result<void> write_outputs(const sim::ScenarioFile& file, const Simulation& world) {
  if (!file.csv.empty())
    if (auto done = write_file(file.csv, world.csv()); !done) return done;
  if (file.plots.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(file.plots, error);
  if (error) return fail(ErrorCode::io, file.plots + ": " + error.message());
  for (const auto& curve : world.curves()) {
    const std::string path = (std::filesystem::path(file.plots) / file_name(curve.name)).string();
    if (auto done = write_file(path, simulation::plot_svg(curve.name, std::span(&curve, 1))); !done) return done;
  }
  return {};
}

void print_run(const Common& common, const RunResult& result, const Summary& summary) {
  const auto& counters = result.counters;
  if (common.json) {
    nlohmann::ordered_json line{{"case", result.which.to_string()},
                                {"nodes", result.nodes},
                                {"live", summary.live},
                                {"seconds", static_cast<double>(result.end.count()) / 1e9},
                                {"steps", counters.steps},
                                {"events", counters.events()},
                                {"messages", counters.messages},
                                {"timers", counters.timers},
                                {"link_events", counters.link_events},
                                {"lost", counters.lost},
                                {"dead_letters", counters.dead_letters},
                                {"process_messages", counters.process_messages},
                                {"broadcasts", summary.broadcasts},
                                {"reliability", summary.mean},
                                {"least_reliability", summary.least},
                                {"max_hops", summary.max_hops}};
    line["failure"] = result.failure ? nlohmann::ordered_json(result.failure->to_string()) : nlohmann::ordered_json();
    return print(line.dump());
  }
  print("seed " + result.which.to_string() + ": " + std::to_string(result.nodes) + " nodes (" +
        std::to_string(summary.live) + " live), " + sim::seconds_text(result.end) + ", " +
        std::to_string(counters.steps) + " steps: " + std::to_string(counters.messages) + " messages, " +
        std::to_string(counters.timers) + " timers, " + std::to_string(counters.link_events) + " link events, " +
        std::to_string(counters.lost) + " lost");
  if (summary.broadcasts > 0) {
    char text[160];
    std::snprintf(text, sizeof text, "%zu broadcasts: reliability %.4f (least %.4f), at most %u hops",
                  summary.broadcasts, summary.mean, summary.least, summary.max_hops);
    print(text);
  }
  if (result.failure) print("FAILED " + visible(result.failure->to_string()));
}

int run_one(const Common& common, sim::ScenarioFile& file, const Case& which) {
  simulation::Scenario& scenario = file.scenario;
  std::ofstream trace;
  if (!file.trace.empty()) {
    trace.open(file.trace, std::ios::binary | std::ios::trunc);
    if (!trace) return report(common, {ErrorCode::io, file.trace + ": " + std::strerror(errno)});
    scenario.options.trace = [&trace](std::string_view line) { trace << line << '\n'; };
  }
  Summary summary;
  Result<void> written;
  auto progress = std::make_unique<Progress>(scenario.duration);
  scenario.prepare = [&progress](Simulation& world) { progress->follow(world); };
  const RunResult result = run(scenario, which, [&](Simulation& world) {
    summary = summary_of(world);
    written = write_outputs(file, world);
  });
  progress.reset();
  if (!file.trace.empty()) {
    trace.close();
    if (!trace) written = fail(ErrorCode::io, file.trace + " could not be written");
  }
  print_run(common, result, summary);
  if (!written) return report(common, written.error());
  return result.failure ? 1 : 0;
}

std::string quoted(const std::string& text) {
  if (text.find_first_of(" '\"\\$`&;|<>()*?[]{}~#!") == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

int run_many(const Common& common, const SimOptions& options, const sim::ScenarioFile& file, std::uint64_t first) {
  std::string replay = "myelin sim " + quoted(options.file) + " --seed {}";
  if (options.nodes) replay += " --nodes " + std::to_string(*options.nodes);
  const simulation::Verdict verdict =
      run_seeds(file.scenario, {.seeds = options.runs, .first = first, .replay = std::move(replay)});
  if (common.json) {
    nlohmann::ordered_json line{{"runs", verdict.runs}, {"failed", !static_cast<bool>(verdict)}};
    if (!verdict) {
      line["seed"] = verdict.failed->which.seed;
      line["failure"] = verdict.failed->failure->to_string();
      line["case"] = verdict.shrunk->which.to_string();
      line["replay"] = verdict.replay;
    }
    print(line.dump());
  } else {
    std::string text = verdict ? std::to_string(verdict.runs) + " runs hold, seeds " + std::to_string(first) + " to " +
                                     std::to_string(first + verdict.runs - 1)
                               : verdict.report();
    if (text.ends_with('\n')) text.pop_back();
    print(std::move(text));
  }
  return verdict ? 0 : 1;
}

}  // namespace

int run_sim(const Common& common, const SimOptions& options) {
  const auto text = read_file(options.file);
  if (!text) return report(common, text.error());
  auto file = sim::parse_scenario(*text, options.file);
  if (!file) return report(common, file.error());
  if (options.nodes) file->scenario.nodes = *options.nodes;
  if (!options.trace.empty()) file->trace = options.trace;
  if (!options.csv.empty()) file->csv = options.csv;
  if (!options.plot.empty()) file->plots = options.plot;
  log::configure({.level = log::Level::warn, .components = {}, .format = log::Format::text, .sink = {}, .wall_ns = {}});
  if (options.real_node) return run_real_node(common, options, *file);
  if (options.real) return run_real_scenario(common, options, *file);
  Case which{.seed = file->seed};
  if (!options.which.empty()) {
    auto parsed = Case::parse(options.which);
    if (!parsed) return report(common, parsed.error());
    which = std::move(*parsed);
  }
  return options.runs > 1 ? run_many(common, options, *file, which.seed) : run_one(common, *file, which);
}

}  // namespace myelin::cli
