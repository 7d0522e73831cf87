#include "protocol/process_bridge.hpp"

#include "base/check.hpp"
#include "base/log.hpp"
#include "protocol/log_format.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

namespace myelin::protocol {
static_assert(room_follows == kernel::room_follows);

namespace {

kernel::ProcessState state_of(std::string_view state) {
  using enum kernel::ProcessState;
  if (state == "starting") return starting;
  if (state == "running") return ready;
  if (state == "paused") return kernel::ProcessState::stopped;
  if (state == "backoff") return backoff;
  if (state == "stopped") return exited;
  return failed;
}

// What counts of a message: its body, or else its payload.
Bytes bytes_of(const kernel::Message& message) {
  View bytes = message.body.view();
  Buffer flat;
  if (bytes.empty()) {
    if (const auto* rope = std::get_if<Rope>(&message.payload.bytes)) {
      flat = rope->flatten();
      bytes = flat.view();
    }
  }
  return Bytes(bytes.begin(), bytes.end());
}

}  // namespace

// One protocol as the kernel sees it.
class ProcessBridge::Program final : public kernel::NativeProgram {
 public:
  Program(ProcessBridge& bridge, std::string name) : bridge_(bridge), core_(*bridge.core_), name_(std::move(name)) {}

  void message(kernel::Message request, kernel::OutcomeCallback done) override {
    Bytes body = bytes_of(request);
    std::string caller = request.principal.to_string();
    if (bridge_.on_message) bridge_.on_message(name_, caller, request.method, body.size());
    core_.process_message(name_, std::move(request.method), std::move(caller), std::move(body),
                          [done = std::move(done)](Result<Bytes> answer) mutable {
                            if (!answer) return done(fail(answer.error()));
                            kernel::Message response;
                            response.kind = kernel::Message::Kind::response;
                            // What is too large for a body is a payload.
                            if (answer->size() <= limits::message_body_bytes) {
                              response.body = Buffer::copy_of(*answer);
                            } else {
                              response.payload.bytes = Rope(Buffer::copy_of(*answer));
                              response.payload.size = answer->size();
                            }
                            done(std::move(response));
                          });
  }
  kernel::NativeStatus status() const override {
    kernel::NativeStatus status;
    status.methods = core_.process_methods(name_);
    for (const ProtocolStatus& each : core_.protocols()) {
      if (each.name != name_) continue;
      status.state = state_of(each.state);
      status.failures = each.crashes;
      status.restarts = each.restarts;
      status.last_error = each.last_error;
    }
    return status;
  }
  bool over() const override { return core_.ended(name_); }
  Result<void> signal(kernel::Signal signal) override {
    using Control = RuntimeCore::Control;
    switch (signal) {
      case kernel::Signal::kill:
        return core_.control(name_, Control::kill);
      case kernel::Signal::stop:
        return core_.control(name_, Control::pause);
      case kernel::Signal::resume:
        return core_.control(name_, Control::resume);
      case kernel::Signal::restart:
        return core_.control(name_, Control::restart);
    }
    return fail(ErrorCode::unsupported);
  }
  void removed(const Error&) override {
    entered = false;
    // Taken out by an operator, it ends; at the end of the runtime it has ended, and this does nothing.
    if (auto killed = core_.control(name_, RuntimeCore::Control::kill); !killed)
      log::debug("protocol", "removed after its end", {{"protocol", name_}, {"why", killed.error().message}});
  }

  Pid pid;
  bool entered = false;

 private:
  ProcessBridge& bridge_;
  RuntimeCore& core_;
  const std::string name_;
};

// A request to a process that has no outcome yet.
struct ProcessBridge::Call {
  detail::ProcessReply reply;
  std::move_only_function<void()> room;
  Promise promise;
  io::Loop::TimerId timer = 0;
};

ProcessBridge::ProcessBridge(kernel::Kernel& kernel, io::Loop& loop, kernel::AccessList access)
    : kernel_(kernel), loop_(loop), access_(std::move(access)), self_(std::make_shared<ProcessBridge*>(this)) {}

ProcessBridge::~ProcessBridge() {
  *self_ = nullptr;
  for (const auto& [id, call] : calls_) loop_.cancel_timer(call->timer);
  for (const auto& [name, program] : programs_) {
    MYELIN_CHECK(!program->entered || loop_.crashed(), "a bridge dies while its protocols are in the table");
  }
}

io::Task<Result<void>> ProcessBridge::start() {
  std::vector<std::string> names;
  for (const ProtocolStatus& each : core_->protocols()) names.push_back(each.name);
  for (const std::string& name : names) {
    Program& program = *(programs_[name] = std::make_unique<Program>(*this, name));
    kernel::NativeSpec spec;
    spec.name = name;
    spec.access = access_;
    Result<kernel::ProcessInfo> entered = co_await kernel_.add_native(loop_, std::move(spec), program);
    if (!entered) {
      co_await stop();
      co_return fail(entered.error().code, "process " + name + ": " + entered.error().message);
    }
    program.pid = entered->pid;
    program.entered = true;
  }
  co_return Result<void>{};
}

io::Task<void> ProcessBridge::stop() {
  std::vector<Pid> pids;
  for (const auto& [name, program] : programs_) {
    if (program->entered) pids.push_back(program->pid);
  }
  for (const Pid& pid : pids) (void)co_await kernel_.remove(loop_, pid);
}

void ProcessBridge::call(std::string_view protocol, std::string address, std::string method, Bytes body,
                         Duration timeout, detail::ProcessReply reply, std::move_only_function<void()> room) {
  Result<kernel::Address> target = kernel::Address::parse(address, kernel_.config().aliases);
  if (!target) return reply(fail(target.error()));
  const auto sender = programs_.find(protocol);
  if (sender == programs_.end() || !sender->second->entered) {
    return reply(fail(ErrorCode::stopping, "the protocol is not in the node's table"));
  }
  if (body.size() > limits::payload_rope_bytes) return reply(fail(ErrorCode::too_large, "the body is over its limit"));
  const std::uint64_t id = next_call_++;
  const Instant now = loop_.now();
  const Instant deadline = timeout > Instant::max() - now ? Instant::max() : now + timeout;
  kernel::Message message;
  message.id = id;
  message.source.process = sender->second->pid;
  if (!target->node.empty() && target->node != kernel_.config().node) message.source.node = kernel_.config().node;
  message.target = std::move(*target);
  message.method = std::move(method);
  if (body.size() <= limits::message_body_bytes) {
    message.body = Buffer::copy_of(body);
  } else {
    message.payload.bytes = Rope(Buffer::copy_of(body));
    message.payload.size = body.size();
  }
  message.deadline = deadline;
  message.principal.kind = kernel::Principal::Kind::process;
  message.principal.pid = sender->second->pid;
  Promise promise{sender->second->pid, message.target.to_string()};
  auto call = std::make_unique<Call>(std::move(reply), std::move(room), promise);
  call->timer = loop_.start_timer(deadline, [this, id] {
    calls_.at(id)->timer = 0;
    finish(id, fail(ErrorCode::timeout, "no answer in time"));
  });
  calls_.emplace(id, std::move(call));
  kernel_.request(
      loop_, std::move(message),
      [self = self_, id](kernel::Outcome outcome) {
        if (*self != nullptr) (*self)->finish(id, std::move(outcome));
      },
      [self = self_, promise = std::move(promise)] {
        if (*self != nullptr) (*self)->roomy(promise);
      });
}

void ProcessBridge::roomy(const Promise& promise) {
  auto told = rooms_.extract(promise);
  if (!told.empty()) told.mapped()();
}

void ProcessBridge::finish(std::uint64_t id, kernel::Outcome outcome) {
  auto node = calls_.extract(id);
  if (node.empty()) return;
  Call& call = *node.mapped();
  if (call.timer != 0) loop_.cancel_timer(call.timer);
  if (outcome) return call.reply(bytes_of(*outcome));
  Error why = std::move(outcome.error());
  if (why.code == ErrorCode::mailbox_full) {
    // One promise holds for all that the mailbox has refused since; who was refused last is told.
    if (why.detail == kernel::room_follows || rooms_.contains(call.promise)) {
      why.detail = room_follows;
      rooms_.insert_or_assign(std::move(call.promise), std::move(call.room));
    }
  }
  call.reply(fail(std::move(why)));
}

void ProcessBridge::log(std::string_view protocol, LogLevel level, std::string_view event, LogFields fields) {
  const auto program = programs_.find(protocol);
  if (program != programs_.end()) program->second->write_log(format_log_text(level, event, fields));
}

void ProcessBridge::ended(std::string_view protocol) {
  const auto program = programs_.find(protocol);
  if (program != programs_.end()) program->second->has_ended();
}

void ProcessBridge::name_processes(std::vector<ProtocolStatus>& list) const {
  for (ProtocolStatus& status : list) {
    const auto program = programs_.find(status.name);
    if (program != programs_.end() && program->second->entered) status.pid = program->second->pid.to_string();
  }
}

}  // namespace myelin::protocol
