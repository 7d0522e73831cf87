#include "protocol/core.hpp"

#include "base/ids.hpp"
#include "protocol/core_impl.hpp"

#include <algorithm>

namespace myelin::protocol {
namespace {
// Names of protocols are names of processes.
bool valid_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || Pid::parse(name)) return false;
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return plain(name[0]) &&
         std::ranges::all_of(name, [plain](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}
}  // namespace

std::string_view name(StopReason::Kind kind) {
  switch (kind) {
    case StopReason::Kind::graceful:
      return "graceful";
    case StopReason::Kind::cancelled:
      return "cancelled";
    case StopReason::Kind::deadline:
      return "deadline";
    case StopReason::Kind::experiment:
      return "experiment";
    case StopReason::Kind::failed:
      return "failed";
  }
  return "failed";
}

std::string_view name(Cell::State state) {
  switch (state) {
    case Cell::State::starting:
      return "starting";
    case Cell::State::running:
      return "running";
    case Cell::State::backoff:
      return "backoff";
    case Cell::State::stopped:
      return "stopped";
    case Cell::State::failed:
      return "failed";
  }
  return "failed";
}

std::unique_ptr<RuntimeCore> RuntimeCore::create(CoreConfig config, Executor& executor, Channel& channel,
                                                 ProcessPort* processes) {
  return std::make_unique<Core>(std::move(config), executor, channel, processes);
}

Core::Core(CoreConfig config, Executor& executor, Channel& channel, ProcessPort* processes)
    : executor_(executor),
      channel_(channel),
      whole_(channel.whole()),
      encodes_at_once_(channel.encodes_at_once()),
      metered_(static_cast<bool>(config.stopwatch_ns)),
      tells_after_(static_cast<bool>(config.after_event)),
      mailbox_capacity_(config.mailbox_capacity),
      turn_events_(config.turn_events),
      clock_origin_(config.clock_origin),
      at_once_left_(config.turn_events),
      self_(config.self),
      config_(std::move(config)),
      processes_(processes),
      anchor_(new Anchor(*this)) {}

Core::~Core() {
  cancelled_ = true;
  for (const auto& cell : cells_) drop_events(*cell, true);
  // Instances first, the last one first: what they do at their end still finds a core.
  for (auto cell = cells_.rbegin(); cell != cells_.rend(); ++cell) drop_instance(**cell);
  anchor_->cut();
  if (--anchor_->holders == 0) delete anchor_;
}

// -- Protocols.

Result<void> Core::add(std::unique_ptr<Protocol> protocol, Supervision supervision) {
  if (!protocol) return fail(ErrorCode::bad_request, "no protocol");
  if (supervision.on_crash == Supervision::OnCrash::restart) {
    return fail(ErrorCode::bad_request, "a protocol that is to be restarted needs a factory");
  }
  return add_cell(std::move(protocol), {}, supervision);
}

Result<void> Core::add(ProtocolFactory factory, Supervision supervision) {
  if (!factory) return fail(ErrorCode::bad_request, "no factory");
  std::unique_ptr<Protocol> first = factory();
  if (!first) return fail(ErrorCode::bad_request, "the factory made nothing");
  return add_cell(std::move(first), std::move(factory), supervision);
}

Result<void> Core::add_cell(std::unique_ptr<Protocol> protocol, ProtocolFactory factory, Supervision supervision) {
  if (started_) return fail(ErrorCode::conflict, "the runtime has been started");
  const std::string name(protocol->name());
  if (!valid_name(name)) {
    return fail(ErrorCode::bad_request, "'" + name + "' is no name for a protocol");
  }
  if (cell_named(name) != nullptr) return fail(ErrorCode::conflict, "there is a protocol named " + name);
  if (const Cell* other = cell_with(protocol->id())) {
    return fail(ErrorCode::conflict, "protocol id " + std::to_string(other->id) + " is that of " + other->name);
  }
  auto cell = std::make_unique<Cell>();
  cell->index = static_cast<std::uint32_t>(cells_.size());
  cell->name = name;
  cell->id = protocol->id();
  cell->factory = std::move(factory);
  cell->supervision = supervision;
  cell->protocol = std::move(protocol);
  places_.push_back({cell->id, cell.get()});
  cells_.push_back(std::move(cell));
  return {};
}

Cell* Core::cell_named(std::string_view name) const {
  for (const auto& cell : cells_) {
    if (cell->name == name) return cell.get();
  }
  return nullptr;
}
Cell* Core::cell_with(ProtocolId id) const {
  for (const Place& place : places_) {
    if (place.id == id) return place.cell;
  }
  return nullptr;
}
Protocol* Core::find(std::string_view name) {
  Cell* cell = cell_named(name);
  return cell != nullptr ? cell->protocol.get() : nullptr;
}
Protocol* Core::find(ProtocolId id) {
  Cell* cell = cell_with(id);
  return cell != nullptr ? cell->protocol.get() : nullptr;
}

Result<void> Core::start(Host self) {
  if (started_) return fail(ErrorCode::conflict, "the runtime was started before");
  if (cells_.empty()) return fail(ErrorCode::no_such_protocol, "the runtime has no protocol");
  started_ = true;
  self_ = std::move(self);
  for (const auto& cell : cells_) {
    if (auto begun = start_instance(*cell); !begun) return begun;
  }
  for (const auto& cell : cells_) {
    cell->state = Cell::State::running;
    push(*cell, InitEvent{});
  }
  arm();
  return {};
}

// -- Mailboxes.

void Core::make_ready(Cell& cell) {
  if (cell.in_ready || cell.paused || cell.state != Cell::State::running || cell.mailbox.empty()) return;
  cell.in_ready = true;
  cell.next_ready = nullptr;
  (ready_last_ != nullptr ? ready_last_->next_ready : ready_first_) = &cell;
  ready_last_ = &cell;
  wake();
}

// One that took part in the turns, and shall not any more.
void Core::leave_ready(Cell& cell) {
  if (!cell.in_ready) return;
  Cell* before = nullptr;
  for (Cell* at = ready_first_; at != &cell; at = at->next_ready) before = at;
  (before != nullptr ? before->next_ready : ready_first_) = cell.next_ready;
  if (ready_last_ == &cell) ready_last_ = before;
  cell.in_ready = false;
}

void Core::wake() {
  if (in_turn_ || woken_) return;
  woken_ = true;
  executor_.wake();
}

// The executor's alarm stands at the first deadline.
void Core::arm() {
  const Instant first = closed_ ? Instant::max() : std::min(timers_.first(), requests_.first());
  if (first == armed_) return;
  armed_ = first;
  executor_.wake_at(first);
}

Instant Core::after(Duration delay) const {
  const Instant now = executor_.now();
  if (delay.count() <= 0) return now;
  // What lies beyond the end of time is at its last but one moment: max() withdraws the alarm.
  const Instant last = Instant::max() - Duration{1};
  return delay > last - now ? last : now + delay;
}

void Core::post(std::function<void()> callback) {
  if (cancelled_) return;
  posts_.push_back(std::move(callback));
  wake();
}

void Core::process_message(std::string_view protocol, std::string method, std::string caller, Bytes body,
                           detail::ProcessReply reply) {
  Cell* cell = cell_named(protocol);
  if (cell == nullptr) return reply(fail(ErrorCode::no_such_protocol, std::string(protocol)));
  if (closed_ || cancelled_ || cell->ended()) return reply(fail(ErrorCode::stopping, cell->name + " has ended"));
  if (cell->state == Cell::State::starting) return reply(fail(ErrorCode::offline, cell->name + " has not begun"));
  if (full(*cell)) {
    counters_.add(Counter::mailbox_dropped);
    return reply(fail(ErrorCode::mailbox_full, cell->name));
  }
  push(*cell, std::make_unique<ProcessEvent>(std::move(method), std::move(caller), std::move(body), std::move(reply)));
}

// -- Turns.

std::size_t Core::turn() {
  MYELIN_CHECK(!in_turn_, "a turn within a turn");
  in_turn_ = true;
  woken_ = false;
  at_once_left_ = turn_events_;
  // The alarm that has rung is spent: a timer of this very moment needs another.
  if (armed_ <= executor_.now()) armed_ = Instant::max();
  run_posts();
  if (!closed_) take_due();
  if (metered_) meter_.begin(config_.stopwatch_ns());
  std::size_t events = 0;
  for (; ready_first_ != nullptr && events < turn_events_; ++events) dispatch_next();
  if (metered_) look_at_clock();
  relieve();
  in_turn_ = false;
  if (!cancelled_) {
    if (ready_first_ != nullptr || !posts_.empty()) wake();
    arm();
  }
  return events;
}

void Cell::prefetch(unsigned step, const MessageBox* message, bool alone) const {
  if (step == 2) return prefetch_lines(this, 4);
  if (step == 1) {
    prefetch_lines(protocol.get(), alone || lookahead != nullptr ? 7 : 1);
    if (alone) prefetch_lines(context.get(), 1);
    if (message != nullptr) messages.prefetch();
    return mailbox.prefetch();
  }
  if (message != nullptr) messages.prefetch(message->type());
  if (lookahead != nullptr) lookahead->prefetch(message);
}

void Core::prefetch(const Coming& coming, unsigned step) const {
  if (step == 3) {
    __builtin_prefetch(places_.data());
    if (coming.kind == Coming::Kind::session) prefetch_lines(sessions_.data(), 5);
    if (coming.kind == Coming::Kind::timer) timers_.prefetch();
    return;
  }
  const Cell* owner = nullptr;
  if (coming.kind == Coming::Kind::message) {
    owner = cell_with(coming.to);
  } else if (coming.kind == Coming::Kind::timer) {
    if (const auto first = timers_.first_owner()) owner = places_[*first].cell;
  }
  if (owner != nullptr) return owner->prefetch(step, coming.message, true);
  for (const Place& place : places_) place.cell->prefetch(step, nullptr, false);
}

bool Core::ready() const {
  if (cancelled_) return false;
  return ready_first_ != nullptr || !posts_.empty() ||
         (!closed_ && std::min(timers_.first(), requests_.first()) <= executor_.now());
}

void Core::run_posts() {
  if (posts_.empty()) return;
  std::vector<std::function<void()>> posts = std::exchange(posts_, {});
  for (const auto& callback : posts) {
    if (cancelled_) return;
    try {
      callback();
    } catch (const std::exception& error) {
      log("", LogLevel::error, "posted callback threw", {{"error", error.what()}});
    } catch (...) {
      log("", LogLevel::error, "posted callback threw", {});
    }
  }
}

void Core::take_due() {
  const Instant now = executor_.now();
  while (const auto due = timers_.next_due(now)) {
    Cell& cell = *cells_[due->owner];
    if (due->internal) {
      timers_.begin(due->id, now);
      restart(cell);
    } else {
      push(cell, TimerEvent{due->id});
    }
  }
  while (const auto late = requests_.next_due(now)) answer(*late, fail(ErrorCode::timeout, "no answer in time"));
}

void Core::dispatch_next() {
  Cell& cell = *ready_first_;
  ready_first_ = cell.next_ready;
  if (ready_first_ == nullptr) ready_last_ = nullptr;
  cell.in_ready = false;
  ++cell.events;
  auto thrown = what_is_thrown([&] { std::visit([&](auto& kind) { handle(cell, kind); }, cell.mailbox.begin()); });
  cell.mailbox.finish();
  if (thrown) crashed(cell, std::move(*thrown));
  make_ready(cell);
  after_event(cell);
}

void Core::after_event(Cell& cell) {
  if (!retired_.empty()) retired_.clear();
  if (metered_ && meter_.count(cell)) look_at_clock();
  if (tells_after_) config_.after_event();
}

void Core::look_at_clock() {
  if (meter_.look(config_.stopwatch_ns(), cells_)) counters_.add(Counter::strict_slow_handler);
}

// Mailboxes that refused a message and have room again let the channel go on.
void Core::relieve() {
  if (!refused_ || cancelled_) return;
  bool room = false, still = false;
  for (const auto& cell : cells_) {
    if (!cell->refused) continue;
    if (full(*cell) || cell->state == Cell::State::backoff) {
      still = true;
    } else {
      cell->refused = false;
      room = true;
    }
  }
  refused_ = still;
  if (room) channel_.resume();
}

void Core::handle(Cell& cell, InitEvent&) { cell.protocol->init(cell.context->context()); }

void Core::handle(Cell& cell, MessageEvent& event) {
  const MessageEntry* entry = cell.messages.find(event.box.type());
  if (entry == nullptr || !entry->handler) {
    return drop(Counter::message_dropped_unknown_id, "unknown_message", event.from);
  }
  counters_.add(Counter::message_dispatched);
  entry->handler(event.box, event.from);
}

void Core::handle(Cell&, TimerEvent& event) {
  if (closed_) return;
  std::function<void()> callback = timers_.begin(event.id, executor_.now());
  if (!callback) return;
  if (config_.timer_fires) config_.timer_fires();
  callback();
  timers_.end(event.id, std::move(callback));
}

void Core::handle(Cell& cell, std::unique_ptr<SessionEvent>& event) {
  Protocol& protocol = *cell.protocol;
  switch (event->kind) {
    case SessionEvent::Kind::connected:
      return protocol.on_session_connected(event->host);
    case SessionEvent::Kind::disconnected:
      return protocol.on_session_disconnected(event->host, event->error);
    case SessionEvent::Kind::failed:
      return protocol.on_session_failed(event->host, event->error);
    case SessionEvent::Kind::given_up:
      return protocol.on_session_given_up(event->host, event->attempts);
    case SessionEvent::Kind::blocked:
      return protocol.on_session_blocked(event->host);
    case SessionEvent::Kind::writable:
      return protocol.on_session_writable(event->host);
    case SessionEvent::Kind::transport:
      return protocol.on_transport_event({event->transport, event->host, event->inbound, event->error});
  }
}

void Core::handle(Cell&, CallbackEvent& event) { event.callback(); }

void Core::handle(Cell& cell, std::unique_ptr<ToldEvent>& event) {
  const MessageEntry* entry = cell.messages.find(event->box.type());
  if (entry == nullptr || !entry->told) return;
  if (!event->failed) {
    if (entry->told->sent) entry->told->sent(event->box, event->to);
  } else if (entry->told->failed) {
    entry->told->failed(event->box, event->to, *event->failed);
  }
}

// -- The end.

void Core::close(std::size_t late) {
  if (closed_) return;
  closed_ = true;
  late_left_ = late;
  for (const auto& cell : cells_) {
    if (cell->state == Cell::State::backoff) end_cell(*cell, Cell::State::failed);
  }
  arm_outside_turn();
}

bool Core::idle() const { return ready_first_ == nullptr && posts_.empty(); }

void Core::cancel() {
  if (cancelled_) return;
  closed_ = cancelled_ = true;
  late_left_ = 0;
  ready_first_ = ready_last_ = nullptr;
  posts_.clear();
  for (const auto& cell : cells_) {
    cell->in_ready = false;
    drop_events(*cell, true);
    timers_.cancel_all(cell->index);
    requests_.drop_all(cell->index);
    if (cell->ended()) continue;
    cell->state = Cell::State::stopped;
    cell->last_error = "the runtime has ended";
    if (processes_ != nullptr) processes_->ended(cell->name);
  }
  sends_ = {};
  if (armed_ != Instant::max()) executor_.wake_at(Instant::max());
  armed_ = Instant::max();
}

// -- What it tells.

std::vector<ProtocolStatus> Core::protocols() const {
  std::vector<ProtocolStatus> list;
  for (const auto& cell : cells_) {
    ProtocolStatus& status = list.emplace_back();
    status.name = cell->name;
    status.id = cell->id;
    status.state = cell->paused && !cell->ended() ? "paused" : protocol::name(cell->state);
    status.events = cell->events;
    status.crashes = cell->crashes;
    status.restarts = cell->restarts;
    status.queued = cell->mailbox.size();
    status.busy = cell->busy;
    status.last_error = cell->last_error;
  }
  return list;
}

std::vector<std::pair<std::string, double>> Core::metrics() const {
  MetricList list;
  counters_.list(list);
  double depth = 0;
  for (const auto& cell : cells_) {
    depth += static_cast<double>(cell->mailbox.size());
    cell->metrics.list(cell->name + ".", list);
  }
  list.emplace_back("mailbox.depth", depth);
  std::ranges::sort(list);
  return list;
}

void Core::drop(Counter counter, std::string_view why, const Host& from) {
  counters_.add(counter);
  if (config_.dead_letter) config_.dead_letter(why, from);
}

void Core::log(std::string_view protocol, LogLevel level, std::string_view event, LogFields fields) const {
  if (!config_.log_enabled || !config_.log_enabled(level)) return;
  if (config_.log) config_.log("runtime", protocol, level, event, fields);
  if (processes_ != nullptr && !protocol.empty()) processes_->log(protocol, level, event, fields);
}

}  // namespace myelin::protocol
