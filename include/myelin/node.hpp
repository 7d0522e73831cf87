// Node: a whole Myelin node inside a program of yours: its own identity, its processes, its libp2p connections.
//
//   auto node = myelin::Node::start({.home = "/var/lib/mine"});
//   auto pid = (*node)->spawn(module_bytes, {.name = "echo"});
//   auto answer = (*node)->call("echo", "echo", "Hello!");
//
// The node runs on threads of its own. Every function blocks until it has its answer; call them from your threads, many
// at a time if you like, never from the node's. Lifetime: the destructor stops the node and waits. Thread: any.
#pragma once

#include "myelin/api.hpp"
#include "myelin/error.hpp"
#include "myelin/process.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace myelin {

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
  struct Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace myelin
