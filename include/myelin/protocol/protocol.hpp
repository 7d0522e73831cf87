// Protocol: a distributed protocol as a class with handlers.
//
//   class Echo : public Protocol {
//     ProtocolId id() const override { return 7; }
//     std::string_view name() const override { return "echo"; }
//     void start(Context& ctx) override {                       // register handlers and serializers
//       ctx_ = &ctx;
//       ctx.register_message_handler<Text>(this, &Echo::on_text);
//     }
//     void init(Context& ctx) override { ctx.connect(peer_); }   // connect, set timers
//     void on_text(const Text& text, const Host& from) { ctx_->send(text, from); }
//   };
//
// Invariants: start() runs before init(), of all protocols of a runtime; init() and every callback run one after
// another. A callback that throws is a crash of this protocol: it is caught at the dispatch and handled by its
// Supervision. Lifetime: the runtime owns it; the Context outlives it. Thread: the runtime's.
#pragma once

#include "myelin/api.hpp"
#include "myelin/error.hpp"
#include "myelin/protocol/context.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace myelin::protocol {

// What happens to a connection, below sessions.
struct TransportEvent {
  enum class Kind : std::uint8_t { connected, disconnected, failed };
  Kind kind;
  Host host;     // as the transport names it: the far socket's address
  bool inbound;  // it dialled us
  Error error;   // failed: why
};

class MYELIN_API Protocol {
 public:
  virtual ~Protocol() = default;
  virtual ProtocolId id() const = 0;          // unique in the runtime; W0 routes by it
  virtual std::string_view name() const = 0;  // unique in the runtime; [a-z0-9][a-z0-9._-]{0,63}
  virtual void start(Context& ctx) = 0;
  virtual void init(Context& ctx) = 0;

  // A session is up: once per host, however many connections there are.
  virtual void on_session_connected(const Host&) {}
  // It was up, and is no more.
  virtual void on_session_disconnected(const Host&, const Error&) {}
  // One try to make a session failed; another follows if the RetryPolicy says so.
  virtual void on_session_failed(const Host&, const Error&) {}
  // No more tries.
  virtual void on_session_given_up(const Host&, unsigned /*attempts*/) {}
  // The peer does not read: its queue is full, and send() fails until the second.
  virtual void on_session_blocked(const Host&) {}
  virtual void on_session_writable(const Host&) {}
  // A process whose mailbox was full when call_process() was last refused with the detail `room_follows` has room for
  // half a mailbox again, or is gone, or the link to its node broke: it may be tried again. `address` as it was given.
  virtual void on_process_writable(std::string_view /*address*/) {}
  virtual void on_transport_event(const TransportEvent&) {}
  // This instance replaces one that crashed; after start() and before init().
  virtual void on_restart(unsigned /*attempt*/) {}
};

using ProtocolFactory = std::function<std::unique_ptr<Protocol>()>;

// What a crash (an exception out of a callback) does.
struct Supervision {
  enum class OnCrash : std::uint8_t {
    resume,    // the event is lost, the instance goes on
    restart,   // a new instance from the factory; sessions that are up are told to it
    stop,      // the protocol ends, the others go on
    escalate,  // the runtime ends
  };
  OnCrash on_crash = OnCrash::resume;
  unsigned max_restarts = 5;  // within `window`; more: stop
  Duration window = std::chrono::seconds(60);
  Duration backoff =
      std::chrono::milliseconds(100);  // before a restart; doubled for each within the window, at most 10 s
};

// Published when a protocol crashed (subscribe<ProtocolFailed>).
struct MYELIN_API ProtocolFailed {
  std::string name;
  std::string what;
  bool ended;  // it will not run again
};

}  // namespace myelin::protocol
