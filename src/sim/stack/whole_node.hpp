// WholeNode: a node::Node in the simulated world, with its guests, and a runtime's protocols as processes in it.
//
//   start() → spawn() each guest → make_runtime() → enter() → the caller lets the host listen and starts the runtime
//
// The node's key is the simulation's, so that its host has the name that all know; where another node is reached is
// looked up when something is sent to it. What passes between protocols and processes is told to the ProcessWatch, and
// so is what guests send.
//
// Thread: its loop. Lifetime: loop and watch outlive it; stop() has ended before it is destroyed, unless start() was
// never called or the loop has crashed; its runtime is destroyed first.
#pragma once

#include "base/error.hpp"
#include "identity/keys.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"
#include "kernel/kernel.hpp"
#include "myelin/simulation/guest.hpp"
#include "node/node.hpp"
#include "protocol/libp2p_channel.hpp"
#include "protocol/loop_runtime.hpp"
#include "protocol/process_bridge.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::sim::stack {

class ProcessWatch : public kernel::SendWatch {
 public:
  // A process's message has come to a protocol.
  virtual void process_message(std::string_view protocol, std::string_view caller, std::string_view method,
                               std::size_t bytes) = 0;
  // A protocol sends one.
  virtual void process_call(std::string_view protocol, std::string_view address, std::string_view method,
                            std::size_t bytes) = 0;
  // Its outcome has come.
  virtual void process_answer(std::string_view protocol, std::string_view address, std::string_view method,
                              const Result<protocol::Bytes>& answer) = 0;
  // Something is about to be sent to that node.
  virtual void reaching(const identity::PeerId& peer) = 0;
};

class WholeNode {
 public:
  struct Setup {
    identity::KeyPair key;
    std::map<std::string, identity::PeerId, std::less<>> aliases;
    bool allow_anyone = false;
  };
  WholeNode(io::Loop& loop, ProcessWatch& watch);
  ~WholeNode();
  WholeNode(const WholeNode&) = delete;
  WholeNode& operator=(const WholeNode&) = delete;

  // Errors: those of the engine and of Node::start.
  io::Task<Result<void>> start(Setup setup);
  // Errors: those of Kernel::spawn, with the guest named. `allow`: the nodes that may reach it.
  io::Task<Result<void>> spawn(simulation::Guest guest, std::vector<identity::PeerId> allow);
  // Its channel is what `wrap` makes of the node's. Once.
  using Wrap = std::function<std::unique_ptr<protocol::Channel>(std::unique_ptr<protocol::Channel>)>;
  std::unique_ptr<protocol::LoopRuntime> make_runtime(protocol::CoreConfig config, protocol::ChannelOptions options,
                                                      const Wrap& wrap);
  // Enters the runtime's protocols into the node's table. Errors: conflict (a name is taken).
  io::Task<Result<void>> enter();
  // Its connections are reset at once, then the rest ends. REQUIRES: the runtime does not run.
  io::Task<void> stop();

  bool started() const { return node_ != nullptr; }
  libp2p::Host& host() { return node_->host(); }

 private:
  class Port;   // the runtime's way to processes
  class Route;  // the processes' way to other nodes

  io::Loop& loop_;
  ProcessWatch& watch_;
  bool allow_anyone_ = false;
  std::unique_ptr<Route> route_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<protocol::ProcessBridge> bridge_;
  std::unique_ptr<Port> port_;
};

}  // namespace myelin::sim::stack
