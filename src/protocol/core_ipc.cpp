// What protocols of one core do with each other, and with processes.
#include "protocol/core_impl.hpp"

#include <algorithm>
#include <cxxabi.h>
#include <exception>

namespace myelin::protocol {
namespace {

std::string readable(std::string_view type_name) {
  int status = 0;
  char* text = abi::__cxa_demangle(std::string(type_name).c_str(), nullptr, nullptr, &status);
  std::string name = status == 0 && text != nullptr ? std::string(text) : std::string(type_name);
  std::free(text);
  return name;
}

}  // namespace

void Anchor::answer(std::uint64_t request, Result<detail::Value> value) {
  if (core_ != nullptr) core_->answer(request, std::move(value));
}
void Anchor::abandoned(std::uint64_t request) {
  if (core_ != nullptr) core_->abandoned(request);
}

namespace {

// The reply of a process's message, which is given even if the handler drops it.
class ProcessAnswer {
 public:
  explicit ProcessAnswer(detail::ProcessReply reply) : reply_(std::move(reply)) {}
  ProcessAnswer(ProcessAnswer&& other) noexcept : reply_(std::exchange(other.reply_, nullptr)) {}
  ProcessAnswer& operator=(ProcessAnswer&&) = delete;
  ~ProcessAnswer() {
    if (!reply_) return;
    const bool threw = std::uncaught_exceptions() > 0;
    reply_(threw ? fail(ErrorCode::trapped, "the handler threw")
                 : fail(ErrorCode::guest_failed, "the handler gave no answer"));
  }
  void operator()(Result<Bytes> value) {
    if (detail::ProcessReply reply = std::exchange(reply_, nullptr)) reply(std::move(value));
  }

 private:
  detail::ProcessReply reply_;
};

}  // namespace

// -- Requests.

RequestHandlerEntry* Core::request_handler(detail::TypeKey type) {
  for (const auto& entry : request_handlers_) {
    if (entry->type == type) return entry.get();
  }
  return nullptr;
}

void Core::request(Cell& cell, detail::TypeKey type, std::string_view name, detail::Value&& value, Duration timeout,
                   detail::ReplyHandler&& reply) {
  if (cancelled_) return;
  if (timeout.count() <= 0) timeout = config_.request_timeout;
  const Requests::Id id = requests_.add(cell.index, name, std::move(reply), executor_.now(), after(timeout));
  counters_.add(Counter::ipc_request_sent);
  RequestHandlerEntry* entry = request_handler(type);
  Cell* target = entry != nullptr ? cells_[entry->owner].get() : nullptr;
  // One whose protocol is between two instances waits in its mailbox.
  if (target == nullptr || (!entry->handler && target->state != Cell::State::backoff)) {
    answer(id, fail(ErrorCode::no_handler, "nobody handles " + readable(name)));
  } else if (full(*target)) {
    counters_.add(Counter::mailbox_dropped);
    answer(id, fail(ErrorCode::mailbox_full, target->name));
  } else {
    push(*target, RequestEvent{id, entry, std::move(value)});
  }
  arm_outside_turn();
}

void Core::handle(Cell& cell, RequestEvent& event) {
  if (!event.handler->handler || event.handler->owner != cell.index) {
    return answer(event.id, fail(ErrorCode::no_handler, cell.name + " does not handle it any more"));
  }
  // A responder that the handler drops, by returning or by throwing, is judged when it is known which of both it was.
  dispatching_request_ = event.id;
  request_abandoned_ = false;
  try {
    event.handler->handler(event.value, detail::Respond(*anchor_, event.id));
  } catch (const std::exception& error) {
    dispatching_request_ = 0;
    if (requests_.waiting(event.id)) answer(event.id, fail(ErrorCode::trapped, error.what()));
    throw;
  } catch (...) {
    dispatching_request_ = 0;
    if (requests_.waiting(event.id)) answer(event.id, fail(ErrorCode::trapped, "the handler threw"));
    throw;
  }
  dispatching_request_ = 0;
  if (request_abandoned_) abandoned(event.id);
}

void Core::answer(Requests::Id id, Result<detail::Value>&& value) {
  if (const auto requester = requests_.answer(id, std::move(value))) {
    push(*cells_[*requester], ReplyEvent{id});
  } else if (!cancelled_) {
    drop(Counter::ipc_reply_dropped_late, "late_reply", self_);
  }
}

void Core::abandoned(Requests::Id id) {
  if (id == dispatching_request_) {
    request_abandoned_ = true;
  } else if (requests_.waiting(id)) {
    answer(id, fail(ErrorCode::guest_failed, "the handler gave no answer"));
  }
}

void Core::handle(Cell&, ReplyEvent& event) {
  std::optional<Requests::Finished> finished = requests_.finish(event.id);
  if (!finished) return;
  counters_.add(Counter::ipc_request_completed);
  counters_.latency_ms.observe(static_cast<double>((executor_.now() - finished->sent).count()) * 1e-6);
  finished->reply(std::move(finished->answer));
}

// -- Notifications.

Core::Topic* Core::topic(detail::TypeKey type) {
  for (Topic& topic : topics_) {
    if (topic.type == type) return &topic;
  }
  return nullptr;
}

std::size_t Core::publish(detail::TypeKey type, const detail::Value& value) {
  counters_.add(Counter::notification_published);
  const Topic* to = topic(type);
  if (to == nullptr || cancelled_) return 0;
  std::size_t taken = 0;
  for (const auto& [cell, subscription] : to->subscribers) {
    if (full(*cell)) {
      counters_.add(Counter::mailbox_dropped);
      if (config_.dead_letter) config_.dead_letter("mailbox_full", self_);
      continue;
    }
    push(*cell, NotificationEvent{type, subscription, value});
    ++taken;
  }
  return taken;
}

void Core::handle(Cell& cell, NotificationEvent& event) {
  for (const auto& subscription : cell.subscriptions) {
    if (subscription->id != event.subscription) continue;
    counters_.add(Counter::notification_delivered);
    return subscription->handler(event.value);
  }
}

void Core::unsubscribe(Cell& cell, detail::TypeKey type) {
  if (Topic* from = topic(type)) {
    std::erase_if(from->subscribers, [&cell](const auto& subscriber) { return subscriber.first == &cell; });
  }
  const auto held = std::ranges::find(cell.subscriptions, type, [](const auto& one) { return one->type; });
  if (held == cell.subscriptions.end()) return;
  retired_.push_back(std::move(*held));
  cell.subscriptions.erase(held);
}

// -- Processes.

void Core::call_process(Cell& cell, std::string address, std::string method, Bytes body, Duration timeout,
                        detail::ProcessReply reply) {
  if (processes_ == nullptr || cancelled_) {
    const auto code = cancelled_ ? ErrorCode::stopping : ErrorCode::unsupported;
    push(cell, CallbackEvent{
                   [reply = std::move(reply), code]() mutable { reply(fail(code, "the runtime runs in no node")); }});
    return;
  }
  if (timeout.count() <= 0) timeout = config_.request_timeout;
  auto room = [anchor = AnchorRef(anchor_), to = &cell, incarnation = cell.incarnation, address]() mutable {
    Core* core = anchor.core();
    if (core == nullptr || to->incarnation != incarnation) return;
    core->push(*to, CallbackEvent{[to, address = std::move(address)] { to->protocol->on_process_writable(address); }});
  };
  processes_->call(
      cell.name, std::move(address), std::move(method), std::move(body), timeout,
      [anchor = AnchorRef(anchor_), to = &cell, incarnation = cell.incarnation,
       reply = std::move(reply)](Result<Bytes> answer) mutable {
        Core* core = anchor.core();
        if (core == nullptr || to->incarnation != incarnation) return;
        core->push(*to, CallbackEvent{[reply = std::move(reply), answer = std::move(answer)]() mutable {
          reply(std::move(answer));
        }});
      },
      std::move(room));
}

void Core::handle(Cell& cell, std::unique_ptr<ProcessEvent>& event) {
  const auto method = std::ranges::find(cell.process_methods, event->method, [](const auto& one) { return one->name; });
  if (method == cell.process_methods.end()) {
    return event->reply(fail(ErrorCode::no_such_method, cell.name + " has no method " + event->method));
  }
  (*method)->handler(std::move(event->caller), event->body, ProcessAnswer(std::move(event->reply)));
}

}  // namespace myelin::protocol
