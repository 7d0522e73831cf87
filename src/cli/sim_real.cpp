#include "cli/sim_real.hpp"

#include "base/units.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "myelin/protocol.hpp"
#include "myelin/protocols.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <random>
#include <set>
#include <spawn.h>
#include <sstream>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace myelin::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Id = std::pair<std::uint64_t, std::uint64_t>;
constexpr std::uint64_t max_broadcast = std::uint64_t{1} << 20;  // bytes

// -- One node.

// Says what the node delivers, and broadcasts when asked to.
class Reporter final : public protocol::Protocol {
 public:
  protocol::ProtocolId id() const override { return 65535; }
  std::string_view name() const override { return "simulation"; }
  void start(protocol::Context& ctx) override {
    ctx_ = &ctx;
    ctx.subscribe<protocol::Delivered>([](const protocol::Delivered& message) {
      say("delivered " + std::to_string(message.id_high) + " " + std::to_string(message.id_low) + " " +
          std::to_string(message.hops));
    });
  }
  void init(protocol::Context&) override {}
  void broadcast(std::size_t bytes) {
    ctx_->request<protocol::Broadcast, protocol::BroadcastAccepted>(
        {protocol::Bytes(bytes)}, [](Result<protocol::BroadcastAccepted> accepted) {
          say(accepted ? "accepted " + std::to_string(accepted->id_high) + " " + std::to_string(accepted->id_low)
                       : "refused " + to_string(accepted.error()));
        });
  }
  void reset(const protocol::Host& host) { ctx_->disconnect(host); }
  static void say(const std::string& line) {
    std::fputs((line + "\n").c_str(), stdout);
    std::fflush(stdout);
  }

 private:
  protocol::Context* ctx_ = nullptr;
};

// -- All of them.

struct Child {
  pid_t pid = -1;
  int in = -1, out = -1;
  std::string host;  // empty: not ready yet
  std::string line;
  Clock::time_point since;
  // A slow one runs for 1/`factor` of each period; its next stop or continuation is at `toggle`.
  double factor = 1;
  bool stopped = false;
  Clock::time_point toggle;
};

constexpr std::chrono::milliseconds slow_period{100};
constexpr std::chrono::milliseconds least_run{1};
constexpr double most_slow = 1e6;

// Of each period: how long a node that is slow by that factor runs.
Clock::duration run_of(double factor) {
  const auto share = std::chrono::duration<double, std::milli>(slow_period) / factor;
  return std::max<Clock::duration>(std::chrono::duration_cast<Clock::duration>(share), least_run);
}
Clock::duration pause_of(double factor) {
  return std::chrono::duration_cast<Clock::duration>(run_of(factor) * (factor - 1));
}

class RealRun {
 public:
  RealRun(const SimOptions& options, const sim::ScenarioFile& file)
      : options_(options), file_(file), random_(file.seed), children_(file.scenario.nodes) {}
  ~RealRun() {
    for (std::size_t i = 0; i < children_.size(); ++i) stop(i, SIGTERM);
  }
  RealRun(const RealRun&) = delete;
  RealRun& operator=(const RealRun&) = delete;

  Result<void> start_all() {
    std::vector<std::size_t> order;
    if (file_.contact) order.push_back(*file_.contact);
    for (std::size_t i = 0; i < children_.size(); ++i)
      if (!file_.contact || i != *file_.contact) order.push_back(i);
    for (const std::size_t i : order) {
      if (auto started = start(i, 0); !started) return started;
      listen_for(file_.scenario.join_interval);
    }
    return {};
  }

  // Lets the scenario's time pass, with its broadcasts and faults.
  void run() {
    begin_ = Clock::now();
    for (const auto& each : file_.broadcasts)
      for (std::size_t i = 0; i < each.count; ++i)
        plan(each.at + each.interval * static_cast<std::int64_t>(i), [this, &each] { broadcast(each); });
    for (const auto& fault : file_.scenario.faults) plan(fault.at, [this, &fault] { apply(fault); });
    const auto end = at(file_.scenario.duration);
    while (!planned_.empty() && planned_.begin()->first <= end) {
      listen_until(planned_.begin()->first);
      planned_.extract(planned_.begin()).mapped()();
    }
    listen_until(end);
    for (std::size_t i = 0; i < children_.size(); ++i) slow(i, 1);
  }

  int finish(const Common& common) {
    double least = 1, sum = 0;
    std::size_t hops = 0;
    for (const auto& [id, sent] : sent_) {
      std::size_t ran = 0, reached = 0;
      for (std::size_t i = 0; i < children_.size(); ++i) {
        if (children_[i].pid <= 0 || children_[i].since > sent) continue;
        ++ran;
        reached += delivered_[id].contains(i) ? 1 : 0;
      }
      const double share = ran == 0 ? 1 : static_cast<double>(reached) / static_cast<double>(ran);
      least = std::min(least, share);
      sum += share;
      hops = std::max(hops, hops_[id]);
    }
    const double mean = sent_.empty() ? 1 : sum / static_cast<double>(sent_.size());
    const bool held = least >= file_.reliability && refused_ == 0;
    if (common.json) {
      print(nlohmann::ordered_json{{"nodes", children_.size()},
                                   {"live", live()},
                                   {"broadcasts", sent_.size()},
                                   {"reliability", mean},
                                   {"least_reliability", least},
                                   {"max_hops", hops},
                                   {"refused", refused_},
                                   {"held", held}}
                .dump());
    } else {
      char text[200];
      std::snprintf(text, sizeof text,
                    "%zu processes (%zu live), %zu broadcasts: reliability %.4f (least %.4f), at most %zu hops",
                    children_.size(), live(), sent_.size(), mean, least, hops);
      print(text);
      if (!held) print("FAILED reliability_at_least: " + std::to_string(file_.reliability));
    }
    return held ? 0 : 1;
  }

 private:
  Clock::time_point at(Duration since_begin) const {
    return begin_ + std::chrono::duration_cast<Clock::duration>(since_begin);
  }
  void plan(Duration since_begin, std::function<void()> action) {
    planned_.emplace(at(since_begin), std::move(action));
  }

  void apply(const simulation::Fault& fault) {
    using Kind = simulation::Fault::Kind;
    const std::vector<std::size_t> nodes = choose(fault.nodes, fault.kind != Kind::restart);
    switch (fault.kind) {
      case Kind::crash:
        for (const std::size_t i : nodes) stop(i, SIGKILL);
        return;
      case Kind::restart:
        for (const std::size_t i : nodes) restart(i);
        return;
      case Kind::slow:
        for (const std::size_t i : nodes) slow(i, fault.factor);
        if (fault.duration > Duration{0})
          plan(fault.at + fault.duration, [this, nodes] {
            for (const std::size_t i : nodes) slow(i, 1);
          });
        return;
      case Kind::reset:
        for (const std::size_t i : nodes)
          for (const std::size_t other : choose(fault.others, true, &nodes))
            if (other != i) tell(i, "reset " + children_[other].host + "\n");
        return;
      case Kind::churn:
        return churn(fault, fault.at);
      case Kind::partition:
      case Kind::heal:
      case Kind::noise:
      case Kind::latency:
        return;  // refused before the run began
    }
  }

  // Every interval one that is down comes back, and one that runs goes, as long as another stays.
  void churn(const simulation::Fault& fault, Duration now) {
    if (now > fault.at + fault.duration) return;
    for (const std::size_t i : choose(simulation::Pick::random(1), false)) restart(i);
    if (live() > 1)
      for (const std::size_t i : choose(simulation::Pick::random(1), true)) stop(i, SIGKILL);
    const Duration next = now + fault.interval;
    plan(next, [this, &fault, next] { churn(fault, next); });
  }

  void restart(std::size_t index) {
    if (auto again = start(index, port_of(children_[index].host)); !again)
      std::fprintf(stderr, "myelin: not started again: %s\n", to_string(again.error()).c_str());
  }

  std::size_t live() const {
    return static_cast<std::size_t>(std::ranges::count_if(children_, [](const Child& child) { return child.pid > 0; }));
  }

  // 1, and less: as fast as it can be.
  void slow(std::size_t index, double factor) {
    Child& child = children_[index];
    child.factor = std::clamp(factor, 1.0, most_slow);
    child.toggle = Clock::now();
    if (child.pid > 0 && child.stopped && child.factor == 1) {
      ::kill(child.pid, SIGCONT);
      child.stopped = false;
    }
  }

  // Stops and continues the slow ones whose time has come; gives when the next one's comes.
  Clock::time_point toggle_slow() {
    Clock::time_point next = Clock::time_point::max();
    const auto now = Clock::now();
    for (Child& child : children_) {
      if (child.pid <= 0 || child.factor <= 1) continue;
      if (child.toggle <= now) {
        child.stopped = !child.stopped;
        ::kill(child.pid, child.stopped ? SIGSTOP : SIGCONT);
        child.toggle = now + (child.stopped ? pause_of(child.factor) : run_of(child.factor));
      }
      next = std::min(next, child.toggle);
    }
    return next;
  }

  bool tell(std::size_t index, const std::string& line) {
    return ::write(children_[index].in, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  }

  static std::uint16_t port_of(const std::string& host) {
    const auto parsed = protocol::Host::parse(host);
    return parsed ? parsed->port : std::uint16_t{0};
  }

  Result<void> start(std::size_t index, std::uint16_t port) {
    std::vector<std::string> words{"myelin", "sim", options_.file, "--real-node", std::to_string(index)};
    if (port != 0) words.insert(words.end(), {"--port", std::to_string(port)});
    // A node that had a port before restarts.
    for (const auto contact : file_.contacts(static_cast<simulation::NodeIndex>(index), port != 0))
      if (!children_[contact].host.empty()) words.insert(words.end(), {"--contact", children_[contact].host});
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::array<int, 2> in{}, out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0) return fail(ErrorCode::io, std::strerror(errno));
    if (::pipe2(out.data(), O_CLOEXEC) != 0) {
      ::close(in[0]), ::close(in[1]);
      return fail(ErrorCode::io, std::strerror(errno));
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]), ::close(out[1]);
    if (error != 0) {
      ::close(in[1]), ::close(out[0]);
      return fail(ErrorCode::io, std::string("a node could not be started: ") + std::strerror(error));
    }
    Child& child = children_[index];
    child = {.pid = pid, .in = in[1], .out = out[0], .host = {}, .line = {}, .since = Clock::now(), .toggle = {}};
    const auto limit = Clock::now() + std::chrono::seconds(20);
    while (child.host.empty() && child.pid > 0 && Clock::now() < limit) listen_for(std::chrono::milliseconds(20));
    if (child.host.empty()) return fail(ErrorCode::timeout, "node " + std::to_string(index) + " did not start");
    return {};
  }

  void stop(std::size_t index, int signal) {
    Child& child = children_[index];
    if (child.pid <= 0) return;
    ::close(child.in);  // its cue to end
    ::kill(child.pid, signal == SIGKILL ? SIGKILL : SIGCONT);
    for (int i = 0; i < 200 && ::waitpid(child.pid, nullptr, WNOHANG) == 0; ++i) {
      if (i == 150) ::kill(child.pid, SIGKILL);
      ::poll(nullptr, 0, 10);
    }
    ::close(child.out);
    child.pid = -1;
    child.in = child.out = -1;
    child.factor = 1;
    child.stopped = false;
  }

  // `named`: what `rest` leaves out.
  std::vector<std::size_t> choose(const simulation::Pick& pick, bool running,
                                  const std::vector<std::size_t>* named = nullptr) {
    using Kind = simulation::Pick::Kind;
    std::vector<std::size_t> pool;
    for (std::size_t i = 0; i < children_.size(); ++i)
      if ((children_[i].pid > 0) == running) pool.push_back(i);
    const auto keep = [&pool](auto wanted) { std::erase_if(pool, [&](std::size_t i) { return !wanted(i); }); };
    if (pick.kind == Kind::nodes)
      keep([&](std::size_t i) { return std::ranges::find(pick.indices, i) != pick.indices.end(); });
    if (pick.kind == Kind::rest && named != nullptr)
      keep([&](std::size_t i) { return std::ranges::find(*named, i) == named->end(); });
    if (pick.kind == Kind::range) keep([&](std::size_t i) { return i >= pick.first && i < pick.first + pick.count; });
    if (pick.kind != Kind::random && pick.kind != Kind::fraction) return pool;
    const std::size_t count = pick.kind == Kind::random
                                  ? pick.count
                                  : static_cast<std::size_t>(pick.share * static_cast<double>(pool.size()) + 0.5);
    std::ranges::shuffle(pool, random_);
    pool.resize(std::min(count, pool.size()));
    return pool;
  }

  void broadcast(const sim::FileBroadcasts& each) {
    for (const std::size_t i : choose(each.from, true)) {
      asked_[i].push_back(Clock::now());
      if (!tell(i, "broadcast " + std::to_string(each.bytes) + "\n")) ++refused_;
    }
  }

  void listen_for(Duration duration) {
    listen_until(Clock::now() + std::chrono::duration_cast<Clock::duration>(duration));
  }
  void listen_until(Clock::time_point end) {
    do {
      std::vector<pollfd> ends;
      std::vector<std::size_t> whose;
      for (std::size_t i = 0; i < children_.size(); ++i)
        if (children_[i].pid > 0) {
          ends.push_back({children_[i].out, POLLIN, 0});
          whose.push_back(i);
        }
      const auto next = std::min(end, toggle_slow());
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
      if (::poll(ends.data(), ends.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000))) <= 0) continue;
      for (std::size_t k = 0; k < ends.size(); ++k)
        if (ends[k].revents != 0) read_from(whose[k]);
    } while (Clock::now() < end);
  }
  void read_from(std::size_t index) {
    std::array<char, 65536> bytes{};
    const ssize_t count = ::read(children_[index].out, bytes.data(), bytes.size());
    if (count <= 0) return stop(index, SIGKILL);
    Child& child = children_[index];
    for (const char c : std::string_view(bytes.data(), static_cast<std::size_t>(count))) {
      if (c != '\n') {
        child.line += c;
        continue;
      }
      heard(index, std::exchange(child.line, {}));
    }
  }
  void heard(std::size_t index, const std::string& line) {
    std::istringstream words(line);
    std::string what;
    Id id;
    words >> what;
    if (what == "ready") {
      words >> children_[index].host;
    } else if (what == "refused") {
      ++refused_;
    } else if (words >> id.first >> id.second && what == "accepted") {
      auto& asked = asked_[index];
      sent_[id] = asked.empty() ? Clock::now() : asked.front();
      if (!asked.empty()) asked.erase(asked.begin());
    } else if (what == "delivered") {
      std::size_t hops = 0;
      words >> hops;
      delivered_[id].insert(index);
      hops_[id] = std::max(hops_[id], hops);
    }
  }

  const SimOptions& options_;
  const sim::ScenarioFile& file_;
  std::mt19937_64 random_;
  std::vector<Child> children_;
  Clock::time_point begin_;
  std::multimap<Clock::time_point, std::function<void()>> planned_;
  std::map<std::size_t, std::vector<Clock::time_point>> asked_;
  std::map<Id, Clock::time_point> sent_;
  std::map<Id, std::set<std::size_t>> delivered_;
  std::map<Id, std::size_t> hops_;
  std::size_t refused_ = 0;
};

// Checkers that look into nodes, which are other processes here.
void name_unchecked(const simulation::Scenario& scenario) {
  std::set<std::string> names;
  for (const auto& check : scenario.each_step) names.insert(check.name);
  for (const auto& check : scenario.each_cycle) names.insert(check.name);
  for (const auto& check : scenario.at_end) names.insert(check.name);
  names.erase("reliability_at_least");
  for (const std::string& name : names)
    std::fprintf(stderr, "myelin: not checked on real processes: %s\n", name.c_str());
}

}  // namespace

int run_real_node(const Common& common, const SimOptions& options, const sim::ScenarioFile& file) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a node that is stopped would not see its stdin end
  protocol::RuntimeOptions runtime_options;
  runtime_options.self = {"127.0.0.1", options.port};
  runtime_options.channel.wire = protocol::Wire::w3;
  runtime_options.channel.dial_timeout = file.scenario.options.dial_timeout;
  runtime_options.channel.stall_timeout = file.scenario.options.session_timeout;
  runtime_options.mailbox_capacity = file.scenario.options.mailbox_capacity;
  runtime_options.log.level = protocol::LogLevel::error;
  auto runtime = protocol::Runtime::create(std::move(runtime_options));
  if (!runtime) return report(common, runtime.error());
  std::vector<protocol::Host> contacts;
  for (const std::string& text : options.contacts) {
    auto contact = protocol::Host::parse(text);
    if (!contact) return report(common, contact.error());
    contacts.push_back(std::move(*contact));
  }
  for (const auto& make : file.protocols)
    if (auto added = (*runtime)->add(make(contacts)); !added) return report(common, added.error());
  auto own = std::make_unique<Reporter>();
  Reporter* reporter = own.get();
  if (auto added = (*runtime)->add(std::move(own)); !added) return report(common, added.error());
  if (auto started = (*runtime)->start(); !started) return report(common, started.error());
  Reporter::say("ready " + (*runtime)->self().to_string());
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string what, argument;
    words >> what >> argument;
    if (what == "broadcast") {
      const auto bytes = parse_number(argument);
      if (bytes && *bytes <= max_broadcast)
        (*runtime)->post([reporter, bytes = static_cast<std::size_t>(*bytes)] { reporter->broadcast(bytes); });
    } else if (what == "reset") {
      if (auto host = protocol::Host::parse(argument))
        (*runtime)->post([reporter, host = std::move(*host)] { reporter->reset(host); });
    }
  }
  (*runtime)->shutdown(std::chrono::milliseconds(500));
  const protocol::StopReason why = (*runtime)->wait();
  if (why.kind == protocol::StopReason::Kind::failed) return report(common, Error{ErrorCode::trapped, why.detail, 0});
  return 0;
}

int run_real_scenario(const Common& common, const SimOptions& options, const sim::ScenarioFile& file) {
  constexpr std::size_t most = 500;
  if (file.scenario.nodes > most)
    return report(common, {ErrorCode::limit, "at most 500 real processes; --nodes chooses fewer"});
  if (!file.simulated_only.empty()) {
    const sim::FileKey& key = file.simulated_only.front();
    return report(common, {ErrorCode::unsupported, options.file + ":" + std::to_string(key.line) + ":" +
                                                       std::to_string(key.column) + ": real processes cannot have '" +
                                                       key.name + "': only a simulated world can"});
  }
  name_unchecked(file.scenario);
  std::signal(SIGPIPE, SIG_IGN);
  RealRun run(options, file);
  if (auto started = run.start_all(); !started) return report(common, started.error());
  run.run();
  return run.finish(common);
}

}  // namespace myelin::cli
