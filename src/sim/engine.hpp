// Engine: what moves a simulated world on: nodes, their network, virtual time. Two implementations: overlay/ (whole
// messages, one event queue) and stack/ (the session wire or libp2p over the simulated devices of io).
//
// Thread: one. Lifetime: the Host (EngineHost) outlives it.
#pragma once

#include "base/error.hpp"
#include "myelin/simulation/simulation.hpp"
#include "protocol/core.hpp"
#include "sim/cuts.hpp"
#include "sim/records.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::sim {

using protocol::Host;
using simulation::Counters;
using simulation::Noise;
using simulation::Options;

// What a node is made of.
struct Plan {
  struct Item {
    std::unique_ptr<protocol::Protocol> protocol;  // or:
    protocol::ProtocolFactory factory;
    protocol::Supervision supervision;
  };
  std::vector<Item> items;
  std::vector<simulation::Guest> guests;  // with their modules
};

inline bool whole_nodes(const Options& options) {
  return options.whole_nodes && options.fidelity == simulation::Fidelity::libp2p;
}

// What the engine asks of the simulation, and tells it.
class EngineHost {
 public:
  virtual ~EngineHost() = default;
  virtual Plan plan(NodeIndex node, unsigned incarnation) = 0;
  // A node runs; a node runs no more.
  virtual void node_started(NodeIndex node) = 0;
  virtual void node_ended(NodeIndex node) = 0;
  // The run has failed: of the checkers "start" and "livelock".
  virtual void run_failed(std::string checker, std::string what, NodeIndex node) = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual Duration now() const = 0;
  virtual Host host(NodeIndex node) const = 0;  // of any number
  virtual std::optional<NodeIndex> index_of(const Host& host) const = 0;

  // The next number. It starts as a step of its own, at `when`.
  virtual NodeIndex add_node(Duration when) = 0;
  virtual std::size_t size() const = 0;
  // The node's runtime; null while it does not run.
  virtual protocol::RuntimeCore* core(NodeIndex node) const = 0;
  virtual unsigned incarnation(NodeIndex node) const = 0;
  virtual void crash(NodeIndex node) = 0;
  virtual void restart(NodeIndex node) = 0;

  // One step that is due at `limit` or before; false if there is none: the clock then stands at `limit`, or where it
  // was if `limit` is the maximum.
  virtual bool step(Duration limit) = 0;
  // Whether nothing is left to happen.
  virtual bool exhausted() const = 0;
  // The node that the last step was about.
  virtual std::optional<NodeIndex> touched() const = 0;

  virtual void set_latency(simulation::Latency latency) = 0;
  virtual void set_noise(Noise noise) = 0;
  virtual void set_noise(NodeIndex from, NodeIndex to, std::optional<Noise> noise) = 0;
  // What `cuts` says has changed.
  virtual void cuts_changed(const Cuts& cuts) = 0;
  virtual void slow(NodeIndex node, double factor) = 0;
  virtual void reset_session(NodeIndex a, NodeIndex b) = 0;
};

}  // namespace myelin::sim
