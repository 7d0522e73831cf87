// The shard's face of an Exchange: what arrives, and what the guest asked for in its last slice.
#include "kernel/exchange.hpp"

#include "base/check.hpp"
#include "kernel/actor.hpp"
#include "kernel/shard.hpp"

#include <algorithm>

namespace myelin::kernel {

namespace {

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
  record->id = delivery.id;
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

void Exchange::flush_all() {
  dirty_ = false;
  ParcelQueue outbox = std::move(outbox_);
  while (!outbox.empty()) {
    auto letter = as<Letter>(outbox.pop_front());
    if (letter->state == Letter::State::sent)
      dispatch(std::move(letter));
    else
      actor_.shard().settle(std::move(letter));
  }
  for (Answered& answered : std::exchange(answers_, {})) give_answer(std::move(answered));
  for (auto& gone : std::exchange(dropped_, {}))
    actor_.shard().finish(std::move(gone), Ending{Message(), std::nullopt});
  if (std::exchange(released_, false)) actor_.tell_roomy();
}

// What could not be handed over on the guest's stack.
void Exchange::dispatch(LetterPtr letter) {
  Shard& shard = actor_.shard();
  Core& core = shard.core;
  auto address = Address::parse(letter->text(letter->target), core.config.aliases);
  if (!address) return refuse(std::move(letter), address.error());
  if (!core.own(address->node)) return dispatch_remote(std::move(letter), std::move(*address));
  std::optional<Pid> pid;
  if (const auto* given = std::get_if<Pid>(&address->process))
    pid = *given;
  else
    pid = shard.names.find(std::get<std::string>(address->process));
  if (!pid)
    return refuse(std::move(letter), Error{ErrorCode::no_such_process,
                                           "no process is named '" + std::get<std::string>(address->process) + "'"});
  letter->to = *pid;
  const std::uint32_t home = core.shard_of(*pid).index;
  if (home == shard.index) return shard.deliver(std::move(letter));
  shard.send_across(home, std::move(letter));
}

void Exchange::refuse(LetterPtr letter, Error why) {
  letter->fail(std::move(why));
  actor_.shard().settle(std::move(letter));
}

void Exchange::dispatch_remote(LetterPtr letter, Address address) {
  Shard& shard = actor_.shard();
  Core& core = shard.core;
  if (core.route == nullptr) return refuse(std::move(letter), Error{ErrorCode::offline, "this node reaches no others"});
  Message message = letter->message();
  message.source.node = core.config.node;
  message.target = std::move(address);
  const std::uint64_t id = letter->sent_id;
  Remote remote;
  if (message.deadline)
    remote.timer = shard.loop.start_timer(*message.deadline, actor_.guarded([id](Actor& self) {
      self.exchange().end_remote(id, myelin::fail(ErrorCode::timeout, "the deadline has passed"));
    }));
  remote.letter = std::move(letter);
  remote_.emplace(id, std::move(remote));
  auto done = [held = core.shared_from_this(), &shard, pid = actor_.pid(), id](Outcome outcome) {
    held->post(shard, [pid, id, outcome = std::move(outcome)](Shard& home) mutable {
      if (Actor* actor = home.find(pid)) actor->exchange().end_remote(id, std::move(outcome));
    });
  };
  auto room = [held = core.shared_from_this(), &shard, pid = actor_.pid(),
               key = std::string(remote_[id].letter->text(remote_[id].letter->target))] {
    held->post(shard, [pid, key](Shard& home) {
      if (Actor* actor = home.find(pid)) actor->exchange().room(key);
    });
  };
  core.route->loop().post([held = core.shared_from_this(), message = std::move(message), done = std::move(done),
                           room = std::move(room)]() mutable {
    held->route->request(std::move(message), std::move(done), std::move(room));
  });
}

void Exchange::end_remote(std::uint64_t id, Outcome outcome) {
  auto found = remote_.extract(id);
  if (found.empty()) return;
  Remote remote = std::move(found.mapped());
  if (remote.timer != 0) actor_.shard().loop.cancel_timer(remote.timer);
  Letter& letter = *remote.letter;
  if (outcome) {
    letter.answer(std::move(*outcome));
  } else {
    Error why = std::move(outcome.error());
    if (why.code == ErrorCode::mailbox_full) {
      // Of several refusals one has the promise; it holds for all of them.
      const std::string key(letter.text(letter.target));
      const bool promised = std::exchange(why.detail, 0) == room_follows;
      letter.room_follows = promised ? expect_room(key, letter) : rooms_.contains(key);
    }
    letter.fail(std::move(why));
  }
  came_home(std::move(remote.letter));
}

void Exchange::give_answer(Answered answered) {
  Shard& shard = actor_.shard();
  Delivery& delivery = *answered.delivery;
  if (answered.error)
    return shard.finish(std::move(answered.delivery), Ending{myelin::fail(std::move(*answered.error)), std::nullopt});
  Message response;
  response.kind = Message::Kind::response;
  response.id = delivery.message.id;
  response.source.process = actor_.pid();
  response.target = delivery.message.source;
  response.method = delivery.message.method;
  response.correlation = delivery.message.correlation;
  response.metadata = std::move(answered.metadata);
  response.payload.mime = answered.mime;
  response.wants_response = false;
  if (!delivery.call) {
    response.body = std::move(answered.body);
    if (!answered.payload.empty()) {
      response.payload.size = answered.payload.size();
      response.payload.bytes = std::move(answered.payload);
    }
    return shard.finish(std::move(answered.delivery), Ending{std::move(response), std::nullopt});
  }
  if (delivery.tell_mime && !answered.mime.empty()) delivery.tell_mime(std::move(answered.mime));
  Rope output = answered.payload.empty() ? Rope(std::move(answered.body)) : std::move(answered.payload);
  std::size_t bytes = output.size();
  pumping_bytes_ += bytes;
  auto done = [core = shard.core.shared_from_this(), &shard, pid = actor_.pid(), bytes] {
    if (Actor* actor = shard.find(pid)) actor->exchange().pumping_bytes_ -= bytes;
  };
  shard.pumps.start(std::move(answered.delivery), std::move(output), Ending{std::move(response), std::nullopt},
                    std::move(done));
}

void Exchange::accepted(std::uint64_t epoch, std::size_t letters, std::size_t kept) {
  if (epoch != epoch_) return;
  open_ -= letters;
  open_bytes_ -= kept;
}

void Exchange::came_home(LetterPtr letter) {
  if (letter->epoch != epoch_) return;
  --open_;
  open_bytes_ -= letter->kept;
  if (letter->state == Letter::State::answered) {
    if (!letter->wants_response() && !letter->tells_accepted()) return;
    if (event_bytes_ > 0 && event_bytes_ + letter->answer_size() > actor_.limits().queue_bytes)
      letter->fail(Error{ErrorCode::limit, "the response does not fit beside those that wait to be received"});
  }
  letter->bytes = letter->context.size;
  if (letter->state == Letter::State::answered) {
    letter->bytes += letter->answer_size() - letter->answer_mime.size;
  } else {
    letter->bytes += letter->body.size + letter->metadata.size + letter->payload_size();
    if (letter->room_from) letter->room_follows = expect_room(letter->room_from->to_string(), *letter);
  }
  ++outcomes_;
  push_event(std::move(letter));
}

bool Exchange::expect_room(const std::string& key, const Letter& letter) {
  if (!rooms_.contains(key) && rooms_.size() >= actor_.limits().open_requests) return false;
  rooms_[key] = std::string(letter.text(letter.target));
  return true;
}

void Exchange::room(const std::string& key) {
  auto found = rooms_.extract(key);
  if (!found.empty()) push_notice(abi::Event::room, 0, 0, std::move(found.mapped()));
}

void Exchange::push_event(ParcelPtr event) {
  event->order = actor_.next_order();
  event_bytes_ += event->bytes;
  events_.push_back(std::move(event));
  actor_.wake();
}

void Exchange::push_notice(abi::Event kind, std::uint64_t id, std::uint32_t error, std::string source) {
  auto notice = std::make_unique<Notice>();
  notice->event = kind;
  notice->id = id;
  notice->error = error;
  notice->source = std::move(source);
  push_event(std::move(notice));
}

void Exchange::ready(std::uint64_t id, bool readable) {
  auto found = find_received(id);
  if (found == received_.end() || found->ended || !found->progress) return;
  bool& wanted = readable ? found->progress->readable_wanted : found->progress->writable_wanted;
  if (std::exchange(wanted, false)) push_notice(readable ? abi::Event::readable : abi::Event::writable, id);
}

bool Exchange::end_received(std::uint64_t ticket, Error why) {
  auto found = std::find_if(received_.begin(), received_.end(),
                            [&](const Received& each) { return each.parcel && each.parcel->ticket == ticket; });
  if (found == received_.end()) return false;
  const std::uint64_t id = found->id;
  const auto number = static_cast<std::uint32_t>(why.code);
  found->ended = why.code;
  found->progress.reset();
  ParcelPtr parcel = std::move(found->parcel);
  actor_.shard().finish(std::move(parcel), std::move(why));
  push_notice(abi::Event::cancelled, id, number);
  return true;
}

void Exchange::reset(const Error& why) {
  flush();
  end_receive();
  ++epoch_;
  open_ = open_bytes_ = 0;
  for (auto& [id, remote] : std::exchange(remote_, {}))
    if (remote.timer != 0) actor_.shard().loop.cancel_timer(remote.timer);
  events_ = {};
  outcomes_ = 0;
  event_bytes_ = 0;
  rooms_.clear();
  draft_.reset();
  release_last();
  for (Received& received : std::exchange(received_, {})) {
    actor_.mailbox().release(received.bytes);
    if (received.parcel) actor_.shard().finish(std::move(received.parcel), why);
  }
  released_ = false;
  actor_.tell_roomy();
}

}  // namespace myelin::kernel
