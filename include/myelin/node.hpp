// Node: a whole Myelin node inside a program of yours: its own identity, its processes, its libp2p connections.
//
//   auto node = myelin::Node::start({.home = "/var/lib/mine"});
//   auto pid = (*node)->spawn(module_bytes, {.name = "echo"});
//   auto answer = (*node)->call("echo", "echo", "Hello!");
//
// Who starts processes by the thousand loads their module once and hands over many messages at a time, each for a
// process of its own:
//
//   auto module = (*node)->load(module_bytes);
//   auto answers = (*node)->spawn_calls(*module, "echo", inputs);
//
// The node runs on threads of its own. Every function blocks until it has its answer; call them from your threads, many
// at a time if you like, never from the node's. Lifetime: the destructor stops the node and waits. Thread: any.
#pragma once

#include "myelin/api.hpp"
#include "myelin/error.hpp"
#include "myelin/process.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace myelin {

namespace embed {
struct Inside;
}

struct NodeOptions {
  std::string home;  // absolute folder with the identity, made (0700) if it is not there; one node per home
  std::vector<std::string> listen;  // multiaddrs; empty: it dials only
  std::vector<std::string> peers;   // multiaddrs with /p2p/ to keep connections with
  std::uint32_t shards = 1;         // threads with an event loop; 0: one per core
  std::string compiler;             // path of myelin-compile; empty: where `make install` put it
};

struct CallOptions {
  std::chrono::milliseconds timeout{0};             // 0: none
  std::size_t max_answer_bytes = 64 * 1024 * 1024;  // more is too_large
};

// A module, compiled and ready to be started by the node that loaded it. Copies are the same module, which is shared by
// them and by the processes that run it. Thread: any.
class MYELIN_API Module {
 private:
  friend class Node;
  struct Impl;
  explicit Module(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

class MYELIN_API Node {
 public:
  // Errors: those of each step (identity, engine, listening), with the step named.
  static Result<std::unique_ptr<Node>> start(NodeOptions options);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  std::string peer_id() const;
  // Where it listens, with /p2p/<peer ID>.
  std::vector<std::string> addresses() const;

  // Starts a process; gives its PID. Errors: invalid_module, too_large, conflict (name taken), limit, bad_request,
  // timeout, trapped, guest_failed.
  Result<std::string> spawn(std::span<const std::uint8_t> module, SpawnOptions options = {});
  // Compiles a module, or finds it compiled. Errors: invalid_module, too_large, timeout, limit, io.
  Result<Module> load(std::span<const std::uint8_t> module);
  // The same without a look at the module's bytes. REQUIRES: this node loaded it.
  Result<std::string> spawn(const Module& module, SpawnOptions options = {});

  // For each input a process of its own: started, sent `method` with the input as its message, and removed once it has
  // answered. Spread over the node's shards, many under way at a time; blocks until all have ended. The answers are in
  // the order of the inputs. `options.name` and `options.restart` have no effect. Errors of each: those of spawn and
  // call. REQUIRES: this node loaded the module.
  std::vector<Result<std::string>> spawn_calls(const Module& module, std::string_view method,
                                               std::span<const std::string> inputs, SpawnOptions options = {},
                                               CallOptions limits = {});
  // One of these without waiting: `done` is called exactly once, on a thread of the node. It must be short and call
  // nothing of the node's but spawn_call; the node's destructor waits for it.
  using Answered = std::move_only_function<void(Result<std::string>)>;
  void spawn_call(const Module& module, std::string_view method, std::string input, Answered done,
                  SpawnOptions options = {}, CallOptions limits = {});

  // Calls `method` of a process: `address` is [<peer>/]<pid or name>. `input` is the message; the answer is what the
  // process gave. Errors: any.
  Result<std::string> call(std::string_view address, std::string_view method, std::string_view input,
                           CallOptions options = {});
  std::vector<ProcessStatus> processes() const;
  // Errors: no_such_process.
  Result<ProcessStatus> inspect(std::string_view process) const;
  // Kills the process and forgets it. Errors: no_such_process.
  Result<void> remove(std::string_view process);
  // Connects to a peer. Errors: bad_request, offline, timeout, protocol, limit.
  Result<void> connect(std::string_view multiaddr);

 private:
  friend struct embed::Inside;
  struct Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace myelin
