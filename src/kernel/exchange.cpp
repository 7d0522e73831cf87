// The shard's face of an Exchange: what arrives, and what the guest asked for in its last slice.
#include "kernel/exchange.hpp"

#include "base/check.hpp"
#include "kernel/actor.hpp"
#include "kernel/shard.hpp"

#include <algorithm>

namespace myelin::kernel {

namespace {

std::size_t content_bytes(const Message& message) {
  const auto* rope = std::get_if<Rope>(&message.payload.bytes);
  return message.body.size() + message.metadata.size() + message.payload.mime.size() +
         (rope != nullptr ? rope->size() : 0);
}

void describe_payload(abi::Record& record, const Payload& payload) {
  record.mime = payload.mime;
  record.payload_size = payload.size;
  if (payload.present()) record.flags |= abi::has_payload;
  if (std::holds_alternative<io::PipeReader>(payload.bytes)) record.flags |= abi::stream;
  if (const auto* rope = std::get_if<Rope>(&payload.bytes)) record.payload_size = rope->size();
}

}  // namespace

Exchange::~Exchange() { end_receive(); }

void Exchange::prepare(Delivery& delivery) {
  const Message& message = delivery.message;
  auto record = std::make_unique<abi::Record>();
  record->event = delivery.call ? abi::Event::call : abi::Event::request;
  record->id = next_id_++;
  record->caller_kind = message.principal.kind;
  record->deadline = message.deadline;
  if (delivery.call || message.wants_response) record->flags |= abi::wants_response;
  describe_payload(*record, message.payload);
  if (!delivery.call) record->source = message.source.to_string();
  record->method = message.method;
  record->metadata = message.metadata;
  record->caller = message.principal.to_string();
  record->correlation = message.correlation;
  record->body = message.body;
  delivery.record = std::move(record);
}

void Exchange::flush() {
  for (std::uint64_t id : std::exchange(outbox_, {})) dispatch(id);
  for (Answered& answered : std::exchange(answers_, {})) give_answer(std::move(answered));
  for (Received& gone : std::exchange(dropped_, {}))
    if (gone.delivery) actor_.shard().finish(std::move(gone.delivery), Ending{Message(), std::nullopt});
  if (std::exchange(released_, false)) actor_.tell_roomy();
}

void Exchange::dispatch(std::uint64_t id) {
  auto found = open_.find(id);
  if (found == open_.end()) return;
  Shard& shard = actor_.shard();
  Core& core = shard.core;
  Open& open = found->second;
  auto target = Address::parse(open.sent.target, core.config.aliases);
  if (!target) return outcome(id, Ending{fail(target.error()), std::nullopt});
  Message message;
  message.id = id;
  message.source.process = actor_.pid();
  message.target = std::move(*target);
  message.method = open.sent.method;
  message.body = open.sent.body;
  message.metadata = open.sent.metadata;
  message.payload.mime = open.sent.mime;
  if (!open.payload.empty()) {
    message.payload.size = open.payload.size();
    message.payload.bytes = open.payload;
  }
  message.principal.kind = Principal::Kind::process;
  message.principal.pid = actor_.pid();
  message.wants_response = (open.sent.flags & abi::send_wants_response) != 0;
  if (open.sent.timeout > Duration::zero()) {
    Instant now = shard.loop.now();
    // The far end of time is no deadline.
    if (open.sent.timeout < Instant::max() - now) {
      message.deadline = now + open.sent.timeout;
      open.timer = shard.loop.start_timer(*message.deadline, actor_.guarded([id](Actor& self) {
        self.exchange().outcome(id, Ending{fail(ErrorCode::timeout, "the deadline has passed"), std::nullopt});
      }));
    }
  }
  if (!core.own(message.target.node)) return dispatch_remote(id, std::move(message));
  message.target.node = {};
  auto delivery = std::make_unique<Delivery>();
  delivery->ticket = core.next_ticket++;
  auto process = message.target.process;
  delivery->message = std::move(message);
  delivery->reply = [held = core.shared_from_this(), &shard, pid = actor_.pid(), id](Ending ending) {
    held->post(shard, [pid, id, ending = std::move(ending)](Shard& home) mutable {
      if (Actor* actor = home.find(pid)) actor->exchange().outcome(id, std::move(ending));
    });
  };
  core.route_delivery(shard, process, std::move(delivery));
}

void Exchange::dispatch_remote(std::uint64_t id, Message message) {
  Shard& shard = actor_.shard();
  Core& core = shard.core;
  if (core.route == nullptr)
    return outcome(id, Ending{fail(ErrorCode::offline, "this node reaches no others"), std::nullopt});
  message.source.node = core.config.node;
  auto done = [held = core.shared_from_this(), &shard, pid = actor_.pid(), id](Outcome outcome) {
    held->post(shard, [pid, id, outcome = std::move(outcome)](Shard& home) mutable {
      Actor* actor = home.find(pid);
      if (actor != nullptr) actor->exchange().outcome(id, Ending{std::move(outcome), std::nullopt});
    });
  };
  core.route->loop().post(
      [held = core.shared_from_this(), message = std::move(message), done = std::move(done)]() mutable {
        held->route->request(std::move(message), std::move(done));
      });
}

void Exchange::give_answer(Answered answered) {
  Shard& shard = actor_.shard();
  Delivery& delivery = *answered.delivery;
  if (answered.answer.error) {
    std::string reason = answered.answer.reason.empty() ? "the process refused" : answered.answer.reason;
    return shard.finish(std::move(answered.delivery),
                        Ending{fail(*answered.answer.error, std::move(reason), answered.answer.detail), std::nullopt});
  }
  Message response;
  response.kind = Message::Kind::response;
  response.id = delivery.message.id;
  response.source.process = actor_.pid();
  response.target = delivery.message.source;
  response.method = delivery.message.method;
  response.correlation = delivery.message.correlation;
  response.metadata = answered.answer.metadata;
  response.payload.mime = answered.answer.mime;
  response.wants_response = false;
  if (!delivery.call) {
    response.body = answered.answer.body;
    if (!answered.payload.empty()) {
      response.payload.size = answered.payload.size();
      response.payload.bytes = std::move(answered.payload);
    }
    return shard.finish(std::move(answered.delivery), Ending{std::move(response), std::nullopt});
  }
  if (delivery.tell_mime && !answered.answer.mime.empty()) delivery.tell_mime(answered.answer.mime);
  Rope output = answered.payload.empty() ? Rope(answered.answer.body) : std::move(answered.payload);
  std::size_t bytes = output.size();
  pumping_bytes_ += bytes;
  auto done = [core = shard.core.shared_from_this(), &shard, pid = actor_.pid(), bytes] {
    if (Actor* actor = shard.find(pid)) actor->exchange().pumping_bytes_ -= bytes;
  };
  shard.pumps.start(std::move(answered.delivery), std::move(output), Ending{std::move(response), std::nullopt},
                    std::move(done));
}

void Exchange::drop_open(std::map<std::uint64_t, Open>::iterator open) {
  if (open->second.timer != 0) actor_.shard().loop.cancel_timer(open->second.timer);
  open_bytes_ -= open->second.bytes;
  open_.erase(open);
}

void Exchange::outcome(std::uint64_t id, Ending ending) {
  auto found = open_.find(id);
  if (found == open_.end()) return;
  abi::Sent sent = std::move(found->second.sent);
  Rope payload = std::move(found->second.payload);
  drop_open(found);
  bool silent = (sent.flags & (abi::send_wants_response | abi::send_tell_accepted)) == 0;
  if (ending.outcome && silent) return;
  if (ending.outcome) {
    std::size_t bytes = content_bytes(*ending.outcome);
    if (event_bytes_ > 0 && event_bytes_ + bytes > actor_.limits().queue_bytes)
      ending.outcome = fail(ErrorCode::limit, "the response does not fit beside those that wait to be received");
  }
  Queued event;
  event.outcome = true;
  abi::Record& record = event.record;
  record.id = id;
  record.context = std::move(sent.context);
  if (ending.outcome) {
    Message& response = *ending.outcome;
    record.event = abi::Event::response;
    record.source = response.source.to_string();
    record.metadata = response.metadata;
    record.body = response.body;
    describe_payload(record, response.payload);
    if (auto* rope = std::get_if<Rope>(&response.payload.bytes)) event.payload = std::move(*rope);
  } else {
    const Error& error = ending.outcome.error();
    record.event = abi::Event::error;
    record.error = static_cast<std::uint32_t>(error.code);
    record.detail = error.detail;
    record.reason = abi::one_line(std::string_view(error.message).substr(0, abi::reason_bytes));
    if (ending.room_from && rooms_.size() < actor_.limits().open_requests) {
      rooms_[*ending.room_from] = sent.target;
      record.flags |= abi::room_follows;
    }
    record.source = std::move(sent.target);
    record.method = std::move(sent.method);
    record.mime = std::move(sent.mime);
    record.metadata = std::move(sent.metadata);
    record.body = std::move(sent.body);
    if (!payload.empty()) {
      record.flags |= abi::has_payload;
      record.payload_size = payload.size();
      event.payload = std::move(payload);
    }
  }
  event.bytes = record.body.size() + record.metadata.size() + record.context.size() + event.payload.size();
  push_event(std::move(event));
}

void Exchange::room(const Pid& from) {
  auto found = rooms_.find(from);
  if (found == rooms_.end()) return;
  Queued event;
  event.record.event = abi::Event::room;
  event.record.source = std::move(found->second);
  rooms_.erase(found);
  push_event(std::move(event));
}

void Exchange::push_event(Queued event) {
  event.order = actor_.next_order();
  if (event.outcome) ++outcomes_;
  event_bytes_ += event.bytes;
  events_.push_back(std::move(event));
  actor_.wake();
}

void Exchange::push_simple(abi::Event kind, std::uint64_t id) {
  Queued event;
  event.record.event = kind;
  event.record.id = id;
  push_event(std::move(event));
}

void Exchange::ready(std::uint64_t id, bool readable) {
  auto found = received_.find(id);
  if (found == received_.end() || found->second.ended) return;
  bool& wanted = readable ? found->second.readable_wanted : found->second.writable_wanted;
  if (std::exchange(wanted, false)) push_simple(readable ? abi::Event::readable : abi::Event::writable, id);
}

bool Exchange::end_received(std::uint64_t ticket, Error why) {
  auto found = std::find_if(received_.begin(), received_.end(), [&](const auto& each) {
    return each.second.delivery && each.second.delivery->ticket == ticket;
  });
  if (found == received_.end()) return false;
  Received& received = found->second;
  received.ended = why;
  received.response.clear();
  Queued event;
  event.record.event = abi::Event::cancelled;
  event.record.id = found->first;
  event.record.error = static_cast<std::uint32_t>(why.code);
  actor_.shard().finish(std::move(received.delivery), std::move(why));
  push_event(std::move(event));
  return true;
}

void Exchange::reset(const Error& why) {
  flush();
  end_receive();
  while (!open_.empty()) drop_open(open_.begin());
  events_.clear();
  outcomes_ = 0;
  event_bytes_ = 0;
  rooms_.clear();
  draft_.reset();
  release_last();
  for (auto& [id, received] : std::exchange(received_, {})) {
    actor_.mailbox().release(received.bytes);
    if (received.delivery) actor_.shard().finish(std::move(received.delivery), why);
  }
  released_ = false;
  actor_.tell_roomy();
}

}  // namespace myelin::kernel
