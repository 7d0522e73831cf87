#include "kernel/call.hpp"

#include "io/sync.hpp"
#include "kernel/delivery.hpp"
#include "kernel/shard.hpp"

#include <optional>

namespace myelin::kernel {

namespace {

// What the caller's end and the outcome on its way share: neither knows which lasts longer.
struct CallState {
  explicit CallState(io::Loop& l) : loop(l), event(l) {}
  io::Loop& loop;
  io::Event event;
  std::optional<Result<void>> result;
  std::string mime;
  io::Loop::TimerId timer = 0;

  // On the caller's loop. The first end counts.
  void end(Result<void> outcome) {
    if (result) return;
    if (timer != 0) loop.cancel_timer(std::exchange(timer, 0));
    result = std::move(outcome);
    event.set();
  }
};

using StatePtr = std::shared_ptr<CallState>;

io::Task<Result<void>> wait_end(StatePtr state) {
  co_await state->event.wait();
  co_return *state->result;
}

class CallBase : public Call {
 public:
  explicit CallBase(StatePtr state) : state_(std::move(state)) {}
  void set_pipes(io::PipeWriter input, io::PipeReader output) {
    input_ = std::move(input);
    output_ = std::move(output);
  }
  io::PipeWriter& input() override { return input_; }
  io::PipeReader& output() override { return output_; }
  io::Task<Result<void>> ended() override { return wait_end(state_); }
  std::string output_mime() const override { return state_->mime; }
  void cancel() override {
    if (state_->result) return;
    Error left{ErrorCode::cancelled, "the caller has left"};
    state_->end(fail(left));
    input_.fail(left);
    output_.leave(std::move(left));
    leave();
  }

 protected:
  virtual void leave() = 0;
  StatePtr state_;
  io::PipeWriter input_;
  io::PipeReader output_;
};

class LocalCall : public CallBase {
 public:
  LocalCall(StatePtr state, std::shared_ptr<Core> core, Shard& home, std::uint64_t ticket)
      : CallBase(std::move(state)), core_(std::move(core)), home_(home), ticket_(ticket) {}
  ~LocalCall() override { LocalCall::cancel(); }

 protected:
  void leave() override {
    core_->post(home_, [ticket = ticket_](Shard& shard) { shard.leave(ticket); });
  }

 private:
  std::shared_ptr<Core> core_;  // shared: posts
  Shard& home_;                 // the callee's
  std::uint64_t ticket_;
};

// Lives on the route's loop; fired when the caller leaves.
struct RouteSide {
  io::CancelSource source;
};

class RemoteCallEnd : public CallBase {
 public:
  RemoteCallEnd(StatePtr state, std::shared_ptr<Core> core, std::shared_ptr<std::unique_ptr<RouteSide>> side)
      : CallBase(std::move(state)), core_(std::move(core)), side_(std::move(side)) {}
  ~RemoteCallEnd() override { RemoteCallEnd::cancel(); }
  // Ends it from the caller's side (a deadline), telling the route.
  static void abandon(const std::shared_ptr<Core>& core, const std::shared_ptr<std::unique_ptr<RouteSide>>& side) {
    core->route->loop().post([held = core, side] {
      if (*side) (*side)->source.fire();
    });
  }

 protected:
  void leave() override { abandon(core_, side_); }

 private:
  std::shared_ptr<Core> core_;  // shared: posts
  std::shared_ptr<std::unique_ptr<RouteSide>> side_;
};

// A call that never reached anybody: its ends are there, and say why.
class RefusedCall : public CallBase {
 public:
  RefusedCall(StatePtr state, const Error& why) : CallBase(std::move(state)) {
    auto [input, unread] = io::make_pipe(state_->loop, state_->loop, limits::chunk_bytes);
    auto [unwritten, output] = io::make_pipe(state_->loop, state_->loop, limits::chunk_bytes);
    unread.leave(why);
    unwritten.fail(why);
    set_pipes(std::move(input), std::move(output));
    state_->end(fail(why));
  }

 protected:
  void leave() override {}
};

// Takes the output's MIME type on the callee's loop.
std::move_only_function<void(std::string)> mime_teller(const StatePtr& state, const io::Loop& callee) {
  return [state, same = &callee == &state->loop](std::string mime) {
    // On one loop the first byte may be read at once: so is this.
    if (same)
      state->mime = std::move(mime);
    else
      state->loop.post([state, mime = std::move(mime)]() mutable { state->mime = std::move(mime); });
  };
}

Message message_of(CallSpec& spec, io::PipeReader input) {
  Message message;
  message.target.node = spec.target.node;
  message.target.process = spec.target.process;
  message.method = std::move(spec.target.method);
  message.payload.mime = std::move(spec.mime);
  message.payload.size = spec.input_size;
  message.payload.bytes = std::move(input);
  message.deadline = spec.deadline;
  message.principal = std::move(spec.principal);
  message.path = std::move(spec.path);
  message.correlation = std::move(spec.correlation);
  return message;
}

std::unique_ptr<Call> start_local(const std::shared_ptr<Core>& core, io::Loop& caller, CallSpec spec) {
  auto state = std::make_shared<CallState>(caller);
  Shard& here = core->shard_at(caller);
  std::optional<Pid> pid;
  if (const auto* given = std::get_if<Pid>(&spec.target.process))
    pid = *given;
  else
    pid = here.names.find(std::get<std::string>(spec.target.process));
  if (!pid) {
    ++here.counters.outcomes_error[static_cast<std::size_t>(ErrorCode::no_such_process)];
    return std::make_unique<RefusedCall>(
        std::move(state),
        Error{ErrorCode::no_such_process, "no process is named '" + std::get<std::string>(spec.target.process) + "'"});
  }
  Shard& home = core->shard_of(*pid);
  auto [input, callee_input] = io::make_pipe(caller, home.loop, limits::pipe_bytes);
  auto [callee_output, output] = io::make_pipe(home.loop, caller, limits::pipe_bytes);
  auto delivery = std::make_unique<Delivery>();
  delivery->ticket = core->next_ticket++;
  delivery->call = true;
  delivery->message = message_of(spec, std::move(callee_input));
  delivery->output = std::move(callee_output);
  ++core->in_flight;
  delivery->reply = [core, state](Ending ending) {
    --core->in_flight;
    Result<void> result;
    if (!ending.outcome) result = fail(ending.outcome.error());
    state->loop.post([state, result = std::move(result)]() mutable { state->end(std::move(result)); });
  };
  delivery->tell_mime = mime_teller(state, home.loop);
  auto call = std::make_unique<LocalCall>(std::move(state), core, home, delivery->ticket);
  call->set_pipes(std::move(input), std::move(output));
  core->post(home, [pid = *pid, delivery = std::move(delivery)](Shard& shard) mutable {
    shard.deliver(pid, std::move(delivery));
  });
  return call;
}

std::unique_ptr<Call> start_remote(const std::shared_ptr<Core>& core, io::Loop& caller, CallSpec spec) {
  auto state = std::make_shared<CallState>(caller);
  io::Loop& route_loop = core->route->loop();
  auto [input, far_input] = io::make_pipe(caller, route_loop, limits::pipe_bytes);
  auto [far_output, output] = io::make_pipe(route_loop, caller, limits::pipe_bytes);
  auto side = std::make_shared<std::unique_ptr<RouteSide>>();
  ++core->in_flight;
  if (spec.deadline)
    state->timer = caller.start_timer(*spec.deadline, [core, state, side] {
      state->timer = 0;
      if (state->result) return;
      state->end(fail(ErrorCode::timeout, "the deadline has passed"));
      RemoteCallEnd::abandon(core, side);
    });
  RemoteCall remote;
  remote.spec = std::move(spec);
  remote.input = std::move(far_input);
  remote.output = std::move(far_output);
  remote.end = [core, state, side](Result<void> result) {
    --core->in_flight;
    side->reset();
    state->loop.post([state, result = std::move(result)]() mutable { state->end(std::move(result)); });
  };
  remote.tell_mime = mime_teller(state, route_loop);
  auto call = std::make_unique<RemoteCallEnd>(std::move(state), core, side);
  call->set_pipes(std::move(input), std::move(output));
  route_loop.post([core, side, remote = std::move(remote)]() mutable {
    *side = std::make_unique<RouteSide>();
    remote.left = (*side)->source.token();
    core->route->call(std::move(remote));
  });
  return call;
}

}  // namespace

std::unique_ptr<Call> start_call(const std::shared_ptr<Core>& core, io::Loop& caller, CallSpec spec) {
  auto refused = [&](ErrorCode code, const char* why) {
    ++core->shard_at(caller).counters.outcomes_error[static_cast<std::size_t>(code)];
    return std::make_unique<RefusedCall>(std::make_shared<CallState>(caller), Error{code, why});
  };
  if (core->stopped || core->draining) return refused(ErrorCode::stopping, "the node stops");
  if (core->own(spec.target.node)) return start_local(core, caller, std::move(spec));
  if (!spec.may_forward) return refused(ErrorCode::forbidden, "this node does not forward for others");
  if (core->route == nullptr) return refused(ErrorCode::offline, "this node reaches no others");
  return start_remote(core, caller, std::move(spec));
}

}  // namespace myelin::kernel
