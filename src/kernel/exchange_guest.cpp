// The guest's face of an Exchange. Runs on the guest's stack: short and bounded; nothing here runs another guest or
// code that is not the kernel's.
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
  const Parcel* message = actor_.serves_mailbox() ? actor_.mailbox().front() : nullptr;
  return !events_.empty() && (message == nullptr || events_.front()->order < message->order);
}

const Parcel* Exchange::peek() const {
  const Parcel* message = actor_.serves_mailbox() ? actor_.mailbox().front() : nullptr;
  const Parcel* event = events_.front();
  if (event == nullptr || message == nullptr) return event != nullptr ? event : message;
  return event->order < message->order ? event : message;
}

abi::RecordView Exchange::record_of(const Parcel& parcel) const {
  switch (parcel.kind) {
    case Parcel::Kind::letter: {
      const auto& letter = static_cast<const Letter&>(parcel);
      return letter.state == Letter::State::sent ? letter.request_record() : letter.outcome_record();
    }
    case Parcel::Kind::delivery:
      return static_cast<const Delivery&>(parcel).record->view();
    default:
      return static_cast<const Notice&>(parcel).record();
  }
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
  ParcelPtr event = events_.pop_front();
  event_bytes_ -= event->bytes;
  if (event->kind == Parcel::Kind::letter) {
    --outcomes_;
    auto letter = as<Letter>(std::move(event));
    last_.id = letter->sent_id;
    last_.payload = std::move(letter->state == Letter::State::answered ? letter->answer_payload : letter->payload);
    return;
  }
  if (static_cast<const Notice&>(*event).event != abi::Event::cancelled) return;
  auto ended = find_received(event->id);
  if (ended == received_.end()) return;
  release(ended->bytes);
  received_.erase(ended);
}

// Whoever waits for room is told after the slice.
void Exchange::release(std::size_t bytes) {
  actor_.mailbox().release(bytes);
  if (!actor_.mailbox().refused().empty()) released_ = dirty_ = true;
}

void Exchange::consume_message() {
  ParcelPtr parcel = actor_.mailbox().pop();
  const std::uint64_t id = parcel->id;
  const std::size_t bytes = parcel->bytes;
  bool wanted = false;
  bool dropped = false;
  if (parcel->kind == Parcel::Kind::letter) {
    auto& letter = static_cast<Letter&>(*parcel);
    actor_.remember_info(letter);
    wanted = letter.wants_response();
    if (!wanted) last_.payload = std::move(letter.payload);
  } else {
    auto& delivery = static_cast<Delivery&>(*parcel);
    actor_.remember_info(delivery);
    delivery.record.reset();
    wanted = delivery.call || delivery.message.wants_response;
    if (!wanted) {
      if (auto* rope = std::get_if<Rope>(&delivery.message.payload.bytes))
        last_.payload = std::make_unique<Rope>(std::move(*rope));
      dropped = true;
    }
  }
  if (wanted) {
    received_.push_back(Received{id, std::move(parcel), bytes, std::nullopt, nullptr});
    return;
  }
  last_.id = id;
  last_.bytes = bytes;
  last_.counted = true;
  if (dropped) {
    dropped_.push_back(std::unique_ptr<Delivery>(as<Delivery>(std::move(parcel)).release()));
    dirty_ = true;
    return;
  }
  if (parcel->ticket != 0) actor_.shard().untrack(*parcel);
}

void Exchange::release_last() {
  if (last_.counted) release(last_.bytes);
  last_.id = 0;
  last_.counted = false;
  last_.payload.reset();
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

std::vector<Exchange::Received>::iterator Exchange::find_received(std::uint64_t id) {
  if (received_.size() == 1) return received_.front().id == id ? received_.begin() : received_.end();
  auto found = std::ranges::lower_bound(received_, id, {}, &Received::id);
  return found != received_.end() && found->id == id ? found : received_.end();
}

const Rope* Exchange::rope_of(std::uint64_t id) {
  static const Rope nothing{};
  if (id != 0 && id == last_.id) return last_.payload ? last_.payload.get() : &nothing;
  auto found = find_received(id);
  if (found == received_.end() || !found->parcel) return nullptr;
  if (found->parcel->kind == Parcel::Kind::delivery)
    return std::get_if<Rope>(&static_cast<const Delivery&>(*found->parcel).message.payload.bytes);
  return static_cast<const Letter&>(*found->parcel).payload.get();
}

Rope Exchange::payload_for(std::uint8_t flags, std::uint64_t payload_id, View given) {
  if (flags & abi::payload_is_draft) {
    Rope draft;
    if (draft_) draft = draft_->take();
    draft_.reset();
    return draft;
  }
  if ((flags & abi::payload_of_message) == 0) return given.empty() ? Rope() : Rope(Buffer::copy_of(given));
  return *rope_of(payload_id);
}

std::int64_t Exchange::send(View bytes) {
  Shard& shard = actor_.shard();
  if (shard.core.stopped.load(std::memory_order_relaxed)) return minus(ErrorCode::stopping);
  if (open_requests() >= actor_.limits().open_requests) return minus(ErrorCode::limit);
  auto sent = abi::decode_sent(bytes);
  if (!sent) return minus(sent.error().code);
  const bool draft = (sent->flags & abi::payload_is_draft) != 0;
  const Rope* other = (sent->flags & abi::payload_of_message) ? rope_of(sent->payload_id) : nullptr;
  if ((sent->flags & abi::payload_of_message) && other == nullptr) return minus(ErrorCode::bad_request);
  const std::size_t payload_bytes = draft ? draft_size() : other != nullptr ? other->size() : sent->payload.size();
  const std::size_t kept = message_overhead_bytes + sent->body.size() + sent->context.size() + sent->metadata.size() +
                           sent->target.size() + sent->method.size() + payload_bytes;
  if (open_bytes_ + event_bytes_ + kept > actor_.limits().queue_bytes) return minus(ErrorCode::limit);
  std::unique_ptr<Rope> payload;
  if (payload_bytes > 0) payload = std::make_unique<Rope>(payload_for(sent->flags, sent->payload_id, sent->payload));
  LetterPtr letter = Letter::make({shard.letters, *sent, std::move(payload), actor_.caller_text()});
  letter->from = actor_.pid();
  letter->home = actor_.handle();
  letter->epoch = epoch_;
  letter->kept = kept;
  letter->sent_id = next_id_++;
  if (sent->timeout > Duration::zero()) {
    // The far end of time is no deadline.
    const Instant now = shard.loop.now();
    if (sent->timeout < Instant::max() - now) letter->deadline = now + sent->timeout;
  }
  if (shard.core.send_watch != nullptr) [[unlikely]] {
    const std::string& name = actor_.process_name();
    shard.core.send_watch->guest_sends(name.empty() ? actor_.pid_text() : std::string_view(name), sent->target,
                                       sent->method, sent->body.size() + payload_bytes);
  }
  ++open_;
  open_bytes_ += kept;
  const auto id = static_cast<std::int64_t>(letter->sent_id);
  post(std::move(letter));
  return id;
}

void Exchange::post(LetterPtr letter) {
  if (outbox_.empty() && hand_over(letter)) return;
  outbox_.push_back(std::move(letter));
  dirty_ = true;
}

// Hands it to a mailbox of this shard, or on the way to another shard; false, and the letter stays, if neither is
// known.
bool Exchange::hand_over(LetterPtr& letter) {
  Shard& shard = actor_.shard();
  const Target target = targets_.find(shard, letter->text(letter->target));
  if (target.elsewhere) return false;
  if (target.here != nullptr) {
    if (!target.here->has_mailbox()) return false;
    target.here->accept(std::move(letter));
    return true;
  }
  letter->to = target.pid;
  shard.send_across(target.shard, std::move(letter));
  return true;
}

std::int32_t Exchange::respond(std::uint64_t id, View bytes) {
  auto found = find_received(id);
  if (found == received_.end()) return minus(ErrorCode::bad_request);
  if (found->ended) return minus(*found->ended);
  auto answer = abi::decode_answer(bytes);
  if (!answer) return minus(answer.error().code);
  const bool call = found->parcel->kind == Parcel::Kind::delivery && static_cast<Delivery&>(*found->parcel).call;
  const Rope* other = (answer->flags & abi::payload_of_message) ? rope_of(answer->payload_id) : nullptr;
  if ((answer->flags & abi::payload_of_message) && other == nullptr) return minus(ErrorCode::bad_request);
  std::size_t more = (answer->flags & abi::payload_is_draft) ? draft_size()
                     : other != nullptr                      ? other->size()
                                                             : answer->payload.size();
  const std::size_t written = found->progress ? found->progress->written : 0;
  const std::size_t kept = found->progress ? found->progress->response.size() : 0;
  if (kept + more > limits::payload_rope_bytes) return minus(ErrorCode::too_large);
  std::uint64_t most = actor_.limits().output_bytes_per_call;
  if (most != 0 && written + more + answer->body.size() > most) return minus(ErrorCode::too_large);
  if (call && pumping_bytes_ > limits::payload_rope_bytes) return minus(ErrorCode::limit);
  Rope payload;
  if (kept > 0) payload = found->progress->response.take();
  if (more > 0) payload.append(payload_for(answer->flags, answer->payload_id, answer->payload));
  // What was streamed already is the payload; the body is for callers who got none.
  if (call && written > 0) answer->body = {};
  release(found->bytes);
  return found->parcel->kind == Parcel::Kind::letter ? respond_to_letter(found, *answer, std::move(payload))
                                                     : respond_to_delivery(found, *answer, std::move(payload));
}

Error Exchange::refusal_of(const abi::Answer& answer) const {
  std::string reason = answer.reason.empty() ? "the process refused" : abi::one_line(answer.reason);
  return Error{*answer.error, std::move(reason), answer.detail};
}

std::int32_t Exchange::respond_to_letter(std::vector<Received>::iterator received, const abi::Answer& answer,
                                         Rope payload) {
  auto letter = as<Letter>(std::move(received->parcel));
  received_.erase(received);
  if (answer.error) {
    letter->fail(refusal_of(answer));
  } else {
    auto rope = payload.empty() ? nullptr : std::make_unique<Rope>(std::move(payload));
    letter->answer(actor_.pid_text(), answer.mime, answer.metadata, answer.body, std::move(rope));
  }
  go_home(std::move(letter));
  return 0;
}

// On its way home it does not overtake what was sent before.
void Exchange::go_home(LetterPtr letter) {
  if (outbox_.empty()) return actor_.shard().settle(std::move(letter));
  outbox_.push_back(std::move(letter));
  dirty_ = true;
}

std::int32_t Exchange::respond_to_delivery(std::vector<Received>::iterator received, const abi::Answer& answer,
                                           Rope payload) {
  Answered answered;
  answered.delivery.reset(as<Delivery>(std::move(received->parcel)).release());
  received_.erase(received);
  if (answer.error) answered.error = refusal_of(answer);
  answered.mime = answer.mime;
  answered.metadata = Buffer::copy_of(answer.metadata);
  answered.body = Buffer::copy_of(answer.body);
  answered.payload = std::move(payload);
  answers_.push_back(std::move(answered));
  dirty_ = true;
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
  auto found = find_received(id);
  if (found == received_.end()) return minus(ErrorCode::bad_request);
  if (found->ended) return minus(*found->ended);
  if (found->parcel->kind == Parcel::Kind::letter) return 0;
  return read_stream(*found, offset, into, nowait);
}

std::optional<std::int32_t> Exchange::read_stream(Received& received, std::int64_t offset, MutableView into,
                                                  bool nowait) {
  auto* reader = std::get_if<io::PipeReader>(&static_cast<Delivery&>(*received.parcel).message.payload.bytes);
  if (reader == nullptr || into.empty()) return 0;
  Progress& progress = received.begun();
  if (static_cast<std::uint64_t>(offset) != progress.read) return minus(ErrorCode::bad_request);
  auto got = reader->try_read_into(into);
  if (!got) return minus(got.error().code);
  if (*got) {
    progress.read += **got;
    return static_cast<std::int32_t>(**got);
  }
  progress.readable_wanted = nowait;
  reader->on_ready(actor_.guarded([id = received.id, nowait](Actor& self) {
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
  auto found = find_received(id);
  if (found == received_.end()) return minus(ErrorCode::bad_request);
  if (found->ended) return minus(*found->ended);
  Progress& progress = found->begun();
  std::uint64_t most = actor_.limits().output_bytes_per_call;
  if (most != 0) {
    if (progress.written >= most && !bytes.empty()) {
      actor_.abort_soon(Error{ErrorCode::trapped, "the output is over its limit"});
      return minus(ErrorCode::too_large);
    }
    bytes = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), most - progress.written)));
  }
  const bool call = found->parcel->kind == Parcel::Kind::delivery && static_cast<Delivery&>(*found->parcel).call;
  if (call) return write_call(*found, bytes, nowait);
  if (progress.response.size() + bytes.size() > limits::payload_rope_bytes) return minus(ErrorCode::too_large);
  progress.response.append_copy(bytes);
  progress.written += bytes.size();
  return static_cast<std::int32_t>(bytes.size());
}

std::optional<std::int32_t> Exchange::write_call(Received& received, View bytes, bool nowait) {
  if (bytes.empty()) return 0;
  io::PipeWriter& output = static_cast<Delivery&>(*received.parcel).output;
  auto taken = output.try_write(bytes);
  if (!taken) return minus(ErrorCode::cancelled);
  if (*taken > 0) {
    received.begun().written += *taken;
    return static_cast<std::int32_t>(*taken);
  }
  received.begun().writable_wanted = nowait;
  output.on_ready(actor_.guarded([id = received.id, nowait](Actor& self) {
    if (nowait)
      self.exchange().ready(id, false);
    else
      self.wake();
  }));
  if (nowait) return abi::not_yet;
  return std::nullopt;
}

}  // namespace myelin::kernel
