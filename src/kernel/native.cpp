#include "kernel/native.hpp"

#include "base/log.hpp"
#include "kernel/admission.hpp"
#include "kernel/ask.hpp"
#include "kernel/shard.hpp"
#include "kernel/spawn.hpp"

#include <utility>

namespace myelin::kernel {
namespace {

constexpr std::size_t largest_call_bytes = limits::message_body_bytes;  // what comes in as a stream is gathered first

Message response_head(const Message& request, const Pid& from) {
  Message head;
  head.kind = Message::Kind::response;
  head.id = request.id;
  head.source.process = from;
  head.target = request.source;
  head.method = request.method;
  head.correlation = request.correlation;
  head.wants_response = false;
  return head;
}

Rope answer_bytes(Message& response) {
  if (!response.body.empty()) return Rope(std::move(response.body));
  if (auto* rope = std::get_if<Rope>(&response.payload.bytes)) return std::move(*rope);
  return {};
}

}  // namespace

void NativeProgram::write_log(std::string line) {
  if (native_ != nullptr && *native_ != nullptr) (*native_)->write_log(std::move(line));
}

void NativeProgram::has_ended() {
  if (native_ != nullptr && *native_ != nullptr) (*native_)->has_ended();
}

Native::Native(Shard& shard, Pid pid, NativeSpec spec, NativeProgram& program)
    : shard_(shard), pid_(pid), spec_(std::move(spec)), program_(program), started_at_(shard.loop.wall()) {
  program_.native_ = self_;
}

Native::~Native() { *self_ = nullptr; }

Result<void> Native::admissible(const Delivery& delivery) const {
  const Message& message = delivery.message;
  if (program_.over()) return fail(ErrorCode::no_such_process, "the process has ended");
  if (auto yes = admit(message.principal, spec_.access, message.method); !yes) return yes;
  if (!valid_method_name(message.method)) {
    return fail(ErrorCode::no_such_method, "'" + abi::one_line(message.method) + "' is no method name");
  }
  if (message.deadline && *message.deadline <= shard_.loop.now()) {
    return fail(ErrorCode::timeout, "the deadline has passed");
  }
  if (delivery.bytes > spec_.queue_bytes) return fail(ErrorCode::too_large, "larger than the mailbox");
  if (messages() >= spec_.queue_messages || delivery.bytes > spec_.queue_bytes - bytes_) {
    return fail(ErrorCode::mailbox_full, "the mailbox is full");
  }
  return {};
}

void Native::accept(std::unique_ptr<Delivery> delivery) {
  delivery->bytes = delivery_bytes(*delivery);
  if (auto yes = admissible(*delivery); !yes) {
    Ending ending = refusal(*delivery, yes.error(), refused_, pid_);
    return shard_.finish(std::move(delivery), std::move(ending));
  }
  ++calls_;
  ++(delivery->call ? shard_.counters.calls : shard_.counters.requests);
  bytes_ += delivery->bytes;
  Message& message = delivery->message;
  Message head = response_head(message, pid_);
  if (!delivery->call && !message.wants_response) {
    Message request = std::move(message);
    const std::size_t bytes = delivery->bytes;
    shard_.finish(std::move(delivery), Ending{std::move(head), {}});
    return hand_over_one_way(std::move(request), bytes);
  }
  shard_.track(*delivery, message.deadline, pid_);
  const std::uint64_t ticket = delivery->ticket;
  const std::size_t bytes = delivery->bytes;
  const bool call = delivery->call;
  Open& open = open_[ticket];
  open.delivery = std::move(delivery);
  open.bytes = bytes;
  open.head = std::move(head);
  if (call) return collect(ticket);
  hand_over(ticket, std::move(open.delivery->message));
}

// Gathers a call's input, then hands it over as the body of a request.
void Native::collect(std::uint64_t ticket) {
  const auto found = open_.find(ticket);
  if (found == open_.end()) return;
  Open& open = found->second;
  auto* input = std::get_if<io::PipeReader>(&open.delivery->message.payload.bytes);
  while (input != nullptr) {
    auto piece = input->try_read(limits::chunk_bytes);
    if (!piece) return refuse(ticket, piece.error());
    if (!*piece) {
      input->on_ready([self = self_, ticket] {
        if (*self != nullptr) (*self)->collect(ticket);
      });
      return;
    }
    if ((*piece)->empty()) break;
    const std::size_t size = (*piece)->size();
    if (open.input.size() + size > largest_call_bytes || bytes_ + size > spec_.queue_bytes) {
      return refuse(ticket, Error{ErrorCode::too_large, "the input is over its limit"});
    }
    open.bytes += size;
    bytes_ += size;
    open.input.append(Rope(std::move(**piece)));
  }
  Message request;
  const Message& asked = open.delivery->message;
  request.id = asked.id;
  request.source = asked.source;
  request.target = asked.target;
  request.method = asked.method;
  request.body = open.input.take().flatten();
  request.deadline = asked.deadline;
  request.principal = asked.principal;
  request.correlation = asked.correlation;
  hand_over(ticket, std::move(request));
}

void Native::hand_over(std::uint64_t ticket, Message request) {
  program_.message(std::move(request), [self = self_, ticket](Outcome outcome) {
    if (*self != nullptr) (*self)->ended(ticket, std::move(outcome));
  });
}

void Native::hand_over_one_way(Message request, std::size_t bytes) {
  ++one_way_;
  program_.message(std::move(request), [self = self_, bytes](const Outcome&) {
    if (*self == nullptr) return;
    --(*self)->one_way_;
    (*self)->give_back(bytes);
  });
}

void Native::ended(std::uint64_t ticket, Outcome outcome) {
  if (!outcome) return refuse(ticket, outcome.error());
  auto node = open_.extract(ticket);
  if (node.empty()) return;  // its deadline has passed, or its caller has left
  Open& open = node.mapped();
  give_back(open.bytes);
  if (!open.delivery->call) {
    open.head.body = std::move(outcome->body);
    open.head.payload = std::move(outcome->payload);
    open.head.metadata = std::move(outcome->metadata);
    return shard_.finish(std::move(open.delivery), Ending{std::move(open.head), {}});
  }
  if (open.delivery->tell_mime && !outcome->payload.mime.empty()) {
    open.delivery->tell_mime(std::move(outcome->payload.mime));
  }
  shard_.pumps.start(std::move(open.delivery), answer_bytes(*outcome), Ending{Message(), {}}, {});
}

void Native::refuse(std::uint64_t ticket, Error why) {
  auto node = open_.extract(ticket);
  if (node.empty()) return;
  give_back(node.mapped().bytes);
  shard_.finish(std::move(node.mapped().delivery), Ending{fail(std::move(why)), {}});
}

void Native::give_back(std::size_t bytes) {
  bytes_ -= bytes;
  if (!refused_.empty() && messages() <= spec_.queue_messages / 2 && bytes_ <= spec_.queue_bytes / 2)
    refused_.tell(shard_.core, pid_);
}

void Native::caller_left(std::uint64_t ticket) { refuse(ticket, {ErrorCode::cancelled, "the caller has left"}); }
void Native::deadline_passed(std::uint64_t ticket) { refuse(ticket, {ErrorCode::timeout, "the deadline has passed"}); }

void Native::end(const Error& why) {
  while (!open_.empty()) refuse(open_.begin()->first, why);
  refused_.tell(shard_.core, pid_);
  *self_ = nullptr;
  tell(line_waiters_);
  tell(end_waiters_);
  program_.removed(why);
}

// -- Its log, and who waits.

void Native::tell(std::map<std::uint64_t, io::Callback>& waiters) {
  for (auto& [id, callback] : std::exchange(waiters, {})) callback();
}

void Native::write_log(std::string line) {
  line += '\n';
  if (log_.write(as_view(line), shard_.loop.wall()) > 0) tell(line_waiters_);
}

void Native::has_ended() { tell(end_waiters_); }

std::uint64_t Native::on_line(io::Callback callback) {
  line_waiters_.emplace(next_waiter_, std::move(callback));
  return next_waiter_++;
}

std::uint64_t Native::on_end(io::Callback callback) {
  end_waiters_.emplace(next_waiter_, std::move(callback));
  return next_waiter_++;
}

void Native::withdraw(std::uint64_t id) {
  line_waiters_.erase(id);
  end_waiters_.erase(id);
}

ProcessInfo Native::describe() const {
  NativeStatus status = program_.status();
  ProcessInfo info;
  info.pid = pid_;
  info.name = spec_.name;
  info.kind = ProcessKind::native;
  info.state = status.state;
  info.parent = shard_.core.config.root_pid;
  info.methods = std::move(status.methods);
  info.limits.memory_pages = 0;
  info.limits.queue_messages = spec_.queue_messages;
  info.limits.queue_bytes = spec_.queue_bytes;
  info.restart = RestartPolicy::never;
  info.access = spec_.access;
  info.shard = shard_.index;
  info.restarts = status.restarts;
  info.calls = calls_;
  info.failures = status.failures;
  info.queued_messages = messages();
  info.queued_bytes = bytes_;
  info.started = started_at_;
  info.last_error = std::move(status.last_error);
  return info;
}

// -- The table.

Native* Natives::find(const Pid& pid) const {
  if (natives_.empty()) return nullptr;
  const auto found = natives_.find(pid);
  return found == natives_.end() ? nullptr : found->second.get();
}

Native& Natives::add(const Pid& pid, std::unique_ptr<Native> native) {
  return *natives_.emplace(pid, std::move(native)).first->second;
}

bool Natives::remove(const Pid& pid, const Error& why) {
  auto node = natives_.extract(pid);
  if (node.empty()) return false;
  node.mapped()->end(why);
  return true;
}

void Natives::remove_all(const Error& why) {
  while (!natives_.empty()) remove(Pid(natives_.begin()->first), why);
}

void Natives::count(KernelMetrics& into) const {
  for (const auto& [pid, native] : natives_) {
    ++into.processes;
    into.queued_messages += native->messages();
    into.queued_bytes += native->bytes();
  }
}

// -- Its beginning.

namespace {

io::Task<void> name_everywhere(std::shared_ptr<Core> core, io::Loop* caller, std::string name, Pid pid) {
  for (std::size_t i = 0; i < core->shards.size(); ++i)
    co_await ask<bool>(caller, core, i, [name, pid](Shard& shard) {
      shard.names.set(name, pid);
      return true;
    });
}

}  // namespace

io::Task<Result<ProcessInfo>> add_native(std::shared_ptr<Core> core, io::Loop* home, NativeSpec spec,
                                         NativeProgram* program) {
  SpawnSpec checked;
  checked.name = spec.name;
  checked.limits.queue_messages = spec.queue_messages;
  checked.limits.queue_bytes = spec.queue_bytes;
  if (auto fine = check_spec(*core, checked); !fine) co_return fail(fine.error());
  const std::string name = spec.name;
  if (!name.empty()) {
    auto reserved = co_await ask<Result<std::optional<Pid>>>(
        home, core, 0, [name](Shard& shard) { return shard.names.reserve(name, false); });
    if (!reserved) co_return fail(reserved.error());
  }
  Shard& shard = core->shard_at(*home);
  const Pid pid = mint_pid(*home, *core, shard);
  Result<ProcessInfo> info = fail(ErrorCode::stopping, "the node stops");
  if (!core->stopped) {
    info = shard.natives.add(pid, std::make_unique<Native>(shard, pid, std::move(spec), *program)).describe();
    ++shard.counters.spawned;
  }
  if (name.empty()) co_return info;
  if (info) co_await name_everywhere(core, home, name, pid);
  co_await ask<bool>(home, core, 0, [name](Shard& first) {
    first.names.unreserve(name);
    return true;
  });
  if (info) log::info("kernel", "spawned", {{"pid", pid.to_string()}, {"name", name}, {"kind", "native"}});
  co_return info;
}

}  // namespace myelin::kernel
