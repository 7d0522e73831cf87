// Probe: a protocol that the simulation puts into each node, to see what the others publish and to have a context
// there.
//
// On a whole node processes may send to it: the method `broadcast` broadcasts what the message holds.
//
// Its id and name are its own: a protocol of a user's must not be 65535 or "simulation". Thread: the simulation's.
#pragma once

#include "myelin/protocols.hpp"
#include "myelin/simulation/options.hpp"

#include <string_view>
#include <vector>

namespace myelin::sim {

using simulation::NodeIndex;

// What probes tell.
class ProbeHost {
 public:
  virtual ~ProbeHost() = default;
  virtual void delivered(NodeIndex node, const protocol::Delivered& message) = 0;
  virtual void crashed(NodeIndex node, const protocol::ProtocolFailed& failure) = 0;
  // A process of the node wants that to be broadcast.
  virtual void broadcast(NodeIndex node, protocol::Context& ctx, protocol::Bytes payload) = 0;
};

class Probe final : public protocol::Protocol {
 public:
  // `neighbors`: whether to follow NeighborUp and NeighborDown; `whole`: whether it is on a whole node.
  Probe(ProbeHost& host, NodeIndex node, bool neighbors, bool whole)
      : host_(host), node_(node), follow_(neighbors), whole_(whole) {}
  protocol::ProtocolId id() const override { return 65535; }
  std::string_view name() const override { return "simulation"; }
  void start(protocol::Context& ctx) override;
  void init(protocol::Context&) override {}

  protocol::Context& context() { return *ctx_; }
  const std::vector<protocol::Host>& neighbors() const { return neighbors_; }

 private:
  ProbeHost& host_;
  NodeIndex node_;
  bool follow_;
  bool whole_;
  protocol::Context* ctx_ = nullptr;
  std::vector<protocol::Host> neighbors_;
};

}  // namespace myelin::sim
