// Node: one identity, one program. Puts engine, kernel, libp2p and Glia together over given loops, starts, drains and
// stops them.
//
// All wiring is here, in one place; no layer below knows another's construction. It runs over real or simulated loops
// alike. Thread: start and stop on shard 0's loop; kernel() on any shard. Lifetime: stop() has ended before it is
// destroyed.
#pragma once

#include "base/error.hpp"
#include "glia/glia.hpp"
#include "identity/keys.hpp"
#include "io/loop.hpp"
#include "kernel/kernel.hpp"
#include "libp2p/host.hpp"
#include "node/config.hpp"

#include <memory>
#include <vector>

namespace myelin::node {

class Node {
 public:
  // Reads or makes key, token and root PID in the home, creates the engine unless one is passed (one per program;
  // simulated nodes share one), listens, spawns the configured processes. Errors: those of each step, with the step
  // named.
  static io::Task<Result<std::unique_ptr<Node>>> start(std::vector<io::Loop*> shards, Config config,
                                                       wasm::Engine* engine = nullptr);
  virtual ~Node() = default;

  virtual const Config& config() const = 0;
  virtual const identity::PeerId& id() const = 0;
  virtual Pid root_pid() const = 0;
  virtual const std::string& token() const = 0;  // hexadecimal, 64 characters
  virtual kernel::Kernel& kernel() = 0;
  virtual libp2p::Host& host() = 0;  // use on host_loop() only
  virtual io::Loop& host_loop() = 0;
  virtual glia::Glia& glia() = 0;
  virtual wasm::Engine& engine() = 0;
  virtual const std::vector<io::Loop*>& shards() const = 0;
  virtual bool ready() const = 0;  // started and not draining

  // No new calls; waits for those under way, at most `limit`.
  virtual io::Task<void> drain(Duration limit) = 0;
  virtual io::Task<void> stop() = 0;
};

}  // namespace myelin::node
