// The guest's face of an Exchange. Runs on the guest's stack: short, bounded, and nothing here calls out.
#include "kernel/actor.hpp"
#include "kernel/exchange.hpp"
#include "kernel/shard.hpp"

#include <algorithm>

namespace myelin::kernel {

namespace {

std::int32_t minus(ErrorCode code) { return -static_cast<std::int32_t>(code); }

// Bytes moved by one call of payload_read or payload_write: what bounds its time.
constexpr std::size_t transfer_bytes = limits::mib;

}  // namespace

bool Exchange::event_is_next() const {
  const Delivery* message = actor_.serves_mailbox() ? actor_.mailbox().front() : nullptr;
  return !events_.empty() && (message == nullptr || events_.front().order < message->order);
}

const abi::Record* Exchange::peek() const {
  if (event_is_next()) return &events_.front().record;
  const Delivery* message = actor_.serves_mailbox() ? actor_.mailbox().front() : nullptr;
  return message != nullptr ? message->record.get() : nullptr;
}

void Exchange::consume() {
  release_last();
  if (event_is_next())
    consume_event();
  else
    consume_message();
  actor_.period_begins();
}

void Exchange::consume_event() {
  Queued event = std::move(events_.front());
  events_.pop_front();
  event_bytes_ -= event.bytes;
  if (event.outcome) {
    --outcomes_;
    last_ = Last{event.record.id, std::move(event.payload), 0, false};
    return;
  }
  if (event.record.event != abi::Event::cancelled) return;
  auto ended = received_.extract(event.record.id);
  if (ended.empty()) return;
  actor_.mailbox().release(ended.mapped().bytes);
  released_ = true;
}

void Exchange::consume_message() {
  auto delivery = actor_.mailbox().pop();
  std::uint64_t id = delivery->record->id;
  actor_.remember_info(*delivery);
  delivery->record.reset();
  Received received;
  received.bytes = delivery->bytes;
  bool wanted = delivery->call || delivery->message.wants_response;
  if (!wanted) {
    last_ = Last{id, {}, delivery->bytes, true};
    if (auto* rope = std::get_if<Rope>(&delivery->message.payload.bytes)) last_.payload = std::move(*rope);
  }
  received.delivery = std::move(delivery);
  if (wanted)
    received_.emplace(id, std::move(received));
  else
    dropped_.push_back(std::move(received));
}

void Exchange::release_last() {
  if (last_.counted) {
    actor_.mailbox().release(last_.bytes);
    released_ = true;
  }
  last_ = Last{};
}

bool Exchange::begin_receive(std::int64_t timeout_ns) {
  if (timeout_ns == 0) return false;
  receiving_ = true;
  receive_until_.reset();
  io::Loop& loop = actor_.shard().loop;
  Instant now = loop.now();
  if (timeout_ns > 0 && Duration(timeout_ns) < Instant::max() - now) {
    receive_until_ = now + Duration(timeout_ns);
    receive_timer_ = loop.start_timer(*receive_until_, actor_.waker());
  }
  return true;
}

bool Exchange::receive_timed_out() const { return receive_until_ && actor_.shard().loop.now() >= *receive_until_; }

void Exchange::end_receive() {
  receiving_ = false;
  receive_until_.reset();
  if (receive_timer_ != 0) actor_.shard().loop.cancel_timer(std::exchange(receive_timer_, 0));
}

const Rope* Exchange::rope_of(std::uint64_t id) const {
  static const Rope nothing;
  if (id != 0 && id == last_.id) return last_.payload ? &*last_.payload : &nothing;
  auto found = received_.find(id);
  if (found == received_.end() || !found->second.delivery) return nullptr;
  return std::get_if<Rope>(&found->second.delivery->message.payload.bytes);
}

Result<Rope> Exchange::payload_for(std::uint8_t flags, std::uint64_t payload_id, Buffer given) {
  if (flags & abi::payload_is_draft) {
    Rope draft;
    if (draft_) draft = draft_->take();
    draft_.reset();
    return draft;
  }
  if ((flags & abi::payload_of_message) == 0) return given.empty() ? Rope() : Rope(std::move(given));
  const Rope* rope = rope_of(payload_id);
  if (rope == nullptr) return fail(ErrorCode::bad_request);
  return *rope;
}

std::int64_t Exchange::send(View bytes) {
  if (actor_.shard().core.stopped) return minus(ErrorCode::stopping);
  if (open_requests() >= actor_.limits().open_requests) return minus(ErrorCode::limit);
  auto sent = abi::decode_sent(bytes);
  if (!sent) return minus(sent.error().code);
  const bool draft = (sent->flags & abi::payload_is_draft) != 0;
  const Rope* other = rope_of(sent->payload_id);
  if ((sent->flags & abi::payload_of_message) && other == nullptr) return minus(ErrorCode::bad_request);
  std::size_t payload_bytes = draft ? draft_size() : other != nullptr ? other->size() : sent->payload.size();
  std::size_t kept = message_overhead_bytes + sent->body.size() + sent->context.size() + sent->metadata.size() +
                     sent->target.size() + sent->method.size() + payload_bytes;
  if (open_bytes_ + event_bytes_ + kept > actor_.limits().queue_bytes) return minus(ErrorCode::limit);
  Open open;
  open.payload = *payload_for(sent->flags, sent->payload_id, std::move(sent->payload));
  open.sent = std::move(*sent);
  open.bytes = kept;
  open_bytes_ += kept;
  std::uint64_t id = next_id_++;
  open_.emplace(id, std::move(open));
  outbox_.push_back(id);
  return static_cast<std::int64_t>(id);
}

std::int32_t Exchange::respond(std::uint64_t id, View bytes) {
  auto found = received_.find(id);
  if (found == received_.end()) return minus(ErrorCode::bad_request);
  if (found->second.ended) return minus(found->second.ended->code);
  auto answer = abi::decode_answer(bytes);
  if (!answer) return minus(answer.error().code);
  Received& received = found->second;
  const bool call = received.delivery->call;
  const Rope* other = rope_of(answer->payload_id);
  if ((answer->flags & abi::payload_of_message) && other == nullptr) return minus(ErrorCode::bad_request);
  std::size_t more = (answer->flags & abi::payload_is_draft) ? draft_size()
                     : other != nullptr                      ? other->size()
                                                             : answer->payload.size();
  if (received.response.size() + more > limits::payload_rope_bytes) return minus(ErrorCode::too_large);
  std::uint64_t most = actor_.limits().output_bytes_per_call;
  if (most != 0 && received.written + more + answer->body.size() > most) return minus(ErrorCode::too_large);
  if (call && pumping_bytes_ > limits::payload_rope_bytes) return minus(ErrorCode::limit);
  Answered answered;
  answered.payload = received.response.take();
  answered.payload.append(*payload_for(answer->flags, answer->payload_id, std::move(answer->payload)));
  // What was streamed already is the payload; the body is for callers who got none.
  if (call && received.written > 0) answer->body = {};
  answered.answer = std::move(*answer);
  answered.delivery = std::move(received.delivery);
  actor_.mailbox().release(received.bytes);
  released_ = true;
  received_.erase(found);
  answers_.push_back(std::move(answered));
  return 0;
}

std::optional<std::int32_t> Exchange::payload_read(std::uint64_t id, std::int64_t offset, MutableView into) {
  bool nowait = (id & abi::nowait) != 0;
  id &= ~abi::nowait;
  if (offset < 0) return minus(ErrorCode::bad_request);
  into = into.first(std::min(into.size(), transfer_bytes));
  if (const Rope* rope = rope_of(id)) {
    if (static_cast<std::uint64_t>(offset) >= rope->size()) return 0;
    return static_cast<std::int32_t>(rope->copy_to(into, static_cast<std::size_t>(offset)));
  }
  auto found = received_.find(id);
  if (found == received_.end()) return minus(ErrorCode::bad_request);
  Received& received = found->second;
  if (received.ended) return minus(received.ended->code);
  return read_stream(id, received, offset, into, nowait);
}

std::optional<std::int32_t> Exchange::read_stream(std::uint64_t id, Received& received, std::int64_t offset,
                                                  MutableView into, bool nowait) {
  auto* reader = std::get_if<io::PipeReader>(&received.delivery->message.payload.bytes);
  if (reader == nullptr || into.empty()) return 0;
  if (static_cast<std::uint64_t>(offset) != received.read) return minus(ErrorCode::bad_request);
  auto got = reader->try_read_into(into);
  if (!got) return minus(got.error().code);
  if (*got) {
    received.read += **got;
    return static_cast<std::int32_t>(**got);
  }
  received.readable_wanted = nowait;
  reader->on_ready(actor_.guarded([id, nowait](Actor& self) {
    if (nowait)
      self.exchange().ready(id, true);
    else
      self.wake();
  }));
  if (nowait) return abi::not_yet;
  return std::nullopt;
}

std::optional<std::int32_t> Exchange::payload_write(std::uint64_t id, View bytes) {
  bool nowait = (id & abi::nowait) != 0;
  id &= ~abi::nowait;
  bytes = bytes.first(std::min(bytes.size(), transfer_bytes));
  if (id == 0) {
    if (draft_size() + bytes.size() > limits::payload_rope_bytes) return minus(ErrorCode::too_large);
    if (!draft_) draft_.emplace();
    draft_->append_copy(bytes);
    return static_cast<std::int32_t>(bytes.size());
  }
  auto found = received_.find(id);
  if (found == received_.end()) return minus(ErrorCode::bad_request);
  Received& received = found->second;
  if (received.ended) return minus(received.ended->code);
  std::uint64_t most = actor_.limits().output_bytes_per_call;
  if (most != 0) {
    if (received.written >= most && !bytes.empty()) {
      actor_.abort_soon(Error{ErrorCode::trapped, "the output is over its limit"});
      return minus(ErrorCode::too_large);
    }
    bytes = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), most - received.written)));
  }
  if (received.delivery->call) return write_call(id, received, bytes, nowait);
  if (received.response.size() + bytes.size() > limits::payload_rope_bytes) return minus(ErrorCode::too_large);
  received.response.append_copy(bytes);
  received.written += bytes.size();
  return static_cast<std::int32_t>(bytes.size());
}

std::optional<std::int32_t> Exchange::write_call(std::uint64_t id, Received& received, View bytes, bool nowait) {
  if (bytes.empty()) return 0;
  io::PipeWriter& output = received.delivery->output;
  auto taken = output.try_write(bytes);
  if (!taken) return minus(ErrorCode::cancelled);
  if (*taken > 0) {
    received.written += *taken;
    return static_cast<std::int32_t>(*taken);
  }
  received.writable_wanted = nowait;
  output.on_ready(actor_.guarded([id, nowait](Actor& self) {
    if (nowait)
      self.exchange().ready(id, false);
    else
      self.wake();
  }));
  if (nowait) return abi::not_yet;
  return std::nullopt;
}

}  // namespace myelin::kernel
