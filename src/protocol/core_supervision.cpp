// Crashes, restarts, and the ends of protocols.
#include "protocol/core_impl.hpp"

#include <algorithm>

namespace myelin::protocol {

// Start of the instance in the cell; what it throws is its runtime's error.
Result<void> Core::start_instance(Cell& cell) {
  cell.context = std::make_unique<ProtocolContext>(*this, cell);
  cell.lookahead = dynamic_cast<const Lookahead*>(cell.protocol.get());
  cell.registration_error.reset();
  if (auto thrown = what_is_thrown([&] { cell.protocol->start(cell.context->context()); })) {
    return fail(ErrorCode::trapped, cell.name + ": " + *thrown);
  }
  if (cell.registration_error) {
    return fail(cell.registration_error->code, cell.name + ": " + cell.registration_error->message);
  }
  return {};
}

void Core::crashed(Cell& cell, std::string what) {
  if (cell.ended()) return;
  ++cell.crashes;
  counters_.add(Counter::handler_panic);
  cell.last_error = what;
  Verdict verdict = cell.history.crashed(cell.supervision, executor_.now());
  // Nobody waits for a restart while the runtime ends.
  if (closed_ && verdict.what == Supervision::OnCrash::restart) verdict.what = Supervision::OnCrash::stop;
  log(cell.name, LogLevel::error, "protocol crashed", {{"error", what}});
  switch (verdict.what) {
    case Supervision::OnCrash::resume:
      break;
    case Supervision::OnCrash::restart:
      drop_instance(cell);
      drop_events(cell, false);
      cell.state = Cell::State::backoff;
      timers_.start(cell.index, after(verdict.backoff), Duration{0}, {}, true);
      break;
    case Supervision::OnCrash::stop:
      end_cell(cell, Cell::State::failed);
      break;
    case Supervision::OnCrash::escalate:
      end_cell(cell, Cell::State::failed);
      post([this, detail = cell.name + ": " + what]() mutable {
        if (on_stop) on_stop({StopReason::Kind::failed, std::move(detail)});
      });
      break;
  }
  publish_failure(cell, what);
}

void Core::publish_failure(const Cell& cell, const std::string& what) {
  publish(detail::type_key<ProtocolFailed>(),
          std::make_shared<const ProtocolFailed>(ProtocolFailed{cell.name, what, cell.ended()}));
}

// A new instance takes the place of the crashed one: it is started, told of the restart, initialised, told of the
// sessions that the mailbox's events presume, and then the mailbox goes on.
void Core::restart(Cell& cell) {
  if (cell.state != Cell::State::backoff || cancelled_) return;
  ++cell.restarts;
  counters_.add(Counter::protocol_restart);
  cell.state = Cell::State::running;
  auto thrown = what_is_thrown([&] {
    cell.protocol = cell.factory();
    if (!cell.protocol) throw std::runtime_error("the factory made nothing");
    if (auto begun = start_instance(cell); !begun) throw std::runtime_error(to_string(begun.error()));
    cell.protocol->on_restart(cell.restarts);
  });
  if (thrown) {
    crashed(cell, std::move(*thrown));
    if (cell.state == Cell::State::running) end_cell(cell, Cell::State::failed);
    return;
  }
  log(cell.name, LogLevel::info, "protocol restarted", {{"attempt", cell.restarts}});
  // In front of what waits: what a start may have deferred comes behind it.
  std::vector<Host> told = sessions_told(cell);
  std::vector<Event> waiting = cell.mailbox.take_all();
  cell.mailbox.push(InitEvent{});
  for (Host& host : told) {
    cell.mailbox.push(std::make_unique<SessionEvent>(SessionEvent::Kind::connected, std::move(host)));
  }
  for (Event& event : waiting) cell.mailbox.push(std::move(event));
  make_ready(cell);
}

// The sessions that stand before the mailbox's first event: those that are up now, less what the mailbox will tell.
std::vector<Host> Core::sessions_told(const Cell& cell) const {
  std::vector<Host> up = sessions_;
  for (std::size_t i = cell.mailbox.size(); i-- > 0;) {
    const auto* event = std::get_if<std::unique_ptr<SessionEvent>>(&cell.mailbox.at(i));
    if (event == nullptr) continue;
    const Host& host = (*event)->host;
    if ((*event)->kind == SessionEvent::Kind::connected) {
      std::erase(up, host);
    } else if ((*event)->kind == SessionEvent::Kind::disconnected) {
      up.insert(std::ranges::lower_bound(up, host), host);
    }
  }
  return up;
}

void Core::drop_instance(Cell& cell) {
  ++cell.incarnation;
  // First the instance, while all that it may reach is there; its responders give up their requests.
  cell.lookahead = nullptr;
  cell.protocol.reset();
  timers_.cancel_all(cell.index);
  requests_.drop_all(cell.index);
  const auto dropped = sends_.take_if([&cell](const Send& send) { return send.sender == cell.index; });
  for (const auto& entry : request_handlers_) {
    if (entry->owner == cell.index) entry->handler = nullptr;
  }
  for (Topic& topic : topics_) {
    std::erase_if(topic.subscribers, [&cell](const auto& subscriber) { return subscriber.first == &cell; });
  }
  for (Wire& wire : wires_) {
    if (wire.cell == &cell) wire.entry = nullptr;
  }
  cell.subscriptions.clear();
  cell.process_methods.clear();
  cell.messages.clear();
  cell.context.reset();
}

// -- By an operator.

Result<void> Core::control(std::string_view protocol, Control what) {
  Cell* cell = cell_named(protocol);
  if (cell == nullptr) return fail(ErrorCode::no_such_protocol, std::string(protocol));
  if (cancelled_ || cell->ended()) return fail(ErrorCode::conflict, cell->name + " has ended");
  if (what == Control::restart && !cell->factory) {
    return fail(ErrorCode::unsupported, cell->name + " has no factory to be started afresh from");
  }
  post([this, cell, what] { carry_out(*cell, what); });
  return {};
}

void Core::carry_out(Cell& cell, Control what) {
  if (cell.ended()) return;
  switch (what) {
    case Control::kill:
      cell.last_error = "killed";
      return end_cell(cell, Cell::State::stopped);
    case Control::pause:
      cell.paused = true;
      return leave_ready(cell);
    case Control::resume:
      cell.paused = false;
      return make_ready(cell);
    case Control::restart:
      cell.paused = false;
      drop_instance(cell);
      drop_events(cell, false);
      cell.state = Cell::State::backoff;
      leave_ready(cell);
      return restart(cell);
  }
}

bool Core::ended(std::string_view protocol) const {
  const Cell* cell = cell_named(protocol);
  return cell == nullptr || cell->ended();
}

std::vector<std::string> Core::process_methods(std::string_view protocol) const {
  std::vector<std::string> methods;
  if (const Cell* cell = cell_named(protocol)) {
    for (const auto& method : cell->process_methods) methods.push_back(method->name);
  }
  std::ranges::sort(methods);
  return methods;
}

void Core::end_cell(Cell& cell, Cell::State state) {
  leave_ready(cell);
  drop_instance(cell);
  cell.state = state;
  drop_events(cell, true);
  std::erase_if(wires_, [&cell](const Wire& wire) { return wire.cell == &cell; });
  // What it refused is offered again, and dropped.
  log(cell.name, state == Cell::State::failed ? LogLevel::error : LogLevel::info, "protocol ended",
      {{"error", cell.last_error}});
  if (processes_ != nullptr) processes_->ended(cell.name);
}

// Takes the events out of a mailbox: all, with their answers; or those that were for the instance that has gone.
void Core::drop_events(Cell& cell, bool all) {
  std::vector<Event> events = cell.mailbox.take_all();
  for (Event& event : events) {
    if (auto* request = std::get_if<RequestEvent>(&event)) {
      if (!all) {
        cell.mailbox.push(std::move(event));
      } else if (!cancelled_) {
        answer(request->id, fail(ErrorCode::stopping, cell.name + " has ended"));
      }
    } else if (auto* process = std::get_if<std::unique_ptr<ProcessEvent>>(&event)) {
      if (!all) {
        cell.mailbox.push(std::move(event));
      } else {
        (*process)->reply(fail(ErrorCode::stopping, cell.name + " has ended"));
      }
    } else if (!all && (std::holds_alternative<MessageEvent>(event) ||
                        std::holds_alternative<std::unique_ptr<SessionEvent>>(event))) {
      cell.mailbox.push(std::move(event));
    }
  }
}

}  // namespace myelin::protocol
