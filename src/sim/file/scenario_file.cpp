#include "sim/file/scenario_file.hpp"

#include "base/units.hpp"
#include "kernel/message.hpp"
#include "node/schema.hpp"
#include "node/values.hpp"
#include "sim/file/yaml.hpp"
#include "sim/guests.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <set>

namespace myelin::sim {
namespace {

using simulation::Fault;
using simulation::Latency;
using simulation::Pick;
using yaml::Node;

constexpr std::size_t max_nodes = 1'000'000;
constexpr std::size_t max_list = 100'000;

class Reader {
 public:
  explicit Reader(std::string_view origin) : origin_(origin) {}

  using Done = Result<void>;
  struct Key {
    std::string name;
    std::function<Done(const Node&)> read;
  };

  std::unexpected<Error> error(const Node& node, const std::string& what) const {
    return yaml::error_at(origin_, node.line, node.column, what);
  }
  // A map whose keys are among `keys`.
  Done section(const Node& node, const std::string& where, const std::vector<Key>& keys) const {
    if (node.kind == Node::Kind::text && node.text.empty()) return {};
    if (node.kind != Node::Kind::map) return error(node, where + " is a map of keys");
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      const auto key = std::ranges::find(keys, node.keys[i], &Key::name);
      if (key == keys.end()) {
        std::vector<std::string> names;
        for (const Key& each : keys) names.push_back(each.name);
        return yaml::error_at(origin_, node.places[i].first, node.places[i].second,
                              "unknown key '" + node.keys[i] + "' in " + where + node::suggestion(node.keys[i], names));
      }
      if (auto done = key->read(node.items[i]); !done) return done;
    }
    return {};
  }
  Done each(const Node& node, const std::string& where, const std::function<Done(const Node&)>& read) const {
    if (node.kind == Node::Kind::text && node.text.empty()) return {};
    if (node.kind != Node::Kind::list) return error(node, where + " is a list");
    if (node.items.size() > max_list) return error(node, where + " is too long");
    for (const Node& item : node.items)
      if (auto done = read(item); !done) return done;
    return {};
  }
  Result<std::string> text(const Node& node) const {
    if (node.kind != Node::Kind::text) return error(node, "a single value belongs here");
    return node.text;
  }
  // A value by a function of node/values.hpp.
  template <typename T, typename Read, typename... More>
  Done value(const Node& node, T& into, Read read, More... more) const {
    auto words = text(node);
    if (!words) return fail(words.error());
    auto parsed = read(*words, more...);
    if (!parsed) return error(node, parsed.error().message);
    into = static_cast<T>(*parsed);
    return {};
  }
  Done duration(const Node& node, Duration& into) const { return value(node, into, node::read_duration); }
  Done count(const Node& node, std::size_t& into, std::uint64_t most) const {
    return value(node, into, node::read_count, most);
  }
  Done share(const Node& node, double& into) const {
    if (auto done = value(node, into, node::read_rate); !done) return done;
    return into <= 1 ? Done() : error(node, "a share is a number from 0 to 1");
  }
  Done pick(const Node& node, Pick& into) const { return value(node, into, parse_pick); }
  // Keys of a struct: shorthands for the lists below.
  Key time_key(std::string name, Duration& into) const {
    return {std::move(name), [this, &into](const Node& node) { return duration(node, into); }};
  }
  Key count_key(std::string name, std::size_t& into, std::uint64_t most) const {
    return {std::move(name), [this, &into, most](const Node& node) { return count(node, into, most); }};
  }
  Key share_key(std::string name, double& into) const {
    return {std::move(name), [this, &into](const Node& node) { return share(node, into); }};
  }
  Key pick_key(std::string name, Pick& into) const {
    return {std::move(name), [this, &into](const Node& node) { return pick(node, into); }};
  }
  Key text_key(std::string name, std::string& into) const {
    return {std::move(name), [this, &into](const Node& node) -> Done {
              auto words = text(node);
              if (!words) return fail(words.error());
              into = std::move(*words);
              return {};
            }};
  }

  std::string_view origin() const { return origin_; }

 private:
  std::string_view origin_;
};

using Key = Reader::Key;
using Done = Reader::Done;

Done read_noise(const Reader& in, const Node& node, simulation::Noise& noise) {
  return in.section(
      node, "noise",
      {in.share_key("loss", noise.loss), in.share_key("duplication", noise.duplication),
       in.share_key("reordering", noise.reordering), in.time_key("reordering_delay", noise.reordering_delay)});
}

Done read_latency(const Reader& in, const Node& node, Latency& latency) {
  if (node.kind == Node::Kind::text) {
    Duration constant{};
    if (auto done = in.duration(node, constant); !done) return done;
    latency = Latency::constant(constant);
    return {};
  }
  const auto uniform = [&](const Node& value) -> Done {
    std::vector<Duration> ends;
    auto done = in.each(value, "uniform", [&](const Node& item) { return in.duration(item, ends.emplace_back()); });
    if (!done) return done;
    if (ends.size() != 2 || ends[0] > ends[1]) return in.error(value, "uniform is [least, most]");
    latency = Latency::uniform(ends[0], ends[1]);
    return {};
  };
  const auto matrix = [&](const Node& value) -> Done {
    std::vector<std::vector<Duration>> rows;
    auto done = in.each(value, "matrix", [&](const Node& row) {
      auto& into = rows.emplace_back();
      return in.each(row, "a row of the matrix",
                     [&](const Node& item) { return in.duration(item, into.emplace_back()); });
    });
    if (!done) return done;
    for (const auto& row : rows)
      if (row.size() != rows.size()) return in.error(value, "the matrix has as many columns as rows");
    if (rows.empty()) return in.error(value, "the matrix is empty");
    latency = Latency::matrix(std::move(rows));
    return {};
  };
  return in.section(node, "latency", {{"uniform", uniform}, {"matrix", matrix}});
}

// The part of a fault that is a map {nodes, others, …}, or nodes alone.
Done read_ends(const Reader& in, const Node& node, const std::string& what, Fault& fault, std::vector<Key> more) {
  if (node.kind == Node::Kind::text && more.empty()) return in.pick(node, fault.nodes);
  more.push_back(in.pick_key("nodes", fault.nodes));
  more.push_back(in.pick_key("others", fault.others));
  more.push_back({"one_way", [&in, &fault](const Node& value) -> Done {
                    bool one_way = false;
                    auto done = in.value(value, one_way, node::read_flag);
                    fault.both_ways = !one_way;
                    return done;
                  }});
  return in.section(node, what, more);
}

Done read_fault(const Reader& in, const Node& node, Fault& fault) {
  std::size_t kinds = 0;
  const auto kind = [&](std::string name, Fault::Kind chosen, std::function<Done(const Node&)> read) {
    return Key{std::move(name), [&kinds, &fault, chosen, read = std::move(read)](const Node& value) {
                 ++kinds;
                 fault.kind = chosen;
                 return read(value);
               }};
  };
  const auto nodes = [&](const Node& value) { return in.pick(value, fault.nodes); };
  const auto ends = [&](const char* name, bool all) {
    return [&in, &fault, name, all](const Node& value) {
      if (all) fault.others = Pick::all();
      return read_ends(in, value, name, fault, {});
    };
  };
  const auto slow = [&](const Node& value) {
    const auto factor = [&](const Node& number) { return in.value(number, fault.factor, node::read_rate); };
    return read_ends(in, value, "slow", fault, {{"factor", factor}});
  };
  const auto noise = [&](const Node& value) {
    fault.nodes = fault.others = Pick::all();
    auto& into = fault.noise;
    return read_ends(
        in, value, "noise", fault,
        {in.share_key("loss", into.loss), in.share_key("duplication", into.duplication),
         in.share_key("reordering", into.reordering), in.time_key("reordering_delay", into.reordering_delay)});
  };
  const auto churn = [&](const Node& value) {
    return in.section(value, "churn", {in.time_key("interval", fault.interval)});
  };
  const auto latency = [&](const Node& value) { return read_latency(in, value, fault.link); };
  auto done = in.section(
      node, "a fault",
      {in.time_key("at", fault.at), in.time_key("for", fault.duration), kind("crash", Fault::Kind::crash, nodes),
       kind("restart", Fault::Kind::restart, nodes),
       kind("partition", Fault::Kind::partition, ends("partition", false)),
       kind("heal", Fault::Kind::heal, ends("heal", true)), kind("reset", Fault::Kind::reset, ends("reset", true)),
       kind("noise", Fault::Kind::noise, noise), kind("slow", Fault::Kind::slow, slow),
       kind("latency", Fault::Kind::latency, latency), kind("churn", Fault::Kind::churn, churn)});
  if (!done) return done;
  if (kinds != 1)
    return in.error(node, "a fault has one of crash, restart, partition, heal, reset, noise, slow, latency, churn");
  if (fault.kind == Fault::Kind::churn && (fault.interval <= Duration{0} || fault.duration <= Duration{0}))
    return in.error(node, "churn has an interval and a 'for'");
  return {};
}

Done read_protocol(const Reader& in, const Node& node, ScenarioFile& file) {
  std::string name = node.text;
  std::vector<std::pair<std::string, std::string>> parameters;
  const Node* body = nullptr;
  if (node.kind == Node::Kind::map && node.keys.size() == 1) {
    name = node.keys[0];
    body = &node.items[0];
    if (body->kind == Node::Kind::map) {
      for (std::size_t i = 0; i < body->keys.size(); ++i) {
        auto text = in.text(body->items[i]);
        if (!text) return fail(text.error());
        parameters.emplace_back(body->keys[i], std::move(*text));
      }
    } else if (body->kind != Node::Kind::text || !body->text.empty()) {
      return in.error(*body, "the parameters of " + name + " are a map of keys");
    }
  } else if (node.kind != Node::Kind::text) {
    return in.error(node, "a protocol is a name, or a map of one name to its parameters");
  }
  auto made = shipped_protocol(name, parameters);
  if (!made) {
    const auto& [at, what] = made.error();
    if (at == SIZE_MAX)
      return in.error(node, "unknown protocol '" + name + "'" + node::suggestion(name, shipped_names()));
    const std::string& key = parameters[at].first;
    return yaml::error_at(in.origin(), body->places[at].first, body->places[at].second,
                          what + " '" + key + "' of " + name + node::suggestion(key, shipped_parameters(name)));
  }
  file.protocol_names.push_back(std::move(name));
  file.protocols.push_back(std::move(*made));
  return {};
}

// -- Checkers by name.

struct Checker {
  std::string name;
  std::string argument;
  const Node* node;
};

Result<Checker> read_checker(const Reader& in, const Node& node) {
  if (node.kind == Node::Kind::text) return Checker{node.text, {}, &node};
  if (node.kind != Node::Kind::map || node.keys.size() != 1 || node.items[0].kind != Node::Kind::text)
    return in.error(node, "a checker is a name, or a map of one name to its value");
  return Checker{node.keys[0], node.items[0].text, &node};
}

const std::vector<std::string> local_names{"view_self_free", "view_at_most", "delivers_once"};
const std::vector<std::string> global_names{"views_symmetric", "views_live", "connected", "reliability_at_least",
                                            "no_loops_in_tree"};

Result<simulation::Simulation::LocalCheck> local_check(const Reader& in, const Checker& checker) {
  namespace checks = simulation::checks;
  if (checker.name == "view_self_free") return checks::view_self_free;
  if (checker.name == "delivers_once") return checks::delivers_once;
  auto most = node::read_count(checker.argument, max_nodes);
  if (!most) return in.error(*checker.node, "view_at_most: " + most.error().message);
  return checks::view_at_most(static_cast<std::size_t>(*most));
}

Result<simulation::Simulation::GlobalCheck> global_check(const Reader& in, const Checker& checker, ScenarioFile& file) {
  namespace checks = simulation::checks;
  if (std::ranges::find(local_names, checker.name) != local_names.end()) {
    auto local = local_check(in, checker);
    if (!local) return fail(local.error());
    return checks::every_node(std::move(*local));
  }
  if (checker.name == "views_symmetric") return checks::views_symmetric;
  if (checker.name == "views_live") return checks::views_live;
  if (checker.name == "connected") return checks::connected;
  if (checker.name == "no_loops_in_tree") return checks::no_loops_in_tree();
  if (checker.name == "reliability_at_least") {
    auto share = node::read_rate(checker.argument);
    if (!share || *share > 1) return in.error(*checker.node, "reliability_at_least: a share is a number from 0 to 1");
    file.reliability = std::max(file.reliability, *share);
    return checks::reliability_at_least(*share);
  }
  auto names = local_names;
  names.insert(names.end(), global_names.begin(), global_names.end());
  return in.error(*checker.node, "unknown checker '" + checker.name + "'" + node::suggestion(checker.name, names));
}

Done read_checks(const Reader& in, const Node& node, ScenarioFile& file) {
  const auto globals = [&in, &file](std::vector<simulation::NamedGlobalCheck>& into) {
    return [&in, &file, &into](const Node& list) {
      return in.each(list, "a list of checkers", [&](const Node& item) -> Done {
        auto checker = read_checker(in, item);
        if (!checker) return fail(checker.error());
        auto check = global_check(in, *checker, file);
        if (!check) return fail(check.error());
        into.push_back({checker->name, std::move(*check)});
        return {};
      });
    };
  };
  const auto locals = [&](const Node& list) {
    return in.each(list, "each_step", [&](const Node& item) -> Done {
      auto checker = read_checker(in, item);
      if (!checker) return fail(checker.error());
      if (std::ranges::find(local_names, checker->name) == local_names.end())
        return in.error(
            item, "'" + checker->name + "' is no checker of one node" + node::suggestion(checker->name, local_names));
      auto check = local_check(in, *checker);
      if (!check) return fail(check.error());
      file.scenario.each_step.push_back({checker->name, std::move(*check)});
      return {};
    });
  };
  return in.section(node, "checks",
                    {{"each_step", locals},
                     {"each_cycle", globals(file.scenario.each_cycle)},
                     {"at_end", globals(file.scenario.at_end)}});
}

Done read_broadcasts(const Reader& in, const Node& node, FileBroadcasts& into) {
  return in.section(
      node, "broadcasts",
      {in.time_key("at", into.at), in.count_key("count", into.count, max_list), in.time_key("interval", into.interval),
       in.count_key("bytes", into.bytes, std::uint64_t{1} << 20), in.pick_key("from", into.from)});
}

Done read_contact(const Reader& in, const Node& node, ScenarioFile& file) {
  if (node.kind == Node::Kind::text && node.text == "previous") {
    file.contact.reset();
    return {};
  }
  std::size_t index = 0;
  if (auto done = in.count(node, index, max_nodes); !done) return done;
  file.contact = static_cast<simulation::NodeIndex>(index);
  return {};
}

// own, anyone, or nodes.
Done read_access(const Reader& in, const Node& node, simulation::Guest& guest) {
  if (node.kind == Node::Kind::text && node.text == "own") return {};
  if (node.kind == Node::Kind::text && node.text == "anyone") return guest.anyone = true, Done();
  Pick pick;
  if (auto done = in.pick(node, pick); !done || pick.kind == Pick::Kind::all || !fixed(pick) || pick.count > max_list)
    return in.error(node, "access is own, anyone, or a list or range of nodes");
  guest.allow = std::move(pick.indices);
  for (std::size_t i = 0; i < pick.count; ++i)
    guest.allow.push_back(pick.first + static_cast<simulation::NodeIndex>(i));
  return {};
}

// A module's path is relative to the folder of the scenario file.
Done read_module_path(const Reader& in, const Node& node, simulation::Guest& guest) {
  auto words = in.text(node);
  if (!words) return fail(words.error());
  if (words->empty() || words->find('\0') != std::string::npos) return in.error(node, "module is the path of a file");
  guest.file = (std::filesystem::path(in.origin()).parent_path() / *words).lexically_normal().string();
  if (auto checked = check_module_file(guest.file); !checked)
    return in.error(node, "module " + checked.error().message);
  return {};
}

// `limits`, `restart` and `environment`: those of a process in a node's configuration, by the same table.
std::vector<Key> process_keys(const Reader& in, node::ConfiguredProcess& process, const std::string& prefix) {
  std::vector<Key> keys;
  for (const auto& key : node::process_keys(node::Config{})) {
    if (!key.path.starts_with(prefix)) continue;
    const auto read = [&in, &process, key](const Node& value) -> Done {
      Result<void> done;
      if (key.set_map) {
        if (value.kind != Node::Kind::map) return in.error(value, key.path + " is a map of names to values");
        node::TextMap items;
        for (std::size_t i = 0; i < value.keys.size(); ++i) {
          auto words = in.text(value.items[i]);
          if (!words) return fail(words.error());
          items.emplace_back(value.keys[i], std::move(*words));
        }
        done = key.set_map(process, items);
      } else {
        auto words = in.text(value);
        if (!words) return fail(words.error());
        done = key.set_text(process, *words);
      }
      return done ? done : in.error(value, key.path + ": " + done.error().message);
    };
    keys.push_back({key.path.substr(key.path.rfind('.') + 1), read});
  }
  return keys;
}

simulation::GuestLimits guest_limits(const kernel::ProcessLimits& limits) {
  return {.memory_bytes = std::uint64_t{limits.memory_pages} * 65'536,
          .fuel_per_call = limits.fuel_per_call,
          .wall_per_call = limits.wall_per_call,
          .output_bytes_per_call = limits.output_bytes_per_call,
          .queue_messages = limits.queue_messages,
          .queue_bytes = limits.queue_bytes,
          .open_requests = limits.open_requests};
}

Done read_guest(const Reader& in, const Node& node, simulation::PlacedGuest& placed) {
  simulation::Guest& guest = placed.guest;
  const auto nodes = [&](const Node& value) -> Done {
    if (auto done = in.pick(value, placed.nodes); !done) return done;
    return fixed(placed.nodes) ? Done() : in.error(value, "a guest's nodes are all, a list or a range");
  };
  const auto arguments = [&](const Node& value) {
    return in.each(value, "arguments", [&](const Node& item) -> Done {
      auto words = in.text(item);
      if (!words) return fail(words.error());
      guest.arguments.push_back(std::move(*words));
      return {};
    });
  };
  node::ConfiguredProcess process;
  const auto limits = [&](const Node& value) -> Done {
    return in.section(value, "the limits of a guest", process_keys(in, process, "limits."));
  };
  std::vector<Key> keys{in.text_key("name", guest.name),
                        {"module", [&](const Node& value) { return read_module_path(in, value, guest); }},
                        {"nodes", nodes},
                        {"access", [&](const Node& value) { return read_access(in, value, guest); }},
                        {"arguments", arguments},
                        {"limits", limits}};
  for (const char* each : {"restart", "environment"})
    for (Key& key : process_keys(in, process, each)) keys.push_back(std::move(key));
  if (auto done = in.section(node, "a guest", keys); !done) return done;
  guest.limits = guest_limits(process.spec.limits);
  guest.restart = kernel::name(process.spec.restart);
  guest.environment = std::move(process.spec.environment);
  if (!kernel::valid_process_name(guest.name))
    return in.error(node, "a guest has a name: [a-z0-9][a-z0-9._-]{0,63}, and no PID");
  if (auto spec = spec_of(guest); !spec) return in.error(node, spec.error().message);
  return guest.file.empty() ? in.error(node, "guest " + guest.name + " has no module") : Done();
}

Done read_call(const Reader& in, const Node& node, FileCalls& calls) {
  simulation::ProcessCall& call = calls.call;
  const auto expect = [&](const Node& value) -> Done {
    auto words = in.text(value);
    if (!words) return fail(words.error());
    call.expect = std::move(*words);
    return {};
  };
  auto done = in.section(node, "a call",
                         {in.time_key("at", calls.at),
                          in.count_key("count", calls.count, max_list),
                          in.time_key("interval", calls.interval),
                          in.pick_key("from", call.from),
                          in.text_key("process", call.process),
                          in.text_key("method", call.method),
                          in.text_key("body", call.body),
                          in.time_key("timeout", call.timeout),
                          {"expect", expect}});
  if (!done) return done;
  if (call.process.empty() || call.method.empty()) return in.error(node, "a call names a process and a method");
  return call.timeout > Duration{0} ? Done() : in.error(node, "a call's timeout is more than 0");
}

Done read_fidelity(const Reader& in, const Node& node, simulation::Fidelity& into) {
  using simulation::Fidelity;
  for (const Fidelity each : {Fidelity::overlay, Fidelity::tcp, Fidelity::libp2p})
    if (node.kind == Node::Kind::text && node.text == name(each)) return into = each, Done();
  return in.error(node, "fidelity is overlay, tcp or libp2p");
}

Done read_root(const Reader& in, const Node& root, ScenarioFile& file) {
  simulation::Scenario& scenario = file.scenario;
  simulation::Options& options = scenario.options;
  const auto list = [&in](const char* name, std::function<Done(const Node&)> read) {
    return Key{name, [&in, name, read = std::move(read)](const Node& node) { return in.each(node, name, read); }};
  };
  return in.section(
      root, "the scenario",
      {in.text_key("name", scenario.name),
       {"seed", [&](const Node& node) { return in.value(node, file.seed, node::read_count, UINT64_MAX); }},
       {"fidelity", [&](const Node& node) { return read_fidelity(in, node, options.fidelity); }},
       in.count_key("nodes", scenario.nodes, max_nodes),
       {"contact", [&](const Node& node) { return read_contact(in, node, file); }},
       in.time_key("join_interval", scenario.join_interval),
       in.time_key("duration", scenario.duration),
       in.time_key("cycle", options.cycle),
       {"latency", [&](const Node& node) { return read_latency(in, node, options.latency); }},
       {"noise", [&](const Node& node) { return read_noise(in, node, options.noise); }},
       in.time_key("dial_timeout", options.dial_timeout),
       in.time_key("session_timeout", options.session_timeout),
       in.count_key("mailbox_capacity", options.mailbox_capacity, max_nodes),
       list("protocols", [&](const Node& node) { return read_protocol(in, node, file); }),
       list("faults", [&](const Node& node) { return read_fault(in, node, scenario.faults.emplace_back()); }),
       list("guests", [&](const Node& node) { return read_guest(in, node, scenario.guests.emplace_back()); }),
       {"allow_anyone", [&](const Node& node) { return in.value(node, options.allow_anyone, node::read_flag); }},
       list("calls", [&](const Node& node) { return read_call(in, node, file.calls.emplace_back()); }),
       list("broadcasts", [&](const Node& node) { return read_broadcasts(in, node, file.broadcasts.emplace_back()); }),
       {"checks", [&](const Node& node) { return read_checks(in, node, file); }},
       {"outputs", [&](const Node& node) {
          return in.section(
              node, "outputs",
              {in.text_key("trace", file.trace), in.text_key("csv", file.csv), in.text_key("plots", file.plots)});
        }}});
}

// Keys of the root or of a fault that processes on one machine cannot be given.
constexpr std::array simulated_roots{"latency", "noise", "guests", "calls", "allow_anyone"};
constexpr std::array simulated_faults{"partition", "heal", "noise", "latency"};

std::vector<FileKey> simulated_only(const Node& root) {
  std::vector<FileKey> found;
  const auto look = [&found](const Node& map, const auto& names) {
    for (std::size_t i = 0; i < map.keys.size(); ++i)
      if (std::ranges::find(names, map.keys[i]) != names.end())
        found.push_back({map.keys[i], map.places[i].first, map.places[i].second});
  };
  look(root, simulated_roots);
  for (std::size_t i = 0; i < root.keys.size(); ++i)
    if (root.keys[i] == "faults")
      for (const Node& fault : root.items[i].items) look(fault, simulated_faults);
  return found;
}

}  // namespace

Result<Pick> parse_pick(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorCode::bad_request,
                "'" + std::string(text.substr(0, 64)) + "' names no nodes: all, rest, 3, 0,4,7, 0-9, random 5 or 30%");
  };
  if (text == "all") return Pick::all();
  if (text == "rest") return Pick::rest();
  if (text.starts_with("random ")) {
    const auto count = parse_number(text.substr(7));
    return count && *count <= max_nodes ? Result<Pick>(Pick::random(static_cast<std::size_t>(*count))) : bad();
  }
  if (text.ends_with('%')) {
    auto share = node::read_rate(text.substr(0, text.size() - 1));
    return share && *share <= 100 ? Result<Pick>(Pick::fraction(*share / 100)) : bad();
  }
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    const auto first = parse_number(text.substr(0, dash));
    const auto last = parse_number(text.substr(dash + 1));
    if (!first || !last || *first > *last || *last >= max_nodes) return bad();
    return Pick::range(static_cast<simulation::NodeIndex>(*first), static_cast<std::size_t>(*last - *first + 1));
  }
  std::vector<simulation::NodeIndex> nodes;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const auto number = parse_number(text.substr(0, comma));
    if (!number || *number >= max_nodes || nodes.size() >= max_list) return bad();
    nodes.push_back(static_cast<simulation::NodeIndex>(*number));
    if (comma == text.size()) return Pick::nodes(std::move(nodes));
    text.remove_prefix(comma + 1);
  }
}

std::vector<simulation::NodeIndex> ScenarioFile::contacts(simulation::NodeIndex node, bool restarted) const {
  if (node != contact.value_or(0)) return {contact.value_or(node - 1)};
  std::vector<simulation::NodeIndex> others;
  if (!restarted) return others;
  // More than one, as any of them may be down.
  for (simulation::NodeIndex other = 0; other < scenario.nodes && others.size() < 3; ++other)
    if (other != node) others.push_back(other);
  return others;
}

Result<ScenarioFile> parse_scenario(std::string_view text, std::string_view origin) {
  auto root = yaml::load(text, origin);
  if (!root) return fail(root.error());
  ScenarioFile file;
  const Reader in(origin);
  if (auto read = read_root(in, *root, file); !read) return fail(read.error());
  file.simulated_only = simulated_only(*root);
  simulation::Scenario& scenario = file.scenario;
  if (file.protocols.empty()) return in.error(*root, "the scenario has no protocols");
  if (scenario.nodes == 0) return in.error(*root, "the scenario has no nodes");
  if (scenario.options.cycle <= Duration{0}) return in.error(*root, "a cycle takes time");
  if (file.contact && *file.contact >= scenario.nodes) return in.error(*root, "the contact is no node");
  if (!scenario.guests.empty() && scenario.options.fidelity != simulation::Fidelity::libp2p)
    return in.error(*root, "guests need the fidelity libp2p");
  if (!file.calls.empty() && scenario.guests.empty()) return in.error(*root, "calls need guests");
  std::size_t acts = 0;
  for (const auto& each : file.calls) {
    if ((acts += each.count) > max_list) return in.error(*root, "too many calls");
    for (auto& action : simulation::calls(each.at, each.count, each.interval, each.call))
      scenario.actions.push_back(std::move(action));
  }
  for (const auto& each : file.broadcasts) {
    if ((acts += each.count) > max_list) return in.error(*root, "too many broadcasts");
    for (auto& action : simulation::broadcasts(each.at, each.count, each.interval, each.bytes, each.from))
      scenario.actions.push_back(std::move(action));
  }
  scenario.setup = [protocols = file.protocols, contact = file.contact,
                    nodes = scenario.nodes](simulation::NodeSetup& node) {
    ScenarioFile joins;
    joins.contact = contact;
    joins.scenario.nodes = nodes;
    std::vector<protocol::Host> contacts;
    for (const simulation::NodeIndex each : joins.contacts(node.index(), node.incarnation() > 0))
      contacts.push_back(node.host(each));
    for (const ShippedFactory& make : protocols) node.add(make(contacts));
  };
  return file;
}

}  // namespace myelin::sim
