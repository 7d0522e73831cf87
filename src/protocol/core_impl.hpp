// Core: the one implementation of RuntimeCore. Its parts: cells (one per protocol), timers, requests, topics, and the
// network's side in core_network.cpp; crashes and restarts in core_supervision.cpp.
//
// Invariants and thread: those of core.hpp. What handlers hold of it for later (responders, replies of processes)
// points to its Anchor, which says when it has gone.
#pragma once

#include "protocol/cell.hpp"
#include "protocol/context.hpp"
#include "protocol/core.hpp"
#include "protocol/meter.hpp"
#include "protocol/metrics.hpp"
#include "protocol/requests.hpp"
#include "protocol/slots.hpp"
#include "protocol/thrown.hpp"
#include "protocol/timers.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::protocol {

// Where the core's requests are answered, and whether it still lives; counted without atomics, as it stays on the
// core's thread.
class Anchor final : public detail::RequestSink {
 public:
  explicit Anchor(Core& core) : core_(&core) { holders = 1; }
  void answer(std::uint64_t request, Result<detail::Value> value) override;
  void abandoned(std::uint64_t request) override;
  // Null if it has gone.
  Core* core() const { return core_; }
  void cut() { core_ = nullptr; }

 private:
  Core* core_;
};

// A share in it.
class AnchorRef {
 public:
  explicit AnchorRef(Anchor* anchor) : anchor_(anchor) {
    if (anchor_ != nullptr) ++anchor_->holders;
  }
  AnchorRef(const AnchorRef& other) : AnchorRef(other.anchor_) {}
  AnchorRef(AnchorRef&& other) noexcept : anchor_(std::exchange(other.anchor_, nullptr)) {}
  AnchorRef& operator=(AnchorRef other) noexcept {
    std::swap(anchor_, other.anchor_);
    return *this;
  }
  ~AnchorRef() {
    if (anchor_ != nullptr && --anchor_->holders == 0) delete anchor_;
  }
  Core* core() const { return anchor_ != nullptr ? anchor_->core() : nullptr; }

 private:
  Anchor* anchor_;
};

class Core final : public RuntimeCore {
 public:
  Core(CoreConfig config, Executor& executor, Channel& channel, ProcessPort* processes);
  ~Core() override;

  Result<void> add(std::unique_ptr<Protocol> protocol, Supervision supervision) override;
  Result<void> add(ProtocolFactory factory, Supervision supervision) override;
  Result<void> start(Host self) override;
  std::size_t turn() override;
  using RuntimeCore::prefetch;
  void prefetch(const Coming& coming, unsigned step) const override;
  bool ready() const override;
  Protocol* find(std::string_view name) override;
  Protocol* find(ProtocolId id) override;
  void process_message(std::string_view protocol, std::string method, std::string caller, Bytes body,
                       detail::ProcessReply reply) override;
  Result<void> control(std::string_view protocol, Control what) override;
  bool ended(std::string_view protocol) const override;
  std::vector<std::string> process_methods(std::string_view protocol) const override;
  void post(std::function<void()> callback) override;
  void close(std::size_t late) override;
  bool idle() const override;
  void cancel() override;
  const MessageType* message_type(WireId id) const override;
  std::optional<std::size_t> encoded_size(const MessageBox& box) const override;
  std::vector<ProtocolStatus> protocols() const override;
  std::vector<std::pair<std::string, double>> metrics() const override;

  // ChannelEvents (core_network.cpp).
  void batch_begins() override;
  void batch_ends() override;
  void session_connected(const Host& host) override;
  void session_disconnected(const Host& host, const Error& why) override;
  void session_failed(const Host& host, const Error& why) override;
  void session_given_up(const Host& host, unsigned attempts) override;
  void session_blocked(const Host& host) override;
  void session_writable(const Host& host) override;
  void transport_event(TransportEvent event) override;
  bool message(const Host& from, ProtocolId to, const MessageBox& box) override;
  bool message(const Host& from, ProtocolId to, MessageId id, View payload) override;
  bool message(const Host& from, WireId id, View payload) override;
  void dropped(std::string_view why, const Host& from) override;
  void sent(SendId id) override;
  void failed(SendId id, const Error& why) override;

 private:
  friend class ProtocolContext;
  friend class Anchor;

  // A type's subscribers, in the order in which they subscribed.
  struct Topic {
    detail::TypeKey type;
    std::vector<std::pair<Cell*, std::uint64_t>> subscribers;  // with the subscription's id
  };
  struct Wire {
    WireId id;
    Cell* cell;
    MessageEntry* entry;  // null between two instances
  };
  // An accepted send whose end a protocol wants to know.
  struct Send {
    std::uint32_t sender;
    MessageBox box;
    Host to;
  };

  Result<void> add_cell(std::unique_ptr<Protocol> protocol, ProtocolFactory factory, Supervision supervision);
  Cell* cell_named(std::string_view name) const;
  Cell* cell_with(ProtocolId id) const;
  bool full(const Cell& cell) const { return cell.mailbox.size() >= mailbox_capacity_; }
  template <typename Kind>
  void push(Cell& cell, Kind&& event) {
    if (cancelled_ || cell.ended()) return;
    cell.mailbox.push(std::forward<Kind>(event));
    make_ready(cell);
  }
  void make_ready(Cell& cell);
  void leave_ready(Cell& cell);
  void wake();
  void arm();
  void arm_outside_turn() {
    if (!in_turn_) arm();
  }
  Instant after(Duration delay) const;

  // Of a turn.
  void take_due();
  void dispatch_next();
  void look_at_clock();
  void run_posts();
  void relieve();
  void handle(Cell& cell, InitEvent& event);
  void handle(Cell& cell, MessageEvent& event);
  void handle(Cell& cell, TimerEvent& event);
  void handle(Cell& cell, std::unique_ptr<SessionEvent>& event);
  void handle(Cell& cell, RequestEvent& event);
  void handle(Cell& cell, ReplyEvent& event);
  void handle(Cell& cell, NotificationEvent& event);
  void handle(Cell& cell, CallbackEvent& event);
  void handle(Cell& cell, std::unique_ptr<ToldEvent>& event);
  void handle(Cell& cell, std::unique_ptr<ProcessEvent>& event);

  // Crashes (core_supervision.cpp).
  Result<void> start_instance(Cell& cell);
  void crashed(Cell& cell, std::string what);
  void restart(Cell& cell);
  void carry_out(Cell& cell, Control what);
  void drop_instance(Cell& cell);
  void end_cell(Cell& cell, Cell::State state);
  void drop_events(Cell& cell, bool all);
  std::vector<Host> sessions_told(const Cell& cell) const;
  void publish_failure(const Cell& cell, const std::string& what);

  // Registrations and requests (core_ipc.cpp).
  Result<void> check_wire(const Cell& cell, const MessageType& type, bool for_handler) const;
  void add_wire(Cell& cell, MessageEntry& entry);
  RequestHandlerEntry* request_handler(detail::TypeKey type);
  Topic* topic(detail::TypeKey type);
  void request(Cell& cell, detail::TypeKey type, std::string_view name, detail::Value&& value, Duration timeout,
               detail::ReplyHandler&& reply);
  void answer(Requests::Id id, Result<detail::Value>&& value);
  void abandoned(Requests::Id id);
  std::size_t publish(detail::TypeKey type, const detail::Value& value);
  void unsubscribe(Cell& cell, detail::TypeKey type);
  void call_process(Cell& cell, std::string address, std::string method, Bytes body, Duration timeout,
                    detail::ProcessReply reply);

  // A message in a batch.
  class AtOnce;
  bool may_handle_at_once(const Cell& cell) const {
    return in_batch_ && ready_first_ == nullptr && cell.mailbox.empty() && cell.state == Cell::State::running &&
           !cell.paused && posts_.empty();
  }
  bool handle_at_once(Cell& cell, const MessageEntry& entry, const Host& from, View payload);
  void malformed(const Cell& cell, const Error& error, const Host& from);
  void after_event(Cell& cell);

  // Sends (core_network.cpp).
  Result<void> send_lent(Cell& cell, detail::BoxHead& lent, const Host& to, ProtocolId protocol);
  Result<void> send(Cell& cell, MessageBox box, const Host& to, ProtocolId protocol);
  Result<void> send_to_self(Cell& cell, MessageEntry& entry, MessageBox box, ProtocolId protocol);
  MessageEntry* sender_entry(Cell& cell, const MessageType& type);
  void tell_sessions(const SessionEvent& event);
  bool offer(const Host& from, Cell* cell, MessageEntry* entry, View payload);
  void told(SendId id, std::optional<Error> failed);

  void drop(Counter counter, std::string_view why, const Host& from);
  void log(std::string_view protocol, LogLevel level, std::string_view event, LogFields fields) const;

  // What every turn touches, first and together.
  struct Place {
    ProtocolId id;
    Cell* cell;
  };
  Executor& executor_;
  Channel& channel_;
  Cell* ready_first_ = nullptr;
  Cell* ready_last_ = nullptr;
  Instant armed_ = Instant::max();
  bool started_ = false, in_turn_ = false, in_batch_ = false, woken_ = false, closed_ = false, cancelled_ = false,
       refused_ = false;
  const bool whole_;
  const bool encodes_at_once_;
  const bool metered_;      // config_.stopwatch_ns is set
  const bool tells_after_;  // config_.after_event is
  bool request_abandoned_ = false;
  const std::size_t mailbox_capacity_;
  const std::size_t turn_events_;
  const Instant clock_origin_;
  std::size_t at_once_left_;   // until the next turn
  std::size_t late_left_ = 0;  // messages that are taken although it is closed
  std::vector<Place> places_;  // of all cells: finding one looks at no other
  std::vector<std::function<void()>> posts_;
  std::vector<std::unique_ptr<Subscription>> retired_;  // unsubscribed in their own callback, perhaps
  Timers timers_;
  Requests requests_;
  Counters counters_;
  Host self_;
  std::vector<std::unique_ptr<Cell>> cells_;
  std::vector<Host> sessions_;  // that are up, sorted
  std::vector<Topic> topics_;
  std::vector<std::unique_ptr<RequestHandlerEntry>> request_handlers_;

  CoreConfig config_;
  ProcessPort* processes_;
  Anchor* const anchor_;     // its own, until it is cut
  std::vector<Wire> wires_;  // sorted; none where messages travel whole
  Slots<Send> sends_;
  Meter meter_;
  std::uint64_t next_subscription_ = 1;
  Requests::Id dispatching_request_ = 0;
};

}  // namespace myelin::protocol
