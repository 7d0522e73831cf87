// For tests: whole nodes, guests included, in one simulated world and thread, and bare libp2p hosts beside them.
//
// Thread: one. Lifetime: nodes are stopped by the fixture.
#pragma once

#include "io/scope.hpp"
#include "io/simulated.hpp"
#include "kernel/kernel_testing.hpp"
#include "node/node.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace myelin::node::testing {

using namespace std::chrono_literals;
using kernel::testing::CallEnd;
using kernel::testing::WatchedCall;

// A machine of the world: a node on it, or a bare host.
struct Machine {
  io::SimulatedWorld::Host* host = nullptr;
  std::vector<io::Loop*> loops;
  io::Loop* loop = nullptr;
  std::unique_ptr<io::Scope> scope;
  std::unique_ptr<Node> node;
  std::unique_ptr<libp2p::Host> bare;
  bool crashed = false;
};

class NodeWorld {
 public:
  explicit NodeWorld(std::uint64_t seed = 1, std::size_t shards = 1);
  ~NodeWorld();

  Machine& add_machine();
  Config config_for(const Machine& machine) const;
  // A machine with a node that has started.
  Machine& add_node();
  Machine& add_node(Machine& machine, Config config);
  Machine& add_bare();
  // Each learns where the other is.
  void introduce(Machine& a, Machine& b);

  kernel::ProcessInfo spawn(Machine& machine, const std::string& guest, kernel::SpawnSpec spec = {});
  // One that anyone may call.
  kernel::ProcessInfo spawn_open(Machine& machine, const std::string& guest, const std::string& name = {});

  kernel::CallSpec spec_for(const identity::PeerId& node, std::variant<Pid, std::string> process, std::string method);
  WatchedCall& start(Machine& from, kernel::CallSpec spec, std::string input = {}, bool close = true);
  CallEnd finish(WatchedCall& watched, Duration limit = 600s);
  CallEnd call(Machine& from, Machine& to, std::variant<Pid, std::string> process, std::string method,
               std::string input = {});
  // Body of the answer to a local request, or the error in words.
  std::string ask(Machine& at, std::variant<Pid, std::string> process, std::string method, std::string body = {});

  template <typename T>
  T run(Machine& machine, io::Task<T> task, Duration limit = 600s) {
    std::optional<T> out;
    machine.scope->spawn(kernel::testing::keep(std::move(task), &out));
    MYELIN_CHECK(world->run_until([&] { return out.has_value(); }, limit), "a task of the test has not ended");
    return std::move(*out);
  }
  void run(Machine& machine, io::Task<void> task, Duration limit = 600s);
  void stop(Machine& machine);

  std::unique_ptr<io::SimulatedWorld> world;
  std::vector<std::unique_ptr<Machine>> machines;
  std::vector<std::unique_ptr<WatchedCall>> calls;

 private:
  std::size_t shards_;
};

inline int code(const CallEnd& end) { return end.result ? 0 : static_cast<int>(end.result.error().code); }
inline ErrorCode error_of(const CallEnd& end) {
  EXPECT_FALSE(end.result) << "the call succeeded";
  return end.result ? ErrorCode{} : end.result.error().code;
}

// Reads a stream to its end.
struct ReadEnd {
  std::string bytes;
  Result<void> end;
};
io::Task<ReadEnd> read_to_end(libp2p::Stream* stream);

}  // namespace myelin::node::testing
