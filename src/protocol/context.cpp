#include "protocol/context.hpp"

#include "protocol/core_impl.hpp"

#include <algorithm>

namespace myelin::protocol {

Result<void> ProtocolContext::noted(Result<void> registered) {
  if (!registered && !cell_.registration_error) cell_.registration_error = registered.error();
  return registered;
}

const Host& ProtocolContext::self() const { return core_.self_; }
Duration ProtocolContext::now() const { return core_.executor_.now() - core_.clock_origin_; }
std::uint64_t ProtocolContext::random() { return core_.executor_.random(); }
Metrics& ProtocolContext::metrics() { return cell_.metrics; }
ProtocolId ProtocolContext::id() const { return cell_.id; }

Result<void> ProtocolContext::register_codec(Codec codec, bool yields) {
  const MessageType& type = *codec.type;
  if (auto free = core_.check_wire(cell_, type, false); !free) return noted(std::move(free));
  Result<MessageEntry*> entry = cell_.messages.entry(type);
  if (!entry) return noted(std::unexpected(std::move(entry.error())));
  if ((*entry)->has_codec && yields) return {};
  if ((*entry)->has_codec) return noted(fail(ErrorCode::conflict, std::string(type.name) + " has a serializer"));
  (*entry)->has_codec = true;
  if (!core_.whole_ || core_.config_.keep_codecs) (*entry)->codec = std::make_unique<Codec>(std::move(codec));
  return {};
}

Result<void> ProtocolContext::register_handler(const MessageType& type, detail::MessageHandler handler) {
  if (auto free = core_.check_wire(cell_, type, true); !free) return noted(std::move(free));
  Result<MessageEntry*> entry = cell_.messages.entry(type);
  if (!entry) return noted(std::unexpected(std::move(entry.error())));
  if ((*entry)->handler) return noted(fail(ErrorCode::conflict, std::string(type.name) + " has a handler"));
  (*entry)->handler = std::move(handler);
  core_.add_wire(cell_, **entry);
  return {};
}

Result<void> ProtocolContext::register_sent(const MessageType& type, detail::MessageHandler handler) {
  Result<MessageEntry*> entry = cell_.messages.entry(type);
  if (!entry) return noted(std::unexpected(std::move(entry.error())));
  if (!(*entry)->told) (*entry)->told = std::make_unique<MessageEntry::Told>();
  if ((*entry)->told->sent) return noted(fail(ErrorCode::conflict, std::string(type.name) + " has a sent handler"));
  (*entry)->told->sent = std::move(handler);
  return {};
}

Result<void> ProtocolContext::register_failed(const MessageType& type, detail::FailedHandler handler) {
  Result<MessageEntry*> entry = cell_.messages.entry(type);
  if (!entry) return noted(std::unexpected(std::move(entry.error())));
  if (!(*entry)->told) (*entry)->told = std::make_unique<MessageEntry::Told>();
  if ((*entry)->told->failed) return noted(fail(ErrorCode::conflict, std::string(type.name) + " has a failed handler"));
  (*entry)->told->failed = std::move(handler);
  return {};
}

void ProtocolContext::connect(const Host& to) {
  if (!core_.cancelled_) core_.channel_.connect(to);
}
void ProtocolContext::disconnect(const Host& from) {
  if (!core_.cancelled_) core_.channel_.disconnect(from);
}
Result<void> ProtocolContext::send(MessageBox message, const Host& to, ProtocolId protocol) {
  return core_.send(cell_, std::move(message), to, protocol);
}

Result<void> ProtocolContext::send_lent(detail::BoxHead& lent, const Host& to, std::optional<ProtocolId> protocol) {
  return core_.send_lent(cell_, lent, to, protocol ? *protocol : cell_.id);
}

TimerId ProtocolContext::start_timer(Duration first, Duration period, std::function<void()> callback) {
  period = std::max(period, Duration{0});
  const TimerId id = core_.timers_.start(cell_.index, core_.after(first), period, std::move(callback));
  core_.arm_outside_turn();
  return id;
}
bool ProtocolContext::cancel_timer(TimerId id) { return core_.timers_.cancel(cell_.index, id); }

Result<void> ProtocolContext::register_request_handler(detail::TypeKey request, detail::RequestHandler handler) {
  RequestHandlerEntry* entry = core_.request_handler(request);
  if (entry == nullptr) {
    core_.request_handlers_.push_back(std::make_unique<RequestHandlerEntry>(request, cell_.index, nullptr));
    entry = core_.request_handlers_.back().get();
  } else if (entry->handler) {
    return noted(fail(ErrorCode::conflict, core_.cells_[entry->owner]->name + " handles requests of that type"));
  }
  entry->owner = cell_.index;
  entry->handler = std::move(handler);
  return {};
}

void ProtocolContext::request(detail::TypeKey type, std::string_view name, detail::Value value, Duration timeout,
                              detail::ReplyHandler reply) {
  core_.request(cell_, type, name, std::move(value), timeout, std::move(reply));
}

Result<void> ProtocolContext::subscribe(detail::TypeKey notification,
                                        std::function<void(const detail::Value&)> handler) {
  for (const auto& held : cell_.subscriptions) {
    if (held->type == notification) return noted(fail(ErrorCode::conflict, "subscribed already"));
  }
  Core::Topic* topic = core_.topic(notification);
  if (topic == nullptr) topic = &core_.topics_.emplace_back(notification);
  const std::uint64_t id = core_.next_subscription_++;
  topic->subscribers.emplace_back(&cell_, id);
  cell_.subscriptions.push_back(std::make_unique<Subscription>(notification, id, std::move(handler)));
  return {};
}
void ProtocolContext::unsubscribe(detail::TypeKey notification) { core_.unsubscribe(cell_, notification); }
std::size_t ProtocolContext::publish(detail::TypeKey notification, detail::Value value) {
  return core_.publish(notification, value);
}

Result<void> ProtocolContext::register_process_handler(std::string method, detail::ProcessHandler handler) {
  for (const auto& held : cell_.process_methods) {
    if (held->name == method) return noted(fail(ErrorCode::conflict, "method " + method + " has a handler"));
  }
  cell_.process_methods.push_back(std::make_unique<ProcessMethod>(std::move(method), std::move(handler)));
  return {};
}
void ProtocolContext::call_process(std::string address, std::string method, Bytes body, Duration timeout,
                                   detail::ProcessReply reply) {
  core_.call_process(cell_, std::move(address), std::move(method), std::move(body), timeout, std::move(reply));
}

void ProtocolContext::defer(std::function<void()> callback) { core_.push(cell_, CallbackEvent{std::move(callback)}); }

void ProtocolContext::stop_runtime(std::string reason) {
  // Told in a turn of its own, as all that stops a runtime may end in its destruction.
  core_.post([core = &core_, reason = std::move(reason)]() mutable {
    if (core->on_stop) core->on_stop({StopReason::Kind::experiment, std::move(reason)});
  });
}

bool ProtocolContext::enabled(LogLevel level) const {
  return core_.config_.log_enabled && core_.config_.log_enabled(level);
}
void ProtocolContext::write(LogLevel level, std::string_view event, LogFields fields) {
  if (!enabled(level)) return;
  if (core_.config_.log) core_.config_.log("protocol", cell_.name, level, event, fields);
  if (core_.processes_ != nullptr) core_.processes_->log(cell_.name, level, event, fields);
}

}  // namespace myelin::protocol
