// Processes as the rest of the node sees them: what one is spawned from, its limits, its state, its figures.
//
// Thread: values.
#pragma once

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/limits.hpp"
#include "base/time.hpp"
#include "identity/peer_id.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::wasm {
class Module;
}

namespace myelin::kernel {

// How messages reach the process, found from its imports and exports at load.
enum class ProcessKind : std::uint8_t { method, mailbox, command, native };
std::string_view name(ProcessKind kind);  // "method", "mailbox", "command", "native"

enum class ProcessState : std::uint8_t {
  starting,  // loading, `_initialize`
  ready,     // waiting for a message
  busy,      // a guest call is under way
  backoff,   // ended, will start again
  stopped,   // by SIGSTOP's equal: keeps its queue, takes no turn
  exited,    // ended, not to be started again
  failed,    // could not be started or restarted
};
std::string_view name(ProcessState state);

enum class RestartPolicy : std::uint8_t { never, on_failure, always };
std::string_view name(RestartPolicy policy);  // "never", "on-failure", "always"
std::optional<RestartPolicy> restart_policy(std::string_view name);

struct ProcessLimits {
  std::uint32_t memory_pages = limits::guest_memory_pages;
  std::uint64_t fuel_per_call = 0;          // per method call or received message; 0: no limit
  Duration wall_per_call{};                 // 0: no limit
  std::uint64_t output_bytes_per_call = 0;  // 0: no limit
  std::uint32_t queue_messages = limits::mailbox_messages;
  std::uint64_t queue_bytes = limits::mailbox_bytes;
  std::uint32_t open_requests = limits::open_requests;
};

// Who may reach a process. The own node (its processes, its token, its operator) always may.
struct AccessList {
  bool anyone = false;  // any peer, and local HTTP clients without the token
  std::vector<identity::PeerId> peers;
};

struct SpawnSpec {
  std::string name;  // empty: none
  Buffer module;     // WebAssembly bytes
  // In their place: what Kernel::load() gave for them. Shared as modules are.
  std::shared_ptr<const wasm::Module> loaded;
  std::vector<std::string> arguments;  // argv[1…]
  std::vector<std::pair<std::string, std::string>> environment;
  ProcessLimits limits;
  RestartPolicy restart = RestartPolicy::on_failure;
  AccessList access;
  bool replace = false;  // take the name over from a process that has it (which is then killed)
};

struct ProcessInfo {
  Pid pid;
  std::string name;
  ProcessKind kind = ProcessKind::method;
  ProcessState state = ProcessState::starting;
  std::optional<Pid> parent;
  std::array<std::uint8_t, 32> module_id{};  // SHA-256 of the module
  std::vector<std::string> methods;
  std::vector<std::string> arguments;
  ProcessLimits limits;
  RestartPolicy restart = RestartPolicy::on_failure;
  AccessList access;
  std::uint32_t shard = 0;
  std::uint32_t restarts = 0;
  std::uint64_t calls = 0, failures = 0, fuel_used = 0, memory_bytes = 0, queued_messages = 0, queued_bytes = 0,
                open_requests = 0;
  WallTime started;
  std::string last_error;  // why it last ended, one line
};

struct LogLine {
  std::uint64_t sequence = 0;  // from 1; gaps tell what the bound dropped
  WallTime when;
  std::string text;  // without line feed; control characters escaped
};

enum class Signal : std::uint8_t { kill, stop, resume, restart };
std::string_view name(Signal signal);
std::optional<Signal> signal(std::string_view name);

}  // namespace myelin::kernel
