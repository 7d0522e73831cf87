#include "glia/message_out.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace myelin::glia {
namespace {

constexpr Duration quiet_time = std::chrono::seconds(60);
// Messages and bytes that may wait for room on the stream; beyond it they are refused with `limit`.
constexpr std::size_t queue_messages = 4 * limits::open_requests;
constexpr std::size_t queue_bytes = 2 * limits::payload_rope_bytes;

std::size_t bytes_of(const kernel::Message& message) {
  const auto* rope = std::get_if<Rope>(&message.payload.bytes);
  return message.body.size() + message.metadata.size() + (rope ? rope->size() : 0);
}

}  // namespace

void MessageOut::send(kernel::Message message, kernel::OutcomeCallback done, kernel::RoomCallback room) {
  const std::size_t bytes = bytes_of(message);
  if (queue_.size() >= queue_messages || queued_bytes_ + bytes > queue_bytes) {
    context_.loop.post([done = std::move(done)]() mutable {
      done(fail(ErrorCode::limit, "too many messages wait for the link to the peer"));
    });
    return;
  }
  const std::uint64_t ticket = ++last_ticket_;
  Waiting& waiting = waiting_[ticket];
  waiting.done = std::move(done);
  waiting.room = std::move(room);
  if (message.deadline) {
    waiting.timer = context_.loop.start_timer(*message.deadline, [this, ticket] {
      waiting_[ticket].timer = 0;
      finish(ticket, fail(ErrorCode::timeout, "the deadline passed"));
    });
  }
  queued_bytes_ += bytes;
  queue_.push_back({ticket, std::move(message), bytes});
  queue_changed_.set();
}

void MessageOut::finish(std::uint64_t ticket, kernel::Outcome outcome) {
  const auto it = waiting_.find(ticket);
  if (it == waiting_.end()) return;
  auto waiting = std::move(it->second);
  waiting_.erase(it);
  if (waiting.timer != 0) context_.loop.cancel_timer(waiting.timer);
  if (const auto number = number_of_.find(ticket); number != number_of_.end()) {
    session_.forget(number->second);
    ticket_of_.erase(number->second);
    number_of_.erase(number);
  }
  waiting.done(std::move(outcome));
}

void MessageOut::fail_all(Error why) {
  closing_ = true;
  queue_.clear();
  queued_bytes_ = 0;
  while (!waiting_.empty()) finish(waiting_.begin()->first, fail(why));
  while (!rooms_.empty()) take_room(rooms_.begin()->first);
}

void MessageOut::take_outcome(WireOutcome outcome) {
  const auto ticket = ticket_of_.find(outcome.number);
  MYELIN_CHECK(ticket != ticket_of_.end(), "what the session waits for has a ticket");
  const std::uint64_t found = ticket->second;
  number_of_.erase(found);
  ticket_of_.erase(ticket);
  if (outcome.outcome) context_.metrics.bytes_in += bytes_of(*outcome.outcome);
  if (promises_room(outcome.outcome)) {
    kernel::RoomCallback room = std::move(waiting_[found].room);
    if (room)
      rooms_.emplace(outcome.number, std::move(room));
    else
      outcome.outcome.error().detail = 0;
  }
  finish(found, std::move(outcome.outcome));
}

void MessageOut::take_room(std::uint64_t number) {
  auto found = rooms_.extract(number);
  if (!found.empty()) found.mapped()();
}

Result<void> MessageOut::take_events() {
  while (true) {
    auto event = session_.next();
    if (!event) {
      ++context_.metrics.protocol_errors;
      return fail(event.error());
    }
    if (!*event) return {};
    if (auto* outcome = std::get_if<WireOutcome>(&**event))
      take_outcome(std::move(*outcome));
    else
      take_room(std::get<WireRoom>(**event).number);
  }
}

io::Task<void> MessageOut::read_outcomes() {
  while (!broken_) {
    auto bytes = co_await stream_->read(limits::chunk_bytes);
    if (!bytes) {
      broken_ = Error{ErrorCode::link_lost, "the link to the peer broke", 0};
    } else if (bytes->empty()) {
      const auto whole = session_.finish();
      broken_ = whole ? Error{ErrorCode::link_lost, "the peer closed the channel", 0} : whole.error();
    } else {
      session_.feed(std::move(*bytes));
      if (auto taken = take_events(); !taken) broken_ = taken.error();
    }
  }
  quit_.fire();
}

io::Task<bool> MessageOut::write_queue() {
  while (!broken_) {
    if (queue_.empty()) {
      queue_changed_.reset();
      const Instant until = context_.loop.now() + quiet_time;
      const auto woken = co_await queue_changed_.wait_until(until, quit_.token());
      if (!woken && woken.error().code == ErrorCode::timeout && waiting_.empty() && rooms_.empty() && queue_.empty())
        co_return true;
      continue;
    }
    Queued next = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= next.bytes;
    if (!waiting_.contains(next.ticket)) continue;  // its deadline has passed: not sent at all
    const std::uint64_t number = session_.next_number();
    auto encoded = encode_message(number, next.message, context_.loop.now());
    if (!encoded) {
      session_.take_back(number);
      finish(next.ticket, fail(encoded.error()));
      continue;
    }
    ticket_of_[number] = next.ticket;
    number_of_[next.ticket] = number;
    context_.metrics.bytes_out += next.bytes;
    if (!(co_await stream_->write(std::move(*encoded)))) break;
  }
  co_return false;
}

io::Task<void> MessageOut::run() {
  const io::CancelCallback stopping(context_.scope.token(), [this] {
    if (!broken_) broken_ = Error{ErrorCode::stopping, "the node is going down", 0};
    fail_all(*broken_);
    quit_.fire();
    if (stream_) stream_->reset();
  });
  std::vector<std::string> protocols{message_protocol};
  auto stream = co_await context_.host.open(peer_, std::move(protocols), quit_.token());
  if (!stream) {
    fail_all(broken_.value_or(stream.error()));
    co_return;
  }
  stream_ = std::move(*stream);
  if (!broken_) {
    scope_.spawn(read_outcomes());
    const bool quiet = co_await write_queue();
    fail_all(broken_.value_or(Error{ErrorCode::link_lost, "the link to the peer broke", 0}));
    const ResetTimer timer(context_.loop, context_.loop.now() + linger_time, *stream_);
    if (!quiet || !(co_await stream_->close_write())) stream_->reset();
    co_await scope_.join();  // the peer closes its half, or the timer ends it
  }
}

}  // namespace myelin::glia
