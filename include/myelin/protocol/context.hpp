// Context: all that a protocol may do. It is given to Protocol::start and Protocol::init, and is good for the
// protocol's whole life.
//
// Invariants: no callback runs inside the call that brings it about; all callbacks of one protocol run one after
// another, in the order in which their events arrived, whatever their kind; nothing blocks. A protocol that is
// restarted gets a new Context; what the old one registered is gone. Thread: the runtime's own; only Runtime::post
// reaches it from elsewhere.
#pragma once

#include "myelin/api.hpp"
#include "myelin/error.hpp"
#include "myelin/protocol/host.hpp"
#include "myelin/protocol/message.hpp"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace myelin::protocol {

using Duration = std::chrono::nanoseconds;

enum class LogLevel : std::uint8_t { debug, info, warn, error };
struct LogField {
  std::string_view key;
  std::string value;
  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const Host& v) : key(k), value(v.to_string()) {}
  template <std::integral T>
  LogField(std::string_view k, T v) : key(k), value(std::to_string(v)) {}
};
using LogFields = std::initializer_list<LogField>;

// Writes to the runtime's log with component=protocol, the protocol's name and the node's host.
class MYELIN_API Logger {
 public:
  virtual ~Logger() = default;
  virtual bool enabled(LogLevel level) const = 0;
  virtual void write(LogLevel level, std::string_view event, LogFields fields) = 0;
  void debug(std::string_view event, LogFields fields = {}) { write(LogLevel::debug, event, fields); }
  void info(std::string_view event, LogFields fields = {}) { write(LogLevel::info, event, fields); }
  void warn(std::string_view event, LogFields fields = {}) { write(LogLevel::warn, event, fields); }
  void error(std::string_view event, LogFields fields = {}) { write(LogLevel::error, event, fields); }
};

// Counters and gauges of one protocol; they stand in the runtime's metrics under the protocol's name.
class MYELIN_API Metrics {
 public:
  virtual ~Metrics() = default;
  virtual void add(std::string_view counter, std::uint64_t by = 1) = 0;
  virtual void set(std::string_view gauge, double value) = 0;
  virtual void observe(std::string_view histogram, double value) = 0;
};

// Error::detail of a call_process() that ended in mailbox_full: see there.
inline constexpr std::uint32_t room_follows = 1;

// A timer of one protocol. Ids are scoped to the protocol, are never 0 and never used twice.
using TimerId = std::uint64_t;

namespace detail {

// Identity of a C++ type within the program, for requests and notifications. A type that crosses the border of the
// shared library is MYELIN_API, or each side would have a tag of its own.
template <typename T>
MYELIN_API inline constexpr char type_tag = 0;
using TypeKey = const void*;
template <typename T>
constexpr TypeKey type_key() {
  return &type_tag<std::remove_cvref_t<T>>;
}

// Any value, with the type that it was made with.
using Value = std::shared_ptr<const void>;  // a notification has as many readers as subscribers

using MessageHandler = std::function<void(const MessageBox&, const Host&)>;
using FailedHandler = std::function<void(const MessageBox&, const Host&, const Error&)>;
using ReplyHandler = std::move_only_function<void(Result<Value>)>;

// Where answers of requests go; counted by those who may answer, on the runtime's thread.
class RequestSink {
 public:
  virtual ~RequestSink() = default;
  virtual void answer(std::uint64_t request, Result<Value> value) = 0;
  virtual void abandoned(std::uint64_t request) = 0;  // nobody can answer it any more
  std::uint32_t holders = 0;
};

// Answers one request, at most once; tells when it goes without.
class Respond {
 public:
  Respond(RequestSink& sink, std::uint64_t request) : sink_(&sink), request_(request) { ++sink.holders; }
  Respond(Respond&& other) noexcept : sink_(std::exchange(other.sink_, nullptr)), request_(other.request_) {}
  Respond& operator=(Respond&& other) noexcept {
    std::swap(sink_, other.sink_);
    std::swap(request_, other.request_);
    return *this;
  }
  ~Respond() {
    if (sink_ == nullptr) return;
    sink_->abandoned(request_);
    release();
  }
  void operator()(Result<Value> value) {
    if (sink_ == nullptr) return;
    sink_->answer(request_, std::move(value));
    release();
  }

 private:
  void release() {
    if (RequestSink* sink = std::exchange(sink_, nullptr); --sink->holders == 0) delete sink;
  }
  RequestSink* sink_;
  std::uint64_t request_;
};
using RequestHandler = std::function<void(const Value&, Respond&&)>;
using ProcessReply = std::move_only_function<void(Result<Bytes>)>;
using ProcessHandler = std::function<void(std::string caller, View body, ProcessReply reply)>;

// What stands behind a Context. One per protocol instance; implemented by the runtime.
class MYELIN_API ContextCore {
 public:
  virtual ~ContextCore() = default;
  virtual const Host& self() const = 0;
  virtual Duration now() const = 0;
  virtual std::uint64_t random() = 0;
  virtual Logger& logger() = 0;
  virtual Metrics& metrics() = 0;
  // `yields`: to one that is there, without an error.
  virtual Result<void> register_codec(Codec codec, bool yields) = 0;
  virtual Result<void> register_handler(const MessageType& type, MessageHandler handler) = 0;
  virtual Result<void> register_sent(const MessageType& type, MessageHandler handler) = 0;
  virtual Result<void> register_failed(const MessageType& type, FailedHandler handler) = 0;
  virtual void connect(const Host& to) = 0;
  virtual void disconnect(const Host& from) = 0;
  virtual Result<void> send(MessageBox message, const Host& to, ProtocolId protocol) = 0;
  // The same for a message on the caller's stack, which is moved from only if it must be kept. Without `protocol`: to
  // that of the same id.
  virtual Result<void> send_lent(BoxHead& lent, const Host& to, std::optional<ProtocolId> protocol) {
    return send(MessageBox::kept(lent), to, protocol ? *protocol : id());
  }
  virtual ProtocolId id() const = 0;
  virtual TimerId start_timer(Duration first, Duration period, std::function<void()> callback) = 0;
  virtual bool cancel_timer(TimerId id) = 0;
  virtual Result<void> register_request_handler(TypeKey request, RequestHandler handler) = 0;
  virtual void request(TypeKey type, std::string_view name, Value value, Duration timeout, ReplyHandler reply) = 0;
  virtual Result<void> subscribe(TypeKey notification, std::function<void(const Value&)> handler) = 0;
  virtual void unsubscribe(TypeKey notification) = 0;
  virtual std::size_t publish(TypeKey notification, Value value) = 0;
  virtual Result<void> register_process_handler(std::string method, ProcessHandler handler) = 0;
  virtual void call_process(std::string address, std::string method, Bytes body, Duration timeout,
                            ProcessReply reply) = 0;
  virtual void defer(std::function<void()> callback) = 0;
  virtual void stop_runtime(std::string reason) = 0;
};

}  // namespace detail

// Answers one request, once, now or later. Dropped without an answer, the request ends in guest_failed ("the handler
// gave no answer").
template <typename Reply>
class Responder {
 public:
  explicit Responder(detail::Respond&& respond) : respond_(std::move(respond)) {}
  void reply(Reply value) {
    respond_(std::static_pointer_cast<const void>(std::make_shared<const Reply>(std::move(value))));
  }
  void fail(Error error) { respond_(std::unexpected(std::move(error))); }

 private:
  detail::Respond respond_;
};

// How a registration went. Nobody need look: one that is refused is also how the start of the runtime, or of the
// protocol if that is started again, fails.
class Registered {
 public:
  Registered(Result<void> result) : result_(std::move(result)) {}
  explicit operator bool() const { return result_.has_value(); }
  const Error& error() const { return result_.error(); }

 private:
  Result<void> result_;
};

class Context {
 public:
  explicit Context(detail::ContextCore& core) : core_(&core) {}

  const Host& self() const { return core_->self(); }
  ProtocolId id() const { return core_->id(); }
  // Since the runtime's clock began; monotonic, virtual in a simulation.
  Duration now() const { return core_->now(); }
  // 64 uniform bits: from the seed in a simulation, from the system otherwise.
  std::uint64_t random() { return core_->random(); }
  // Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t random_below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(core_->random()) * bound) >> 64);
  }
  Logger& logger() { return core_->logger(); }
  Metrics& metrics() { return core_->metrics(); }

  // -- Messages between nodes.

  // `handler(message, from)`. A type with fields() gets its serializer with it, unless it has one already.
  // Errors: conflict (it has a handler, or another type has its id or wire name).
  template <Message M>
  Registered register_message_handler(std::function<void(const M&, const Host&)> handler) {
    return register_box_handler<M>(
        [handler = std::move(handler)](const MessageBox& box, const Host& from) { handler(box.as<M>(), from); });
  }
  template <Message M, typename P>
  Registered register_message_handler(P* protocol, void (P::*handler)(const M&, const Host&)) {
    return register_box_handler<M>(
        [protocol, handler](const MessageBox& box, const Host& from) { (protocol->*handler)(box.as<M>(), from); });
  }
  // For a type that is sent only, or whose payload is written in a way of its own. Errors: conflict.
  template <Message M>
  Registered register_message_serializer(Serializer<M> serializer) {
    return core_->register_codec(codec_of<M>(std::move(serializer)), false);
  }
  template <Message M>
    requires HasFields<M>
  Registered register_message_serializer() {
    return core_->register_codec(codec_of<M>(), false);
  }
  // Told when a message of that type has been handed to the network, or will never be. Errors: conflict.
  template <Message M>
  Registered register_message_sent_handler(std::function<void(const M&, const Host&)> handler) {
    return core_->register_sent(type_of<M>(), [handler = std::move(handler)](const MessageBox& box, const Host& to) {
      handler(box.as<M>(), to);
    });
  }
  template <Message M>
  Registered register_message_failed_handler(std::function<void(const M&, const Host&, const Error&)> handler) {
    return core_->register_failed(
        type_of<M>(), [handler = std::move(handler)](const MessageBox& box, const Host& to, const Error& error) {
          handler(box.as<M>(), to, error);
        });
  }

  // Asks for a session with `to`; the answer is a session event. A host that is connected, or being connected, is not
  // dialled again. Failures are retried by the runtime's RetryPolicy until it gives up.
  void connect(const Host& to) { core_->connect(to); }
  // Ends the session, and the tries to make one.
  void disconnect(const Host& from) { core_->disconnect(from); }
  // Sends to the protocol of the same id on `to`. `self()` is allowed: the message comes back as bytes would.
  // Errors: no_serializer; offline (no session); mailbox_full (the session's queue is full: on_session_writable says
  // when there is room); too_large; what the serializer gave.
  template <Message M>
  Result<void> send(M message, const Host& to) {
    detail::Box<M> box{{&type_of<M>(), 1}, std::move(message)};
    return core_->send_lent(box, to, std::nullopt);
  }
  // To another protocol there.
  template <Message M>
  Result<void> send(M message, const Host& to, ProtocolId protocol) {
    detail::Box<M> box{{&type_of<M>(), 1}, std::move(message)};
    return core_->send_lent(box, to, protocol);
  }
  // The same message to several, without a copy each.
  Result<void> send(MessageBox message, const Host& to) { return core_->send(std::move(message), to, core_->id()); }

  // -- Timers.

  // Once, `after` from now.
  TimerId start_timer(Duration after, std::function<void()> callback) {
    return core_->start_timer(after, Duration{0}, std::move(callback));
  }
  // At now + first, and from then on every `period` (> 0), by the clock and not by when the callback ran; what could
  // not run in time is run once, not several times.
  TimerId start_periodic_timer(Duration first, Duration period, std::function<void()> callback) {
    return core_->start_timer(first, period, std::move(callback));
  }
  // After the return the callback will not be called. From any callback of this protocol, the timer's own included.
  // False if there is no such timer (any more).
  bool cancel_timer(TimerId id) { return core_->cancel_timer(id); }

  // -- Between protocols of one runtime.

  // One handler per request type in a runtime. Errors: conflict.
  template <typename Request, typename Reply>
  Registered register_request_handler(std::function<void(const Request&, Responder<Reply>)> handler) {
    return core_->register_request_handler(
        detail::type_key<std::pair<Request, Reply>>(),
        [handler = std::move(handler)](const detail::Value& value, detail::Respond&& respond) {
          handler(*static_cast<const Request*>(value.get()), Responder<Reply>(std::move(respond)));
        });
  }
  // Ends in exactly one call of `reply`: the answer, no_handler, timeout, mailbox_full, or what the handler failed with
  // (`trapped` if it threw). A late answer is dropped and counted. `timeout` of 0 takes the runtime's default.
  template <typename Request, typename Reply, std::invocable<Result<Reply>> F>
  void request(Request request, F reply, Duration timeout = Duration{0}) {
    core_->request(detail::type_key<std::pair<Request, Reply>>(), typeid(Request).name(),
                   std::make_shared<const Request>(std::move(request)), timeout,
                   [reply = std::move(reply)](Result<detail::Value> value) mutable {
                     if (!value) return reply(std::unexpected(std::move(value.error())));
                     reply(*static_cast<const Reply*>(value->get()));
                   });
  }
  // Errors: conflict (subscribed already).
  template <typename Notification>
  Registered subscribe(std::function<void(const Notification&)> handler) {
    return core_->subscribe(detail::type_key<Notification>(),
                            [handler = std::move(handler)](const detail::Value& value) {
                              handler(*static_cast<const Notification*>(value.get()));
                            });
  }
  template <typename Notification>
  void unsubscribe() {
    core_->unsubscribe(detail::type_key<Notification>());
  }
  // To all subscribers of this runtime, in the order of their subscriptions; gives how many mailboxes took it.
  template <typename Notification>
  std::size_t publish(Notification notification) {
    return core_->publish(detail::type_key<Notification>(),
                          std::make_shared<const Notification>(std::move(notification)));
  }

  // -- Between protocols and processes (guests, on this node or others), where the runtime runs inside a node.

  // Answers messages that processes send to this protocol's process. `handler(caller, body, reply)`. Errors: conflict.
  Registered register_process_handler(std::string method, detail::ProcessHandler handler) {
    return core_->register_process_handler(std::move(method), std::move(handler));
  }
  // Sends `method` with `body` to the process at `address` ([<peer>/]<pid or name>). Errors come through `reply`: any;
  // unsupported where there is no node; mailbox_full: with the detail `room_follows` Protocol::on_process_writable says
  // when there is room; without it nobody will, and a retry needs a time of its own.
  void call_process(std::string address, std::string method, Bytes body, detail::ProcessReply reply,
                    Duration timeout = Duration{0}) {
    core_->call_process(std::move(address), std::move(method), std::move(body), timeout, std::move(reply));
  }

  // Runs `callback` after what is in this protocol's mailbox now.
  void defer(std::function<void()> callback) { core_->defer(std::move(callback)); }
  // Ends the whole runtime, gracefully: the experiment is over. Runtime::wait() gives `reason`.
  void stop_runtime(std::string reason) { core_->stop_runtime(std::move(reason)); }

 private:
  template <Message M>
  Registered register_box_handler(detail::MessageHandler handler) {
    if constexpr (HasFields<M>) {
      if (auto made = core_->register_codec(codec_of<M>(), true); !made) return made;
    }
    return core_->register_handler(type_of<M>(), std::move(handler));
  }

  detail::ContextCore* core_;
};

}  // namespace myelin::protocol
