// Processes, as an embedding program sees them.
//
// Thread: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace myelin {

// How a process is started. A limit of 0 is none.
struct SpawnOptions {
  std::string name;                                              // unique on the node; empty: none
  std::vector<std::string> arguments;                            // argv[1…]
  std::vector<std::pair<std::string, std::string>> environment;  // WASI environment
  std::uint64_t memory_bytes = 64ull << 20;                      // memory.grow beyond answers -1
  std::uint64_t fuel_per_call = 0;                               // WebAssembly instructions
  std::chrono::milliseconds wall_per_call{0};
  std::uint64_t output_bytes_per_call = 0;
  std::string restart = "on-failure";  // never, on-failure, always
  bool allow_anyone = false;           // any peer may call it
  std::vector<std::string> allow;      // peer IDs that may call it
  bool replace = false;                // take the name over from the process that has it
};

struct ProcessStatus {
  std::string pid;
  std::string name;
  std::string kind;   // method, mailbox, command, native
  std::string state;  // starting, ready, busy, backoff, stopped, exited, failed
  std::vector<std::string> methods;
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;
  std::uint32_t restarts = 0;
  std::uint64_t fuel_used = 0;
  std::uint64_t memory_bytes = 0;
  std::string last_error;
};

}  // namespace myelin
