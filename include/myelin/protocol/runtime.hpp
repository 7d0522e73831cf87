// Runtime: runs protocols on a thread of its own (within a node: on that of its connections), over one channel to other
// hosts.
//
//   auto runtime = Runtime::create({.self = {"127.0.0.1", 5001}});
//   (*runtime)->add(std::make_unique<PingPong>(peer));
//   const StopReason why = (*runtime)->run();
//
// Invariants: several runtimes in one program know nothing of each other; a runtime that has ended holds no socket: its
// port can be bound at once. Thread: any, except from the runtime's own callbacks (use Context there). Lifetime: the
// destructor cancels and waits.
#pragma once

#include "myelin/api.hpp"
#include "myelin/error.hpp"
#include "myelin/protocol/protocol.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin {
class Node;
}

namespace myelin::protocol {

// The two generations of the session wire; an acceptor takes both, told apart by the Hello.
enum class Wire : std::uint8_t { w0, w3 };

struct RetryPolicy {
  Duration initial = std::chrono::milliseconds(100);
  Duration maximum = std::chrono::seconds(30);
  double factor = 2;
  double jitter = 0.2;            // of the delay, half of it on each side
  unsigned max_attempts = 0;      // 0: no bound; 1: never again
  bool after_disconnect = false;  // dial again also when an established session is lost
};

struct ChannelOptions {
  Wire wire = Wire::w0;  // what a dialler speaks first; it goes over to W3 when W0 is rejected, and remembers that
  Duration dial_timeout = std::chrono::seconds(5);
  Duration handshake_timeout = std::chrono::seconds(5);
  RetryPolicy retry{};
  // A peer that takes nothing of what is queued for so long has failed. 0: never.
  Duration stall_timeout = std::chrono::seconds(30);
  // TCP keep-alive notices peers that are gone while nothing is sent, after about this long. 0: never.
  Duration idle_timeout = std::chrono::seconds(30);
  std::size_t queue_bytes = 4 << 20;  // of one session, both ways each; more is mailbox_full
  std::size_t max_sessions = 1024;
};

struct LogOptions {
  LogLevel level = LogLevel::info;
  // Which of runtime, session, transport, protocol write; empty: all.
  std::vector<std::string> components{};
  enum class Format : std::uint8_t { text, json } format = Format::text;
  // Takes each finished line. Empty: stderr.
  std::function<void(std::string_view line)> sink{};
};

struct RuntimeOptions {
  Host self{};  // over TCP: an IP address and the port to listen on (0: any; self() then tells). Over libp2p: ignored
  ChannelOptions channel{};
  LogOptions log{};
  // Null: a TCP channel. A node (which outlives the runtime): its libp2p connections, between authenticated peers,
  // whose hosts are {peer ID, 0}; protocols stand in its process table and exchange messages with its guests.
  Node* node = nullptr;
  // Within a node: which other nodes' processes may send to the protocols, by peer ID. Those of this one always may.
  std::vector<std::string> allow{};
  bool allow_anyone = false;            // any peer, and local HTTP clients without the token
  std::size_t mailbox_capacity = 1024;  // events per protocol; network events wait outside while it is full
  // Outside a node: how long at most the runtime's thread looks for bytes before it sleeps, and only as long as they
  // have come that soon; whoever waits longer spends nothing. 0: it sleeps at once. At most 1 ms.
  Duration busy_wait = std::chrono::microseconds(50);
  Duration request_timeout = std::chrono::seconds(30);
  // What was dropped, and why: unknown protocol, message or layer ids, malformed messages, late replies, full
  // mailboxes.
  std::function<void(std::string_view why, const Host& from)> dead_letter{};
};

struct StopReason {
  enum class Kind : std::uint8_t { graceful, cancelled, deadline, experiment, failed };
  Kind kind;
  std::string detail{};  // experiment: what it said; failed: the protocol and its error
};
MYELIN_API std::string_view name(StopReason::Kind kind);

struct ProtocolStatus {
  std::string name;
  ProtocolId id = 0;
  std::string pid;    // within a node; empty otherwise
  std::string state;  // starting, running, paused, backoff, stopped, failed
  std::uint64_t events = 0, crashes = 0;
  std::uint32_t restarts = 0;
  std::size_t queued = 0;
  std::chrono::nanoseconds busy{};  // time spent in its callbacks
  std::string last_error;
};

class MYELIN_API Runtime {
 public:
  // Errors: bad_request (the options contradict each other).
  static Result<std::unique_ptr<Runtime>> create(RuntimeOptions options);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Before start(). Errors: conflict (id or name is taken), bad_request (name; restart without a factory).
  Result<void> add(std::unique_ptr<Protocol> protocol, Supervision supervision = {});
  Result<void> add(ProtocolFactory factory, Supervision supervision);

  // Listens, starts and initialises all protocols, in the order of add(). Errors: no_such_protocol (none was added),
  // no_channel (neither self nor node), conflict (the port is in use, it was started before, a process of the node has
  // a protocol's name), bad_request, io, and what a protocol's registration gave (conflict).
  Result<void> start();
  Host self() const;

  // Waits until it has ended, and says why.
  StopReason wait();
  // start() and wait(); an error of start is `failed`.
  StopReason run();
  // run(), ended gracefully with `deadline` after `duration`.
  StopReason run_for(Duration duration);
  // Takes no more from outside, lets mailboxes and sessions drain for at most `limit`, ends. Messages that have been
  // read from a session, and found no room yet, are handled still: up to as many as a mailbox holds. Idempotent.
  void shutdown(Duration limit = std::chrono::seconds(30));
  // Ends at once: what is queued is dropped.
  void cancel();

  // Runs `callback` on the runtime's thread. False if it has ended.
  bool post(std::function<void()> callback);
  std::vector<ProtocolStatus> protocols() const;
  // Name and value of all metrics, sorted: those of the runtime ("message.dispatched", …) and of protocols
  // ("<protocol>.…").
  std::vector<std::pair<std::string, double>> metrics() const;

 private:
  struct Impl;
  explicit Runtime(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace myelin::protocol
