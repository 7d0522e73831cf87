// Life of a process: start, restart, end.
#include "kernel/actor.hpp"

#include "base/check.hpp"
#include "base/log.hpp"
#include "kernel/shard.hpp"

#include <array>
#include <cstddef>
#include <new>

namespace myelin::kernel {

namespace {

// Of one thread.
struct KeptBlocks {
  std::array<void*, 64> blocks{};
  std::size_t count = 0;
  bool closed = false;
  KeptBlocks() = default;
  KeptBlocks(const KeptBlocks&) = delete;
  KeptBlocks& operator=(const KeptBlocks&) = delete;
  // What is freed after the thread's end is not kept.
  ~KeptBlocks() {
    while (count > 0) ::operator delete(blocks[--count]);
    closed = true;
  }
};
thread_local KeptBlocks kept_blocks;

}  // namespace

void* Actor::operator new(std::size_t bytes) {
  MYELIN_CHECK(bytes == sizeof(Actor), "nothing is derived from it");
  return kept_blocks.count > 0 ? kept_blocks.blocks[--kept_blocks.count] : ::operator new(bytes);
}

void Actor::operator delete(void* block) noexcept {
  if (!reuses_blocks || kept_blocks.closed || kept_blocks.count == kept_blocks.blocks.size())
    return ::operator delete(block);
  kept_blocks.blocks[kept_blocks.count++] = block;
}

Actor::Actor(Shard& shard, Setup setup)
    : shard_(shard),
      handle_(shard.slots.take(*this, shard.index)),
      mailbox_(setup.spec.limits.queue_messages, setup.spec.limits.queue_bytes),
      meter_(shard.core.config.slice_fuel, shard.core.config.slice_time, shard.core.config.adapt_slices),
      exchange_(*this),
      setup_(std::move(setup)),
      caller_text_("process " + setup_.pid.to_string()),
      backoff_(setup_.spec.restart) {}

Actor::~Actor() {
  cancel_timer(wall_timer_);
  cancel_timer(grace_timer_);
  cancel_timer(start_timer_);
  drop_instance();
  if (queued_) shard_.dequeue(*this);
  shard_.slots.give(handle_);
  *self_ = nullptr;
}

void Actor::start_first(Started started) {
  started_ = std::move(started);
  ++shard_.population;
  start();
}

void Actor::start() {
  phase_ = Phase::starting;
  forget_info();
  started_at_ = shard_.loop.wall();
  if (classified_.kind == ProcessKind::command) return this->started();
  if (auto made = make_instance(); !made) return start_failed(made.error());
  if (!classified_.has_initialize) return this->started();
  auto begun = instance_->begin("_initialize");
  MYELIN_CHECK(begun, "an export that was found can be called");
  wall_timer_ = shard_.loop.start_timer(shard_.loop.now() + start_limit, guarded([](Actor& self) {
                                          self.wall_timer_ = 0;
                                          self.drop_instance();
                                          self.start_failed(Error{ErrorCode::timeout, "_initialize took too long"});
                                        }));
  period_fuel_ = instance_->fuel_used();
  enqueue();
}

void Actor::started() {
  cancel_timer(wall_timer_);
  phase_ = Phase::idle;
  backoff_.up(shard_.loop.now());
  if (log::enabled("kernel", log::Level::debug))
    log::debug("kernel", "started", {{"pid", pid_text()}, {"name", process_name()}});
  if (auto tell = std::exchange(started_, nullptr)) tell({});
  if (classified_.kind != ProcessKind::mailbox) return next();
  auto begun = instance_->begin("run");
  MYELIN_CHECK(begun, "an export that was found can be called");
  phase_ = Phase::calling;
  begin_period();
  enqueue();
}

void Actor::start_failed(Error why) {
  cancel_timer(wall_timer_);
  if (auto tell = std::exchange(started_, nullptr)) {
    end_for_good(ProcessState::failed, why, Error{ErrorCode::no_such_process, "the process could not be started"});
    tell(fail(std::move(why)));
    return;
  }
  failure(std::move(why), true);
}

// Ends a caller could bring about at will: at once, uncounted.
void Actor::fresh(Error why) {
  note(why);
  exchange_.reset(why);
  start();
}

void Actor::failure(Error why, bool failed) {
  note(why);
  exchange_.reset(why);
  bool could_start = phase_ != Phase::starting;
  auto delay = backoff_.ended(shard_.loop.now(), failed);
  if (!delay)
    return end_for_good(could_start ? ProcessState::exited : ProcessState::failed, std::move(why),
                        Error{ErrorCode::no_such_process, "the process has ended"});
  phase_ = Phase::backoff;
  start_timer_ = shard_.loop.start_timer(shard_.loop.now() + *delay, guarded([](Actor& self) {
                                           self.start_timer_ = 0;
                                           ++self.restarts_;
                                           ++self.shard_.counters.restarts;
                                           self.start();
                                         }));
}

void Actor::end_for_good(ProcessState state, Error why, const Error& queued) {
  if (phase_ == Phase::ended) return;
  note(why);
  cancel_timer(start_timer_);
  cancel_timer(wall_timer_);
  drop_instance();
  exchange_.reset(why);
  phase_ = Phase::ended;
  end_state_ = state;
  stopped_ = false;
  flush_log();
  ParcelQueue left = mailbox_.take_all();
  while (!left.empty()) shard_.finish(left.pop_front(), queued);
  mailbox_.refused().tell(shard_.core, pid());
  --shard_.population;
  --shard_.core.processes;
  const log::Level level = setup_.passing ? log::Level::debug : log::Level::info;
  if (log::enabled("kernel", level))
    log::write("kernel", level, "ended", {{"pid", pid_text()}, {"name", process_name()}, {"why", last_error_}});
  auto waiters = std::exchange(end_waiters_, {});
  for (auto& [id, callback] : waiters) callback();
  shard_.ended(pid());
}

void Actor::kill(Error why) {
  if (over()) return;
  if (current_) finish_current(fail(why));
  auto tell = std::exchange(started_, nullptr);
  end_for_good(ProcessState::exited, why, Error{ErrorCode::no_such_process, "the process has ended"});
  if (tell) tell(fail(std::move(why)));
}

void Actor::stop_all(const Error& why) {
  if (over()) return;
  if (current_) finish_current(fail(why));
  auto tell = std::exchange(started_, nullptr);
  end_for_good(ProcessState::exited, why, why);
  if (tell) tell(fail(why));
}

void Actor::forget() {
  auto lines = std::exchange(line_waiters_, {});
  for (auto& [id, callback] : lines) callback();
  auto ends = std::exchange(end_waiters_, {});
  for (auto& [id, callback] : ends) callback();
}

Result<void> Actor::signal(Signal signal) {
  switch (signal) {
    case Signal::kill:
      kill(Error{ErrorCode::stopping, "the process was killed"});
      return {};
    case Signal::stop:
      if (over()) return fail(ErrorCode::conflict, "the process has ended");
      stopped_ = true;
      return {};
    case Signal::resume:
      if (over()) return fail(ErrorCode::conflict, "the process has ended");
      if (!std::exchange(stopped_, false)) return {};
      if (instance_ && instance_->busy())
        enqueue();
      else
        next();
      return {};
    case Signal::restart: {
      Error why{ErrorCode::stopping, "the process was restarted"};
      if (over()) {
        if (!shard_.core.take_place()) return fail(ErrorCode::limit, "the node holds its most processes");
        ++shard_.population;
      }
      if (current_) finish_current(fail(why));
      cancel_timer(start_timer_);
      cancel_timer(wall_timer_);
      drop_instance();
      fresh(std::move(why));
      return {};
    }
  }
  return fail(ErrorCode::unsupported, "unknown signal");
}

Result<void> Actor::make_instance() {
  wasm::InstanceLimits instance_limits;
  instance_limits.memory_pages = limits().memory_pages;
  auto instance = shard_.core.engine.instantiate(setup_.module, instance_limits);
  if (!instance) return fail(instance.error());
  wasm::wasi::Context::Config config;
  config.arguments.emplace_back(process_name().empty() ? pid_text() : std::string_view(process_name()));
  config.arguments.insert(config.arguments.end(), setup_.spec.arguments.begin(), setup_.spec.arguments.end());
  config.environment = setup_.spec.environment;
  wasi_ = wasm::wasi::Context::create(shard_.loop, std::move(config));
  wasi_->bind(0, wasm::wasi::null_descriptor());
  wasi_->bind(1, wasm::wasi::null_descriptor());
  wasi_->bind(2, sink_output(shard_.loop, [this](View bytes) { log_written(bytes); }));
  wasi_->want_wake([self = self_] {
    if (*self != nullptr) (*self)->wake();
  });
  instance_ = std::move(*instance);
  instance_->host = this;
  instance_->wasi = wasi_.get();
  return {};
}

void Actor::drop_instance() {
  cut_links();
  waiting_ = false;
  abort_.reset();
  period_restart_ = false;
  exchange_.end_receive();
  if (wasi_) wasi_->abandon();
  instance_.reset();
  wasi_.reset();
}

void Actor::cancel_timer(io::Loop::TimerId& timer) {
  if (timer != 0) shard_.loop.cancel_timer(std::exchange(timer, 0));
}

Instant Actor::now() const { return shard_.loop.now(); }

void Actor::note(const Error& why) {
  if (!setup_.passing) last_error_ = abi::one_line(to_string(why));
}

io::Callback Actor::guarded(std::function<void(Actor&)> work) {
  return [self = self_, work = std::move(work)] {
    if (*self != nullptr) work(**self);
  };
}

std::uint64_t Actor::on_line(io::Callback callback) {
  line_waiters_.emplace(next_waiter_, std::move(callback));
  return next_waiter_++;
}

std::uint64_t Actor::on_end(io::Callback callback) {
  end_waiters_.emplace(next_waiter_, std::move(callback));
  return next_waiter_++;
}

void Actor::withdraw(std::uint64_t id) {
  line_waiters_.erase(id);
  end_waiters_.erase(id);
}

void Actor::log_written(View bytes) {
  if (log_.write(bytes, shard_.loop.wall()) > 0) tell_lines();
}

void Actor::flush_log() {
  if (log_.flush(shard_.loop.wall())) tell_lines();
}

void Actor::tell_lines() {
  if (line_waiters_.empty()) return;
  // Not from the guest's stack.
  shard_.loop.post(guarded([](Actor& self) {
    auto waiters = std::exchange(self.line_waiters_, {});
    for (auto& [id, callback] : waiters) callback();
  }));
}

ProcessInfo Actor::describe() const {
  ProcessInfo info;
  info.pid = pid();
  info.name = process_name();
  info.kind = classified_.kind;
  switch (phase_) {
    case Phase::starting:
      info.state = ProcessState::starting;
      break;
    case Phase::idle:
      info.state = ProcessState::ready;
      break;
    case Phase::calling:
      info.state =
          exchange_.receiving() && classified_.kind == ProcessKind::mailbox ? ProcessState::ready : ProcessState::busy;
      break;
    case Phase::backoff:
      info.state = ProcessState::backoff;
      break;
    case Phase::ended:
      info.state = end_state_;
      break;
  }
  if (stopped_) info.state = ProcessState::stopped;
  info.parent = setup_.parent;
  info.module_id = setup_.module->id();
  info.methods = classified_.methods;
  info.arguments = setup_.spec.arguments;
  info.limits = setup_.spec.limits;
  info.restart = setup_.spec.restart;
  info.access = setup_.spec.access;
  info.shard = shard_.index;
  info.restarts = restarts_;
  info.calls = calls_;
  info.failures = failures_;
  info.fuel_used = fuel_used_;
  info.memory_bytes = instance_ ? instance_->memory_bytes() : 0;
  info.queued_messages = mailbox_.messages();
  info.queued_bytes = mailbox_.bytes();
  info.open_requests = exchange_.open_requests();
  info.started = started_at_;
  info.last_error = last_error_;
  return info;
}

}  // namespace myelin::kernel
