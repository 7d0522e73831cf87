#include "protocol/stream_channel.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <utility>

namespace myelin::protocol {

namespace {

// Inbound connections that have not said Hello yet; more are closed at once.
constexpr std::size_t max_handshakes = 128;
// Lines of log for what one connection sends in vain; the rest is only counted.
constexpr std::uint64_t dropped_logged = 10;

}  // namespace

StreamChannel::StreamChannel(io::Loop& loop, Wire wire, ChannelOptions options, ChannelLog log)
    : loop_(loop),
      wire_(wire),
      options_(options),
      log_(std::move(log)),
      table_(wire, options.retry, options.max_sessions),
      scope_(loop) {}

StreamChannel::~StreamChannel() {
  if (retry_timer_ != 0) loop_.cancel_timer(retry_timer_);
}

Result<void> StreamChannel::start(ChannelEvents& events) {
  events_ = &events;
  auto listening = listen();
  if (listening) table_.name_self(self());
  return listening;
}

void StreamChannel::log(std::string_view component, LogLevel level, std::string_view event, LogFields fields) {
  if (log_.write && (!log_.enabled || log_.enabled(component, level))) log_.write(component, {}, level, event, fields);
}

// ---- what the runtime asks for

void StreamChannel::connect(const Host& to) {
  if (stopping_) return;
  table_.connect(to);
  act();
}

void StreamChannel::disconnect(const Host& from) {
  table_.disconnect(from);
  act();
}

Result<void> StreamChannel::send(const Host& to, Outgoing message) {
  if (last_ == nullptr || last_->peer() != to) {
    const auto session = sessions_.find(to);
    if (session == sessions_.end()) return fail(ErrorCode::offline, "no session with " + to.to_string());
    last_ = session->second;
  }
  auto sent = last_->send(message);
  if (sent) ++metrics_.messages_out;
  return sent;
}

// Another link each time is the first to find room.
void StreamChannel::resume() {
  const auto first = links_.upper_bound(resumed_first_);
  for (auto at = first; at != links_.end(); ++at) at->second->resume();
  for (auto at = links_.begin(); at != first; ++at) at->second->resume();
  resumed_first_ = first != links_.end() ? first->first : 0;
}

void StreamChannel::read_no_more() {
  for (const auto& [id, link] : links_) {
    if (link->was_established()) link->read_no_more();
  }
}

bool StreamChannel::tells_more() const {
  return std::ranges::any_of(links_, [](const auto& each) { return each.second->tells_more(); });
}

std::size_t StreamChannel::queued_bytes(const Host& host) const {
  const auto session = sessions_.find(host);
  return session == sessions_.end() ? 0 : session->second->queued_bytes();
}

// ---- what the table says

void StreamChannel::act() {
  for (SessionAction& action : table_.take_actions()) act_on(action);
  watch_retries();
}

void StreamChannel::act_on(SessionAction& action) {
  switch (action.kind) {
    case SessionAction::Kind::dial: {
      const auto source = dials_.try_emplace(action.dial).first;
      scope_.spawn(dial(action.host, action.dial, action.wire, source->second.token()));
      return;
    }
    case SessionAction::Kind::cancel_dial:
      return cancel_dial(action.dial);
    case SessionAction::Kind::close: {
      const auto link = links_.find(action.connection);
      const Duration limit = stopping_ ? Duration::max() : Duration(std::chrono::seconds(5));
      if (link != links_.end()) link->second->close(action.error, action.flush, limit);
      return;
    }
    case SessionAction::Kind::connected:
      sessions_[action.host] = links_.at(action.connection);
      last_ = nullptr;
      log("session", LogLevel::info, "connected",
          {{"peer", action.host}, {"wire", action.wire == Wire::w0 ? "w0" : "w3"}});
      return tell([host = action.host](ChannelEvents& events) { events.session_connected(host); });
    case SessionAction::Kind::merge:
      return links_.at(action.connection)->send(action.merge);
    case SessionAction::Kind::move: {
      SessionLink* const before = std::exchange(sessions_.at(action.host), links_.at(action.connection));
      last_ = nullptr;
      if (before != sessions_.at(action.host) && before->take_blocked()) link_writable(*before);
      return;
    }
    case SessionAction::Kind::hold:
      return links_.at(action.connection)->hold();
    case SessionAction::Kind::release:
      return links_.at(action.connection)->release();
    case SessionAction::Kind::retire: {
      SessionLink& link = *links_.at(action.connection);
      log("session", LogLevel::debug, "merged", {{"peer", link.peer()}});
      return link.retire(action.error);
    }
    case SessionAction::Kind::disconnected:
      sessions_.erase(action.host);
      last_ = nullptr;
      log("session", LogLevel::info, "disconnected", {{"peer", action.host}, {"why", to_string(action.error)}});
      return tell([host = action.host, error = action.error](ChannelEvents& events) {
        events.session_disconnected(host, error);
      });
    case SessionAction::Kind::failed:
      log("session", LogLevel::warn, "failed", {{"peer", action.host}, {"why", to_string(action.error)}});
      return tell(
          [host = action.host, error = action.error](ChannelEvents& events) { events.session_failed(host, error); });
    case SessionAction::Kind::given_up:
      log("session", LogLevel::warn, "given up", {{"peer", action.host}, {"attempts", action.attempts}});
      return tell([host = action.host, attempts = action.attempts](ChannelEvents& events) {
        events.session_given_up(host, attempts);
      });
  }
}

void StreamChannel::cancel_dial(DialId dial) {
  if (const auto opening = dials_.find(dial); opening != dials_.end()) opening->second.fire();
  if (const auto greeting = greetings_.find(dial); greeting != greetings_.end()) {
    greeting->second->close(Error{ErrorCode::cancelled, "the dial was taken back"}, false);
    greetings_.erase(greeting);
  }
}

void StreamChannel::watch_retries() {
  if (retry_timer_ != 0) loop_.cancel_timer(std::exchange(retry_timer_, 0));
  const Instant when = table_.deadline();
  if (when == Instant::max()) return;
  retry_timer_ = loop_.start_timer(when, [this] {
    retry_timer_ = 0;
    table_.expire(loop_.now());
    act();
  });
}

// ---- connections

io::Task<void> StreamChannel::dial(Host to, DialId id, Wire wire, io::CancelToken token) {
  log("transport", LogLevel::debug, "dialling", {{"peer", to}});
  if (open_is_seen()) table_.greeting(id);
  auto opened = co_await open(to, token);
  dials_.erase(id);
  if (!opened) {
    if (!token.fired()) {
      log("transport", LogLevel::warn, "dial failed", {{"peer", to}, {"why", to_string(opened.error())}});
      tell_transport(TransportEvent::Kind::failed, to, false, opened.error());
    }
    table_.dial_failed(id, opened.error(), false, loop_.now(), loop_.random_u64());
    act();
    co_return;
  }
  if (token.fired()) co_return;  // the stream goes with a reset
  ++metrics_.connections_out;
  table_.greeting(id);
  SessionMachine machine = outbound_machine(to, wire);
  add_link(std::move(*opened), std::move(machine), id);
}

void StreamChannel::adopt(Opened opened) {
  if (stopping_) return;
  if (handshakes_ >= max_handshakes || links_.size() >= 2 * options_.max_sessions + max_handshakes) {
    ++metrics_.handshakes_refused;
    log("transport", LogLevel::warn, "refused: too many connections", {{"peer", opened.remote}});
    return;
  }
  ++metrics_.connections_in;
  SessionMachine machine = inbound_machine(opened);
  add_link(std::move(opened), std::move(machine), 0);
}

void StreamChannel::add_link(Opened opened, SessionMachine machine, DialId dial) {
  if (opened.tcp != nullptr && options_.idle_timeout > Duration::zero()) {
    opened.tcp->keep_alive(std::max(options_.idle_timeout, options_.stall_timeout));
  }
  auto link = std::make_unique<SessionLink>(loop_, std::move(opened.stream), opened.tcp, std::move(machine),
                                            LinkConfig{options_.queue_bytes, options_.stall_timeout},
                                            static_cast<LinkOwner&>(*this));
  link->id = next_connection_++;
  link->dial = dial;
  link->remote = std::move(opened.remote);
  links_.emplace(link->id, link.get());
  if (dial != 0) {
    greetings_.emplace(dial, link.get());
  } else {
    ++handshakes_;
  }
  log("transport", LogLevel::info, "connected", {{"peer", link->remote}, {"inbound", dial == 0 ? "true" : "false"}});
  tell_transport(TransportEvent::Kind::connected, link->remote, dial == 0, {ErrorCode::link_lost, {}});
  const ConnectionId id = link->id;
  scope_.spawn(serve(id, std::move(link)));
}

io::Task<void> StreamChannel::serve(ConnectionId id, std::unique_ptr<SessionLink> link) {
  co_await link->run();
  const bool inbound = link->dial == 0;
  if (!link->was_established() && inbound) --handshakes_;
  links_.erase(id);
  log("transport", LogLevel::info, "disconnected", {{"peer", link->remote}, {"inbound", inbound ? "true" : "false"}});
  tell_transport(TransportEvent::Kind::disconnected, link->remote, inbound, {ErrorCode::link_lost, {}});
}

bool StreamChannel::link_established(SessionLink& link) {
  if (link.dial == 0) --handshakes_;
  greetings_.erase(link.dial);
  auto wanted = table_.established(link.id, link.dial, link.peer(), link.machine().wire());
  if (!wanted) {
    log("session", LogLevel::warn, "refused", {{"peer", link.peer()}, {"why", to_string(wanted.error())}});
    link.close(wanted.error(), false);
  }
  act();
  return wanted.has_value();
}

bool StreamChannel::link_message(SessionLink& link, const SessionMachine::Step& message) {
  if (!told_.empty()) flush();
  if (link.closed()) return true;
  const bool taken = link.machine().wire() == Wire::w0
                         ? events_->message(link.peer(), message.protocol, message.id, message.payload)
                         : events_->message(link.peer(), message.wire_id, message.payload);
  if (taken) ++metrics_.messages_in;
  return taken;
}

void StreamChannel::link_merge(SessionLink& link, Merge what) {
  if (!table_.merge(link.id, link.peer(), what)) return link_dropped(link, "unexpected_merge");
  act();
}

void StreamChannel::link_dropped(SessionLink& link, std::string_view why) {
  if (!told_.empty()) flush();
  ++metrics_.dropped;
  const Host& from = link.peer().empty() ? link.remote : link.peer();
  if (++link.dropped <= dropped_logged) log("session", LogLevel::warn, "dropped", {{"peer", from}, {"why", why}});
  events_->dropped(why, from);
}

void StreamChannel::link_closed(SessionLink& link, const Error& why) {
  if (link.was_established()) {
    table_.closed(link.id, link.peer(), why, loop_.now(), loop_.random_u64());
  } else {
    ++metrics_.handshakes_failed;
    log("session", LogLevel::warn, "handshake failed", {{"peer", link.remote}, {"why", to_string(why)}});
    tell_transport(TransportEvent::Kind::failed, link.remote, link.dial == 0, why);
    if (link.dial != 0) {
      greetings_.erase(link.dial);
      table_.dial_failed(link.dial, why, link.machine().rejected(), loop_.now(), loop_.random_u64());
    }
  }
  act();
}

void StreamChannel::link_blocked(SessionLink& link) {
  log("session", LogLevel::warn, "blocked", {{"peer", link.peer()}, {"queued_bytes", link.queued_bytes()}});
  tell([host = link.peer()](ChannelEvents& events) { events.session_blocked(host); });
}

void StreamChannel::link_writable(SessionLink& link) {
  tell([host = link.peer()](ChannelEvents& events) { events.session_writable(host); });
}

void StreamChannel::link_sent(SendId id) {
  tell([id](ChannelEvents& events) { events.sent(id); });
}

void StreamChannel::link_failed(SendId id, const Error& why) {
  tell([id, why](ChannelEvents& events) { events.failed(id, why); });
}

// ---- telling

void StreamChannel::tell(std::function<void(ChannelEvents&)> what) {
  told_.push_back(std::move(what));
  if (std::exchange(flush_posted_, true)) return;
  loop_.post([this] {
    flush_posted_ = false;
    flush();
  });
}

void StreamChannel::tell_transport(TransportEvent::Kind kind, const Host& host, bool inbound, Error error) {
  tell([event = TransportEvent{kind, host, inbound, std::move(error)}](ChannelEvents& events) {
    events.transport_event(event);
  });
}

void StreamChannel::flush() {
  if (std::exchange(flushing_, true)) return;
  while (!told_.empty()) {
    const auto what = std::move(told_.front());
    told_.pop_front();
    what(*events_);
  }
  flushing_ = false;
}

// ---- the end

void StreamChannel::stop(bool graceful, std::function<void()> done) {
  if (!stopping_) {
    stopping_ = true;
    done_ = std::move(done);
    close_listener();
    table_.stop();
    act();
    scope_.cancel();
    finishing_ = std::make_unique<io::Scope>(loop_);
    finishing_->spawn(finish());
  } else if (finishing_ == nullptr) {  // it has ended before
    if (done) loop_.post(std::move(done));
    return;
  } else if (done) {
    done_ = std::move(done);
  }
  for (const auto& [id, link] : links_) {
    const bool handshaking = link->machine().state() != SessionMachine::State::established;
    if (!graceful || handshaking) link->close(Error{ErrorCode::stopping, "the runtime ends"}, false);
  }
}

io::Task<void> StreamChannel::finish() {
  co_await scope_.join();
  // In a turn after the last that was posted, when this task itself has ended.
  loop_.post([this] {
    flush();
    finishing_.reset();
    if (done_) std::exchange(done_, {})();
  });
}

}  // namespace myelin::protocol
