// RuntimeCore: the protocols of one node, their mailboxes, timers, requests and supervision. Pure but for its ports: it
// knows no socket, clock or thread, so the same code runs on machines and, ten thousand times over, in the simulator.
//
// Invariants: callbacks run only inside turn() and inside a batch of the channel's (there a message that finds all
// mailboxes empty is handled where it was decoded, up to `turn_events` of them between two turns); each protocol's run
// in the order of arrival, and protocols take turns, one event each; a turn ends when nothing is ready or after
// `turn_events` events (then it wakes itself). A timer that
// is due is an event of its protocol's mailbox from that moment on. Thread: its executor's. Lifetime: executor and
// channel outlive it.
#pragma once

#include "base/error.hpp"
#include "base/prefetch.hpp"
#include "base/time.hpp"
#include "myelin/protocol/protocol.hpp"
#include "myelin/protocol/runtime.hpp"
#include "protocol/channel.hpp"
#include "protocol/executor.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::protocol {

// The door to processes; implemented over the kernel (process_bridge.hpp). Null where there is no node.
class ProcessPort {
 public:
  virtual ~ProcessPort() = default;
  // `reply` is called once, on the core's thread. `room` is called there at most once, when a reply was mailbox_full
  // with the detail room_follows and the process has room.
  virtual void call(std::string_view protocol, std::string address, std::string method, Bytes body, Duration timeout,
                    detail::ProcessReply reply, std::move_only_function<void()> room) = 0;
  // A line that a protocol wrote, or the runtime about it, if the runtime's log takes its level.
  virtual void log(std::string_view protocol, LogLevel level, std::string_view event, LogFields fields) = 0;
  // It has ended for good, as RuntimeCore::ended() says; inside a turn, or in cancel().
  virtual void ended(std::string_view protocol) = 0;
};

struct CoreConfig {
  Host self{};
  // What Context::now() counts from; the epoch of Instant in a simulated world.
  Instant clock_origin{};
  std::size_t mailbox_capacity = 1024;
  std::size_t turn_events = 256;
  Duration request_timeout = std::chrono::seconds(30);
  std::function<void(std::string_view why, const Host& from)> dead_letter{};
  // Where a protocol's log goes: (protocol, level, event, fields). Empty: nowhere, and enabled() says no.
  std::function<bool(LogLevel level)> log_enabled{};
  std::function<void(std::string_view component, std::string_view protocol, LogLevel level, std::string_view event,
                     LogFields fields)>
      log{};
  // Measures callbacks; gives nanoseconds. Empty: not measured (the simulated world).
  std::function<std::int64_t()> stopwatch_ns{};
  // The simulator's look at every event that was dispatched, and at every timer that is about to be. Empty: none.
  std::function<void()> after_event{};
  std::function<void()> timer_fires{};
  // Keeps serializers where messages travel whole too, for encoded_size().
  bool keep_codecs = false;
};

class RuntimeCore : public ChannelEvents {
 public:
  static std::unique_ptr<RuntimeCore> create(CoreConfig config, Executor& executor, Channel& channel,
                                             ProcessPort* processes);

  virtual Result<void> add(std::unique_ptr<Protocol> protocol, Supervision supervision) = 0;
  virtual Result<void> add(ProtocolFactory factory, Supervision supervision) = 0;
  // start() of all protocols, in order; then init() of all, as the first events of their mailboxes. The channel was
  // started by the caller. Errors: no_such_protocol, and what a registration gave.
  virtual Result<void> start(Host self) = 0;

  // Runs what is ready. Gives the number of events dispatched.
  virtual std::size_t turn() = 0;
  // For who runs many cores, one after the other: asks the memory for what an event that comes will look at. First for
  // the core itself, which is not looked at for that, then in steps from `prefetch_steps` - 1 down to 0, of which each
  // needs what the one before has brought.
  struct Coming {
    enum class Kind : std::uint8_t { message, session, timer };
    Kind kind;
    ProtocolId to = 0;                    // message: whom it reaches
    const MessageBox* message = nullptr;  // that one
  };
  static constexpr unsigned prefetch_steps = 4;
  void prefetch() const { prefetch_lines(this, 9); }
  virtual void prefetch(const Coming&, unsigned /*step*/) const {}

  // Whether a turn has something to do now.
  virtual bool ready() const = 0;
  // The protocol with that name or id; null if there is none or it is between two instances.
  virtual Protocol* find(std::string_view name) = 0;
  virtual Protocol* find(ProtocolId id) = 0;

  // A message of a process for a protocol's process handler.
  virtual void process_message(std::string_view protocol, std::string method, std::string caller, Bytes body,
                               detail::ProcessReply reply) = 0;
  // What an operator may do to one protocol, as to any process: end it, let it take no turn for a while, start it
  // afresh. Carried out in the next turn. Errors: no_such_protocol, conflict (it has ended), unsupported (restart
  // without a factory).
  enum class Control : std::uint8_t { kill, pause, resume, restart };
  virtual Result<void> control(std::string_view protocol, Control what) = 0;
  // It has ended for good, or there is none of that name.
  virtual bool ended(std::string_view protocol) const = 0;
  // The methods that it handles for processes.
  virtual std::vector<std::string> process_methods(std::string_view protocol) const = 0;
  // Runs `callback` in the next turn, before the mailboxes.
  virtual void post(std::function<void()> callback) = 0;

  // Takes nothing new from outside, but for `late` messages of peers, and fires no timers any more; `idle()` then tells
  // when the mailboxes are empty. From then on each batch of the channel's is followed by a turn.
  virtual void close(std::size_t late = 0) = 0;
  virtual bool idle() const = 0;
  // Drops everything: mailboxes, timers, requests (which are not answered).
  virtual void cancel() = 0;
  // Set by stop_runtime, or by an escalated crash; called inside a turn.
  std::function<void(StopReason)> on_stop;

  // For who watches the wire. The type that a wire id names here; null: none.
  virtual const MessageType* message_type(WireId id) const = 0;
  // How many bytes its serializer makes of that message; nothing if there is no serializer, or it fails.
  virtual std::optional<std::size_t> encoded_size(const MessageBox& box) const = 0;

  virtual std::vector<ProtocolStatus> protocols() const = 0;
  virtual std::vector<std::pair<std::string, double>> metrics() const = 0;
};

}  // namespace myelin::protocol
