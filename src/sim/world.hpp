// Simulation::Impl: the simulation around an engine: nodes and their setups, checks, what happens at a time, curves,
// broadcasts.
//
// Thread: one.
#pragma once

#include "io/simulated/random.hpp"
#include "myelin/simulation/simulation.hpp"
#include "sim/broadcasts.hpp"
#include "sim/engine.hpp"
#include "sim/probe.hpp"
#include "sim/records.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace myelin::simulation {

using sim::Cuts;
using sim::Engine;
using sim::NodeSet;
using sim::Plan;
using sim::Probe;

struct Simulation::Impl final : sim::EngineHost, sim::ProbeHost {
  struct NodeState {
    std::size_t setup = 0;   // index
    Probe* probe = nullptr;  // of the node's runtime; null while it does not run
    std::optional<Duration> since = {};
    std::size_t duplicates = 0;
    unsigned starts = 0;
    std::vector<protocol::ProtocolId> protocols = {};
  };
  struct Local {
    std::string name;
    LocalCheck check;
  };
  struct Global {
    std::string name;
    GlobalCheck check;
  };
  struct Gauge {
    std::string name;
    std::function<double(Simulation&)> value;
  };
  struct Sample {
    Duration at;
    std::size_t live;
    Counters counters;
    std::vector<double> gauges;
  };

  struct OpenCall {
    NodeIndex node;
    std::string what;
  };

  Impl(Simulation& simulation, Options wanted);
  ~Impl() override;

  // EngineHost.
  Plan plan(NodeIndex node, unsigned incarnation) override;
  void node_started(NodeIndex node) override;
  void node_ended(NodeIndex node) override;
  void run_failed(std::string checker, std::string what, NodeIndex node) override;
  // ProbeHost.
  void delivered(NodeIndex node, const protocol::Delivered& message) override;
  void crashed(NodeIndex node, const protocol::ProtocolFailed& failure) override;
  void broadcast(NodeIndex node, protocol::Context& ctx, protocol::Bytes payload) override;

  std::size_t begin_broadcast(NodeIndex origin);
  void send_broadcast(protocol::Context& ctx, std::size_t index, NodeIndex origin, protocol::Bytes payload);

  // process_calls.cpp
  void call(NodeIndex node, const ProcessCall& call);
  void call_ended(std::uint64_t number, const ProcessCall& call, const Result<protocol::Bytes>& answer);

  NodeIndex add(std::size_t setup, Duration when);
  bool finished() const { return failure.has_value() || (last_step != 0 && records.counters.steps >= last_step); }
  void begin_trace();
  // One step at `limit` or before, and the checks after it.
  bool step(Duration limit);
  void check_touched();
  // Runs what is planned for the earliest time; REQUIRES: its time has come.
  void run_planned();
  Duration next_planned() const;
  void end_cycle();
  void fail_now(std::string checker, std::string what, std::optional<NodeIndex> node);
  void trace_fault(std::string_view mutation, const std::vector<NodeIndex>& nodes, const std::string& text);

  std::vector<NodeIndex> select(const Pick& pick, const std::vector<NodeIndex>& first, bool running);
  void apply_now(const Fault& fault);
  void set_cuts(const std::vector<NodeIndex>& from, const std::vector<NodeIndex>& to, bool both, bool cut);
  void set_noises(const Fault& fault, const std::vector<NodeIndex>& from, const std::vector<NodeIndex>& to);
  void churn(Duration interval, Duration until);

  Simulation& face;
  Options options;
  sim::Records records;
  io::simulated::Random random;
  sim::Broadcasts broadcasts;
  std::vector<Setup> setups;
  std::vector<NodeState> nodes;
  std::size_t live = 0;
  Cuts cuts;
  std::multimap<Duration, std::function<void(Simulation&)>> planned;
  Duration next_cycle;
  bool trace_begun = false;

  std::vector<Local> locals;
  std::vector<Global> globals;
  std::vector<Gauge> gauges;
  std::vector<Sample> samples;
  std::map<std::uint64_t, OpenCall> open_calls;  // by the order of the sends
  std::uint64_t next_call = 0;
  std::optional<Failure> failure;
  std::uint64_t last_step = 0;

  std::unique_ptr<Engine> engine;  // last: its runtimes go first
};

}  // namespace myelin::simulation
