// Guests: WebAssembly processes on the nodes of a simulated world.
//
//   scenario.guests = {{.guest = {.name = "echo", .file = "echo.wasm", .anyone = true}, .nodes = Pick::range(0, 3)}};
//
// They need whole nodes (Options::whole_nodes): each node then has a kernel, in which its protocols are processes
// beside the guests. A protocol sends with Context::call_process, a guest reaches a protocol under its name; another
// node is addressed by its host's name or as n<index>. Thread: values.
#pragma once

#include "myelin/simulation/faults.hpp"
#include "myelin/simulation/options.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace myelin::simulation {

// As those of a process of a node: its configuration's `limits`, and SpawnOptions.
struct GuestLimits {
  std::uint64_t memory_bytes = 64ull << 20;  // memory.grow beyond it answers -1; a multiple of 64 KiB, at most 64 MiB
  std::uint64_t fuel_per_call = 0;           // of one call or received message; 0: no limit
  Duration wall_per_call{};                  // the same in virtual time; 0: no limit
  std::uint64_t output_bytes_per_call = 0;   // 0: no limit
  std::uint32_t queue_messages = 1024;       // that wait in the mailbox
  std::uint64_t queue_bytes = 8ull << 20;    // of these
  std::uint32_t open_requests = 1024;        // that it has sent and that have no outcome yet
  friend bool operator==(const GuestLimits&, const GuestLimits&) = default;
};

struct Guest {
  std::string name = {};                  // in the node's table: `[a-z0-9][a-z0-9._-]{0,63}`
  std::string file = {};                  // of the module, at most 16 MiB; or:
  std::vector<std::uint8_t> module = {};  // its bytes
  std::vector<std::string> arguments = {};
  // Who may reach it: its own node always, and any other, or those.
  bool anyone = false;
  std::vector<NodeIndex> allow = {};
  std::vector<std::pair<std::string, std::string>> environment = {};
  GuestLimits limits = {};
  std::string restart = "on-failure";  // never, on-failure, always: what follows when it ends
};

// A guest and the nodes that start with it, from each start on: all, a list or a range; nothing random.
struct PlacedGuest {
  Guest guest = {};
  Pick nodes = Pick::all();
};

// A message that nodes send to a process, as something that a scenario does (calls(), scenario.hpp).
struct ProcessCall {
  Pick from = Pick::all();
  std::string process = {};  // [<peer>/]<name>
  std::string method = {};
  std::string body = {};
  std::optional<std::string> expect = {};  // the answer; nothing: any
  Duration timeout = std::chrono::seconds(5);
};

}  // namespace myelin::simulation
