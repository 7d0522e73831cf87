// The kernel: processes, mailboxes, scheduling, requests, admission. A switch: each concept has its own file beside it.
//
// A Kernel spans the node's shards. Every public function may be called on any shard's loop and answers on the loop
// that is passed as `caller`. A process lives on the shard that its PID's hash names; guests run there in slices of
// fuel, round robin among those that are runnable, so that a guest that spins delays others by its slices only.
//
// Invariants: every call and request ends in exactly one outcome; at most one guest call per process at a time; a
// message is queued on its target only after admit() said yes; nothing waits on another shard: what cannot be taken is
// refused (mailbox_full). Lifetime: stop() has ended before it is destroyed; the engine and the loops outlive it.
#pragma once

#include "base/error.hpp"
#include "base/ids.hpp"
#include "identity/peer_id.hpp"
#include "io/cancel.hpp"
#include "io/loop.hpp"
#include "io/pipe.hpp"
#include "kernel/message.hpp"
#include "kernel/process.hpp"
#include "wasm/engine.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace myelin::kernel {

// A call as HTTP and Glia make it: bytes in, bytes out, one end.
struct CallSpec {
  Principal principal;
  CallPath target;   // node: this one, or a remote if `may_forward`
  std::string path;  // as the caller wrote it
  std::string mime;  // of the input, may be empty
  std::optional<std::uint64_t> input_size;
  std::optional<Instant> deadline;
  std::string correlation;
  bool may_forward = false;  // only the node's own clients and processes
};

// The caller's end of a call. Dropping it is leaving: the callee reads ECANCELED, writes EPIPE, and has its grace.
class Call {
 public:
  virtual ~Call() = default;
  virtual io::PipeWriter& input() = 0;   // the callee's stdin, or the request's payload
  virtual io::PipeReader& output() = 0;  // the callee's stdout, or the response's payload (its body if it has none)
  // The one outcome. May end before the output is read out; an error is also what output() ends with.
  virtual io::Task<Result<void>> ended() = 0;
  // MIME type of the output, once known (a mailbox process's response may name one); empty otherwise.
  virtual std::string output_mime() const = 0;
  // Leaves: ended() gives `cancelled`.
  virtual void cancel() = 0;
};

// What the callee's side of a remote call gets: it reads `input`, writes `output` and calls `end` exactly once.
struct RemoteCall {
  CallSpec spec;
  io::PipeReader input;
  io::PipeWriter output;
  std::move_only_function<void(Result<void>)> end;
  io::CancelToken left;  // fires on the route's loop when the caller has left
  // The output's MIME type, if the callee names one: called at most once, before the first byte of output.
  std::move_only_function<void(std::string)> tell_mime;
};

// The port through which messages for other nodes leave; implemented by glia. All functions run on loop().
class RemoteRoute {
 public:
  virtual ~RemoteRoute() = default;
  virtual io::Loop& loop() = 0;
  // REQUIRES: the pipes' far ends were made for loop().
  virtual void call(RemoteCall call) = 0;
  // A kernel message for `message.target.node`; payloads are ropes. `done` is called exactly once, on loop().
  // A one-way message is done (with an empty response) when the far mailbox has accepted it.
  // `room`: as for Kernel::request, on loop(); a far mailbox whose link breaks is called roomy, too.
  virtual void request(Message message, OutcomeCallback done, RoomCallback room) = 0;
};

struct KernelConfig {
  identity::PeerId node;  // this node
  Pid root_pid;
  std::uint32_t max_processes = 0;     // 0: what the engine's pool holds
  std::uint64_t slice_fuel = 200'000;  // simulated worlds keep it; the real one adapts it to slice_time
  Duration slice_time = std::chrono::microseconds(100);
  bool adapt_slices = true;
  Duration leave_grace = std::chrono::seconds(1);
  Address::Aliases aliases;  // called on any shard
};

// A process for one message: see Kernel::run_once().
struct OnceSpec {
  SpawnSpec spec;  // `loaded` set, no name, never restarted
  std::string method;
  Buffer input;                     // the message's body, or stdin
  std::optional<Instant> deadline;  // of the message
  Principal principal;
};

class NativeProgram;
struct NativeSpec;

struct KernelMetrics {
  std::uint64_t calls = 0, requests = 0, outcomes_ok = 0, spawned = 0, ended = 0, restarts = 0, traps = 0, fuel = 0;
  std::array<std::uint64_t, 32> outcomes_error{};  // by ErrorCode
  std::uint32_t processes = 0, runnable = 0;
  std::uint64_t queued_messages = 0, queued_bytes = 0;
};

// The functions of `myelin:process`, for Engine::create beside wasi::host_functions().
std::vector<wasm::HostFunction> host_functions();

// Sees what guests send to processes, before anything is made of it. Called on the guest's stack: it takes note, and
// does nothing else.
class SendWatch {
 public:
  virtual ~SendWatch() = default;
  // `process`: the sender's name, or its PID if it has none; `bytes`: of body and payload.
  virtual void guest_sends(std::string_view process, std::string_view target, std::string_view method,
                           std::size_t bytes) = 0;
};

class Kernel {
 public:
  // `shards`: at least one; loop i is shard i.
  static std::unique_ptr<Kernel> create(KernelConfig config, wasm::Engine& engine, std::vector<io::Loop*> shards);
  virtual ~Kernel() = default;

  virtual const KernelConfig& config() const = 0;
  virtual std::size_t shards() const = 0;
  virtual void set_remote_route(RemoteRoute* route) = 0;  // before the first call; null: offline for other nodes

  virtual void set_send_watch(SendWatch* watch) = 0;  // before the first spawn; null: nobody

  // Starts a call; errors come through Call::ended. `caller` is the loop on which the Call is used.
  virtual std::unique_ptr<Call> call(io::Loop& caller, CallSpec spec) = 0;
  // Delivers a whole message (its payload a rope) to a process of this node; `done` runs on `caller`, exactly once.
  // message.principal is set by the front that authenticated it.
  // `room`, if given: where the outcome is mailbox_full with the detail room_follows, it runs on `caller`, once, when
  // the mailbox is at most half full, or gone. Otherwise it is dropped.
  virtual void request(io::Loop& caller, Message message, OutcomeCallback done, RoomCallback room) = 0;
  void request(io::Loop& caller, Message message, OutcomeCallback done) {
    request(caller, std::move(message), std::move(done), {});
  }

  // Errors: invalid_module, too_large, conflict (name taken), limit, bad_request (name), timeout, trapped or
  // guest_failed (`_initialize`).
  virtual io::Task<Result<ProcessInfo>> spawn(io::Loop& caller, SpawnSpec spec) = 0;
  // Compiles a module, or finds it in the cache. Errors: invalid_module, too_large, timeout, limit, io.
  virtual io::Task<Result<std::shared_ptr<const wasm::Module>>> load(io::Loop& caller, Buffer module) = 0;
  // Spawns a process on the caller's shard, sends it one message, and removes it when that has ended. Many may be under
  // way at once. `done` runs on `caller`, in a later turn, exactly once, when the process is gone.
  // Errors: those of spawn() and of the message.
  virtual void run_once(io::Loop& caller, OnceSpec spec, OutcomeCallback done) = 0;
  // Puts a process whose code is the embedding program's own into the table (native.hpp), on the shard of `home`, where
  // the caller runs; `program` lives until it is told that the process was removed. Errors: bad_request (name),
  // conflict (name taken), stopping.
  virtual io::Task<Result<ProcessInfo>> add_native(io::Loop& home, NativeSpec spec, NativeProgram& program) = 0;
  virtual io::Task<std::vector<ProcessInfo>> list(io::Loop& caller) = 0;
  // `process`: a PID or a name. Errors: no_such_process.
  virtual io::Task<Result<ProcessInfo>> inspect(io::Loop& caller, std::variant<Pid, std::string> process) = 0;
  virtual io::Task<Result<void>> signal(io::Loop& caller, Pid pid, Signal signal) = 0;
  // Kills it, forgets it, refuses what is queued (no_such_process). Errors: no_such_process.
  virtual io::Task<Result<void>> remove(io::Loop& caller, Pid pid) = 0;
  // Lines with sequence > `after`; if `wait`, until there is at least one (or the process is removed, or the token
  // fires).
  virtual io::Task<Result<std::vector<LogLine>>> logs(io::Loop& caller, Pid pid, std::uint64_t after, bool wait,
                                                      io::CancelToken token = {}) = 0;
  // Waits until the process has ended for good (exited or failed). Errors: no_such_process, cancelled.
  virtual io::Task<Result<ProcessInfo>> wait(io::Loop& caller, Pid pid, io::CancelToken token = {}) = 0;

  virtual io::Task<KernelMetrics> metrics(io::Loop& caller) = 0;

  // Refuses new calls with `stopping`; ends when those under way have ended or `deadline` has passed.
  virtual io::Task<void> drain(io::Loop& caller, Instant deadline) = 0;
  // Kills everything; every open call ends with `stopping`.
  virtual io::Task<void> stop(io::Loop& caller) = 0;
};

}  // namespace myelin::kernel
