// Messages of a process: what is accepted, how a call begins and ends.
#include "base/check.hpp"
#include "kernel/actor.hpp"
#include "kernel/admission.hpp"
#include "kernel/shard.hpp"

#include <algorithm>

namespace myelin::kernel {

namespace {

bool known_method(const Classified& classified, std::string_view method) {
  switch (classified.kind) {
    case ProcessKind::mailbox:
      return method.empty() || valid_method_name(method);
    case ProcessKind::command:
      return method.empty() || method == "run";
    case ProcessKind::native:  // no guest is one
      return false;
    case ProcessKind::method:
      return std::find(classified.methods.begin(), classified.methods.end(), method) != classified.methods.end();
  }
  return false;
}

Message response_to(const Message& request, const Pid& from) {
  Message response;
  response.kind = Message::Kind::response;
  response.id = request.id;
  response.source.process = from;
  response.target = request.source;
  response.method = request.method;
  response.correlation = request.correlation;
  response.wants_response = false;
  return response;
}

}  // namespace

Result<void> Actor::admissible(Principal::Kind kind, const identity::PeerId& peer, std::string_view method,
                               const std::optional<Instant>& deadline, std::size_t bytes) const {
  if (over()) return fail(ErrorCode::no_such_process, "the process has ended");
  if (auto yes = admit(kind, peer, setup_.spec.access, method); !yes) return yes;
  if (!known_method(classified_, method))
    return fail(ErrorCode::no_such_method, "the process has no method '" + abi::one_line(method) + "'");
  if (deadline && *deadline <= shard_.loop.now()) return fail(ErrorCode::timeout, "the deadline has passed");
  if (mailbox_.fits(bytes)) return {};
  return mailbox_.check(bytes);
}

void Actor::accept(std::unique_ptr<Delivery> delivery) {
  const Message& message = delivery->message;
  delivery->bytes = delivery_bytes(*delivery);
  const Principal& asks = message.principal;
  if (auto yes = admissible(asks.kind, asks.peer, message.method, message.deadline, delivery->bytes); !yes)
    return refuse(std::move(delivery), yes.error());
  ++calls_;
  ++(delivery->call ? shard_.counters.calls : shard_.counters.requests);
  delivery->order = next_order();
  delivery->id = exchange_.next_id();
  shard_.track(*delivery, message.deadline, pid());
  if (has_mailbox()) exchange_.prepare(*delivery);
  if (!delivery->call && !message.wants_response) {
    ++shard_.counters.outcomes_ok;
    auto accepted = std::exchange(delivery->reply, nullptr);
    accepted(Ending{response_to(message, pid()), std::nullopt});
  }
  mailbox_.push(std::move(delivery));
  if (has_mailbox())
    wake();
  else
    next();
}

void Actor::accept(LetterPtr letter) {
  letter->bytes = message_overhead_bytes + letter->body.size + letter->metadata.size + letter->method.size +
                  letter->mime.size + letter->payload_size();
  static const identity::PeerId no_peer;
  const std::string_view method = letter->text(letter->method);
  if (auto yes = admissible(Principal::Kind::process, no_peer, method, letter->deadline, letter->bytes); !yes)
    return refuse(std::move(letter), yes.error());
  ++calls_;
  ++shard_.counters.requests;
  letter->order = next_order();
  letter->id = exchange_.next_id();
  if (letter->deadline) shard_.track(*letter, letter->deadline, pid());
  if (!letter->wants_response()) shard_.acknowledge(*letter, pid_text());
  mailbox_.push(std::move(letter));
  wake();
}

void Actor::refuse(std::unique_ptr<Delivery> delivery, Error why) {
  Ending ending = refusal(*delivery, std::move(why), mailbox_.refused(), pid());
  shard_.finish(std::move(delivery), std::move(ending));
}

void Actor::refuse(LetterPtr letter, Error why) {
  if (why.code == ErrorCode::mailbox_full && mailbox_.refused().want(letter->from)) letter->room_from = pid();
  shard_.finish(std::move(letter), std::move(why));
}

void Actor::tell_roomy() {
  if (!mailbox_.refused().empty() && mailbox_.roomy()) mailbox_.refused().tell(shard_.core, pid());
}

void Actor::next() {
  while (phase_ == Phase::idle && !stopped_ && !mailbox_.empty()) {
    std::unique_ptr<Delivery> delivery(as<Delivery>(mailbox_.pop()).release());
    mailbox_.release(delivery->bytes);
    begin_call(std::move(delivery));
  }
  tell_roomy();
}

void Actor::begin_call(std::unique_ptr<Delivery> delivery) {
  bool command = classified_.kind == ProcessKind::command;
  current_ = std::move(delivery);
  if (command) {
    if (auto made = make_instance(); !made) {
      ++failures_;
      note(made.error());
      return finish_current(fail(made.error()));
    }
  }
  auto begun = instance_->begin(command ? "_start" : current_->message.method);
  if (!begun) return finish_current(fail(begun.error()));
  phase_ = Phase::calling;
  bind_stdio(*current_);
  if (classified_.uses_info) remember_info(*current_);
  begin_period();
  enqueue();
}

// What a descriptor of the call leads to is not there any more.
void Actor::cut_links() {
  if (auto link = std::exchange(input_link_, nullptr)) *link = nullptr;
  if (auto link = std::exchange(output_link_, nullptr)) *link = nullptr;
  if (auto link = std::exchange(collected_link_, nullptr)) *link = nullptr;
}

void Actor::bind_stdio(Delivery& delivery) {
  OutputLimit limit{limits().output_bytes_per_call,
                    [this] { abort_soon(Error{ErrorCode::trapped, "the output is over its limit"}); }};
  // Links of its own: a descriptor that was kept from an earlier call must not lead to this one.
  cut_links();
  if (delivery.call) {
    auto* input = std::get_if<io::PipeReader>(&delivery.message.payload.bytes);
    if (input != nullptr) {
      input_link_ = std::make_shared<io::PipeReader*>(input);
      wasi_->bind(0, pipe_input(input_link_));
    }
    output_link_ = std::make_shared<io::PipeWriter*>(&delivery.output);
    wasi_->bind(1, pipe_output(output_link_, std::move(limit)));
    return;
  }
  const auto* rope = std::get_if<Rope>(&delivery.message.payload.bytes);
  wasi_->bind(0, rope_input(shard_.loop, rope != nullptr ? *rope : Rope(delivery.message.body)));
  if (limit.bytes == 0 || limit.bytes > limits::payload_rope_bytes) limit.bytes = limits::payload_rope_bytes;
  collected_link_ = std::make_shared<io::RopeBuilder*>(&collected_.emplace());
  wasi_->bind(1, rope_output(shard_.loop, collected_link_, std::move(limit)));
}

// The response of a method or command: what it wrote. To a request without payload it comes as body, if it fits.
Outcome Actor::response_of(Delivery& delivery) {
  Message response = response_to(delivery.message, pid());
  if (delivery.call) return response;
  Rope output;
  if (collected_) output = collected_->take();
  collected_.reset();
  if (!delivery.message.payload.present() && output.size() <= limits::message_body_bytes) {
    response.body = output.flatten();
    return response;
  }
  response.payload.size = output.size();
  response.payload.bytes = std::move(output);
  return response;
}

// The call under way is over for its caller. The instance, if it stays, keeps no way to it.
void Actor::finish_current(Result<void> result) {
  cancel_timer(wall_timer_);
  cancel_timer(grace_timer_);
  cut_links();
  if (classified_.uses_info) forget_info();
  if (instance_ && !instance_->busy()) {
    wasi_->bind(0, wasm::wasi::null_descriptor());
    wasi_->bind(1, wasm::wasi::null_descriptor());
  }
  auto delivery = std::move(current_);
  if (result) {
    Outcome response = response_of(*delivery);
    return shard_.finish(std::move(delivery), Ending{std::move(response), std::nullopt});
  }
  collected_.reset();
  shard_.finish(std::move(delivery), result.error());
}

// Ends the call under way from outside. The process goes on with a new instance at once, uncounted.
void Actor::abort_current(Error why) {
  ++failures_;
  finish_current(fail(why));
  drop_instance();
  if (classified_.kind != ProcessKind::command) return fresh(std::move(why));
  note(why);
  phase_ = Phase::idle;
  next();
}

void Actor::caller_left(std::uint64_t ticket) {
  Error left{ErrorCode::cancelled, "the caller has left"};
  if (auto queued = mailbox_.take(ticket)) {
    shard_.finish(std::move(queued), left);
    return tell_roomy();
  }
  if (exchange_.end_received(ticket, left)) return;
  if (!current_ || current_->ticket != ticket || current_->left) return;
  current_->left = true;
  grace_timer_ =
      shard_.loop.start_timer(shard_.loop.now() + shard_.core.config.leave_grace, guarded([left](Actor& self) {
                                self.grace_timer_ = 0;
                                self.abort_current(left);
                              }));
}

void Actor::deadline_passed(std::uint64_t ticket) {
  Error late{ErrorCode::timeout, "the deadline has passed"};
  if (auto queued = mailbox_.take(ticket)) {
    shard_.finish(std::move(queued), late);
    return tell_roomy();
  }
  if (exchange_.end_received(ticket, late)) return;
  if (current_ && current_->ticket == ticket) abort_current(std::move(late));
}

void Actor::remember_info(const Delivery& delivery) {
  if (!classified_.uses_info) return;
  const Message& message = delivery.message;
  info_.event = delivery.call ? abi::Event::call : abi::Event::request;
  info_.caller_kind = message.principal.kind;
  info_.deadline = message.deadline;
  info_.payload_size = message.payload.size;
  info_.protocol = delivery.call ? "ww/0.1.0" : "myelin/message/1";
  info_.method = message.method;
  info_.path = message.path;
  info_.caller = delivery.record ? delivery.record->caller : message.principal.to_string();
  info_.correlation = message.correlation;
  info_.mime = message.payload.mime;
}

void Actor::remember_info(const Letter& letter) {
  if (!classified_.uses_info) return;
  info_.event = abi::Event::request;
  info_.caller_kind = Principal::Kind::process;
  info_.deadline = letter.deadline;
  info_.payload_size.reset();
  if (letter.payload) info_.payload_size = letter.payload->size();
  info_.protocol = "myelin/message/1";
  info_.method = letter.text(letter.method);
  info_.path.clear();
  info_.caller = letter.caller_text();
  info_.correlation.clear();
  info_.mime = letter.text(letter.mime);
}

void Actor::forget_info() {
  if (!classified_.uses_info) return;
  info_ = abi::Info();
  info_.node = shard_.core.node_text;
  info_.pid = pid_text();
  info_.name = process_name();
}

}  // namespace myelin::kernel
