// The core's side of its channel: sessions, messages in, sends and their ends.
#include "protocol/core_impl.hpp"

#include <algorithm>

namespace myelin::protocol {

// -- Types on the wire.

// A wire name has one type in a runtime, and one handler: W3 tells nothing else apart.
Result<void> Core::check_wire(const Cell& cell, const MessageType& type, bool for_handler) const {
  for (const auto& other : cells_) {
    const MessageEntry* entry = other->messages.find_wire(type.wire);
    if (entry == nullptr) continue;
    if (entry->type != &type) {
      return fail(ErrorCode::conflict, std::string(type.name) + " has the wire id of " +
                                           std::string(entry->type->name) + " of " + other->name);
    }
    if (for_handler && other.get() != &cell && entry->handler) {
      return fail(ErrorCode::conflict, other->name + " handles " + std::string(type.name));
    }
  }
  return {};
}

void Core::add_wire(Cell& cell, MessageEntry& entry) {
  if (whole_) return;
  const WireId id = entry.type->wire;
  const auto at = std::ranges::lower_bound(wires_, id, {}, &Wire::id);
  if (at != wires_.end() && at->id == id) {
    *at = {id, &cell, &entry};
  } else {
    wires_.insert(at, {id, &cell, &entry});
  }
}

// -- Sessions.

void Core::tell_sessions(const SessionEvent& event) {
  for (const auto& cell : cells_) {
    if (!cell->ended()) push(*cell, std::make_unique<SessionEvent>(event));
  }
}

void Core::session_connected(const Host& host) {
  if (closed_) return;
  counters_.add(Counter::session_connected);
  const auto at = std::ranges::lower_bound(sessions_, host);
  if (at == sessions_.end() || *at != host) sessions_.insert(at, host);
  tell_sessions({SessionEvent::Kind::connected, host});
}

void Core::session_disconnected(const Host& host, const Error& why) {
  if (closed_) return;
  counters_.add(Counter::session_disconnected);
  const auto at = std::ranges::lower_bound(sessions_, host);
  if (at != sessions_.end() && *at == host) sessions_.erase(at);
  tell_sessions({SessionEvent::Kind::disconnected, host, why});
}

void Core::session_failed(const Host& host, const Error& why) {
  if (closed_) return;
  counters_.add(Counter::session_failed);
  tell_sessions({SessionEvent::Kind::failed, host, why});
}

void Core::session_given_up(const Host& host, unsigned attempts) {
  if (closed_) return;
  counters_.add(Counter::session_given_up);
  SessionEvent event{SessionEvent::Kind::given_up, host};
  event.attempts = attempts;
  tell_sessions(event);
}

void Core::session_blocked(const Host& host) {
  if (!closed_) tell_sessions({SessionEvent::Kind::blocked, host});
}
void Core::session_writable(const Host& host) {
  if (!closed_) tell_sessions({SessionEvent::Kind::writable, host});
}

void Core::transport_event(TransportEvent event) {
  if (closed_) return;
  SessionEvent told{SessionEvent::Kind::transport, std::move(event.host), std::move(event.error)};
  told.inbound = event.inbound;
  told.transport = event.kind;
  tell_sessions(told);
}

// -- Messages in.

bool Core::message(const Host& from, ProtocolId to, const MessageBox& box) {
  Cell* cell = cell_with(to);
  if (closed_ || cell == nullptr || cell->ended()) return offer(from, cell, nullptr, {});
  if (full(*cell)) {
    cell->refused = refused_ = true;
    return false;
  }
  push(*cell, MessageEvent{from, box});
  return true;
}

bool Core::message(const Host& from, ProtocolId to, MessageId id, View payload) {
  Cell* cell = cell_with(to);
  return offer(from, cell, cell != nullptr ? cell->messages.find(id) : nullptr, payload);
}

bool Core::message(const Host& from, WireId id, View payload) {
  const auto at = std::ranges::lower_bound(wires_, id, {}, &Wire::id);
  if (at == wires_.end() || at->id != id) {
    drop(closed_ ? Counter::message_dropped_stopping : Counter::message_dropped_unknown_id,
         closed_ ? "stopping" : "unknown_message", from);
    return true;
  }
  return offer(from, at->cell, at->entry, payload);
}

bool Core::offer(const Host& from, Cell* cell, MessageEntry* entry, View payload) {
  if (closed_ && late_left_ == 0) return drop(Counter::message_dropped_stopping, "stopping", from), true;
  if (cell == nullptr || cell->ended()) {
    return drop(Counter::message_dropped_unknown_id, "unknown_protocol", from), true;
  }
  // Between two instances nobody can decode it: it waits outside as if the mailbox were full.
  if (full(*cell) || cell->state == Cell::State::backoff) {
    cell->refused = refused_ = true;
    return false;
  }
  if (entry == nullptr || !entry->handler) {
    return drop(Counter::message_dropped_unknown_id, "unknown_message", from), true;
  }
  if (!entry->codec) return drop(Counter::message_dropped_decode_error, "no_serializer", from), true;
  if (may_handle_at_once(*cell)) return handle_at_once(*cell, *entry, from, payload);
  if (closed_) --late_left_;
  Result<MessageBox> box = fail(ErrorCode::protocol);
  try {
    box = entry->codec->decode(payload);
  } catch (const std::exception& error) {
    box = fail(ErrorCode::protocol, error.what());
  }
  if (!box) return malformed(*cell, box.error(), from), true;
  push(*cell, MessageEvent{from, std::move(*box)});
  return true;
}

void Core::malformed(const Cell& cell, const Error& error, const Host& from) {
  log(cell.name, LogLevel::warn, "malformed message", {{"from", from}, {"error", to_string(error)}});
  drop(Counter::message_dropped_decode_error, "malformed", from);
}

// -- Messages that are handled at once: as one event of a turn, without a mailbox in between.

void Core::batch_begins() {
  if (in_turn_) return;
  in_turn_ = in_batch_ = true;
  if (config_.stopwatch_ns) meter_.begin(config_.stopwatch_ns());
}

void Core::batch_ends() {
  if (!in_batch_) return;
  if (config_.stopwatch_ns) look_at_clock();
  in_turn_ = in_batch_ = false;
  if (cancelled_) return;
  // Who was refused is relieved in the turn, which comes later, when he waits.
  if (closed_ || ready_first_ != nullptr || !posts_.empty() || (refused_ && at_once_left_ == 0)) wake();
  arm();
}

// Calls the handler, and keeps what it throws until the codec, which an end of the instance destroys, has returned.
class Core::AtOnce final : public detail::MessageSink {
 public:
  AtOnce(Core& core, Cell& cell, const detail::MessageHandler& handler, const Host& from)
      : core_(core), cell_(cell), handler_(handler), from_(from) {}
  void take(const MessageBox& box) override {
    ++cell_.events;
    core_.counters_.add(Counter::message_dispatched);
    taken = true;
    thrown = what_is_thrown([&] { handler_(box, from_); });
  }
  bool taken = false;
  std::optional<std::string> thrown;

 private:
  Core& core_;
  Cell& cell_;
  const detail::MessageHandler& handler_;
  const Host& from_;
};

bool Core::handle_at_once(Cell& cell, const MessageEntry& entry, const Host& from, View payload) {
  if (at_once_left_ == 0) {
    cell.refused = refused_ = true;
    return false;
  }
  --at_once_left_;
  if (closed_) --late_left_;
  AtOnce sink(*this, cell, entry.handler, from);
  Result<void> shown;
  try {
    shown = entry.codec->show(payload, sink);
  } catch (const std::exception& error) {
    shown = fail(ErrorCode::protocol, error.what());
  }
  if (!sink.taken) return malformed(cell, shown.error(), from), true;
  if (sink.thrown) crashed(cell, std::move(*sink.thrown));
  after_event(cell);
  return true;
}

void Core::dropped(std::string_view why, const Host& from) {
  Counter counter = Counter::message_dropped_other;
  if (why == "version_mismatch") counter = Counter::session_version_mismatch;
  if (why == "unknown_layer" || why.ends_with("_header")) counter = Counter::message_dropped_header;
  drop(counter, why, from);
}

// -- What watchers ask.

const MessageType* Core::message_type(WireId id) const {
  for (const auto& cell : cells_) {
    if (const MessageEntry* entry = cell->messages.find_wire(id); entry != nullptr) return entry->type;
  }
  return nullptr;
}

std::optional<std::size_t> Core::encoded_size(const MessageBox& box) const {
  for (const auto& cell : cells_) {
    const MessageEntry* entry = cell->messages.find(box.type());
    if (entry == nullptr || entry->codec == nullptr) continue;
    Bytes bytes;
    Writer writer(bytes);
    bool encoded = false;  // what throws, or fails, could not be sent either
    const auto thrown = what_is_thrown([&] { encoded = entry->codec->encode(box, writer).has_value(); });
    return encoded && !thrown ? std::optional(writer.size()) : std::nullopt;
  }
  return std::nullopt;
}

// -- Messages out.

// What the sender registered for the type, or else what another protocol of this runtime did.
MessageEntry* Core::sender_entry(Cell& cell, const MessageType& type) {
  if (MessageEntry* own = cell.messages.find(type); own != nullptr && own->has_codec) return own;
  for (const auto& other : cells_) {
    if (MessageEntry* entry = other->messages.find(type); entry != nullptr && entry->has_codec) return entry;
  }
  return nullptr;
}

Result<void> Core::send(Cell& cell, MessageBox box, const Host& to, ProtocolId protocol) {
  if (cancelled_) return fail(ErrorCode::stopping, "the runtime has ended");
  if (!box) return fail(ErrorCode::bad_request, "no message");
  const MessageType& type = box.type();
  MessageEntry* entry = sender_entry(cell, type);
  if (entry == nullptr) return fail(ErrorCode::no_serializer, std::string(type.name));
  if (to == self_) return send_to_self(cell, *entry, std::move(box), protocol);
  const MessageEntry* own = cell.messages.find(type);
  const SendId id = own != nullptr && own->told ? sends_.add(cell.index, box, to) : 0;
  Result<void> taken = channel_.send(to, {protocol, std::move(box), entry->codec.get(), id});
  if (!taken && id != 0) const auto withdrawn = sends_.take(id);
  return taken;
}

// Where the bytes are made within the call, and nobody is told of the message later, it stays with its lender.
Result<void> Core::send_lent(Cell& cell, detail::BoxHead& lent, const Host& to, ProtocolId protocol) {
  const MessageEntry* entry = encodes_at_once_ && !cancelled_ ? cell.messages.find(*lent.type) : nullptr;
  if (entry == nullptr || !entry->has_codec || entry->told || to == self_) {
    return send(cell, MessageBox::kept(lent), to, protocol);
  }
  return channel_.send(to, {protocol, MessageBox::lent(lent), entry->codec.get(), 0});
}

// Comes back as bytes would: through the serializer, except where none ever runs.
Result<void> Core::send_to_self(Cell& cell, MessageEntry& entry, MessageBox box, ProtocolId protocol) {
  Cell* target = cell_with(protocol);
  if (target == nullptr || target->ended()) {
    return fail(ErrorCode::no_such_protocol, std::to_string(protocol));
  }
  if (full(*target)) return fail(ErrorCode::mailbox_full, target->name);
  MessageBox copy = box;
  if (!whole_) {
    Bytes bytes;
    Writer writer(bytes);
    if (auto encoded = entry.codec->encode(box, writer); !encoded) return encoded;
    Result<MessageBox> decoded = entry.codec->decode(bytes);
    if (!decoded) return fail(decoded.error());
    copy = std::move(*decoded);
  }
  push(*target, MessageEvent{self_, std::move(copy)});
  if (const MessageEntry* own = cell.messages.find(box.type()); own != nullptr && own->told) {
    push(cell, std::make_unique<ToldEvent>(std::move(box), self_, std::nullopt));
  }
  return {};
}

void Core::sent(SendId id) { told(id, std::nullopt); }
void Core::failed(SendId id, const Error& why) { told(id, why); }

void Core::told(SendId id, std::optional<Error> failed) {
  std::optional<Send> send = sends_.take(id);
  if (!send) return;
  push(*cells_[send->sender],
       std::make_unique<ToldEvent>(std::move(send->box), std::move(send->to), std::move(failed)));
}

}  // namespace myelin::protocol
