#include "protocol/loop_runtime.hpp"

#include "base/check.hpp"
#include "protocol/log_format.hpp"

#include <algorithm>
#include <utility>

namespace myelin::protocol {
namespace {
constexpr Duration default_drain = std::chrono::seconds(30);
}

CoreConfig core_config(const RuntimeOptions& options, RuntimeLog* log) {
  CoreConfig config;
  config.self = options.self;
  config.mailbox_capacity = options.mailbox_capacity;
  config.request_timeout = options.request_timeout;
  config.dead_letter = options.dead_letter;
  if (log == nullptr) return config;
  config.log_enabled = [log](LogLevel level) {
    return log->enabled("protocol", level) || log->enabled("runtime", level);
  };
  config.log = [log](std::string_view component, std::string_view protocol, LogLevel level, std::string_view event,
                     LogFields fields) {
    if (log->enabled(component, level)) log->write(component, protocol, level, event, fields);
  };
  config.dead_letter = [log, told = options.dead_letter](std::string_view why, const Host& from) {
    if (log->enabled("runtime", LogLevel::debug)) {
      log->write("runtime", {}, LogLevel::debug, "dropped", {{"why", why}, {"from", from}});
    }
    if (told) told(why, from);
  };
  return config;
}

ChannelLog channel_log(RuntimeLog* log) {
  ChannelLog made;
  if (log == nullptr) return made;
  made.enabled = [log](std::string_view component, LogLevel level) { return log->enabled(component, level); };
  made.write = [log](std::string_view component, std::string_view protocol, LogLevel level, std::string_view event,
                     LogFields fields) { log->write(component, protocol, level, event, fields); };
  return made;
}

LoopRuntime::LoopRuntime(io::Loop& loop, CoreConfig config, std::unique_ptr<Channel> channel, ProcessPort* processes)
    : loop_(loop),
      mailbox_capacity_(config.mailbox_capacity),
      channel_(std::move(channel)),
      executor_(loop, [this] { turn(); }),
      core_(RuntimeCore::create(std::move(config), executor_, *channel_, processes)),
      ended_(loop) {
  core_->on_stop = [this](StopReason reason) {
    if (reason.kind == StopReason::Kind::failed) {
      cancel(std::move(reason));
    } else {
      shutdown(default_drain, std::move(reason));
    }
  };
}

LoopRuntime::~LoopRuntime() {
  MYELIN_CHECK(state_ == State::idle || state_ == State::ended || loop_.crashed(), "a runtime dies while it runs");
  stop_timer();
}

Result<void> LoopRuntime::start() {
  if (state_ != State::idle) return fail(ErrorCode::conflict, "the runtime was started before");
  if (auto listening = channel_->start(*core_); !listening) return listening;
  state_ = State::running;
  Result<void> started = core_->start(channel_->self());
  if (!started) cancel({StopReason::Kind::failed, to_string(started.error())});
  return started;
}

void LoopRuntime::turn() {
  core_->turn();
  if (state_ == State::draining && core_->idle() && !channel_->tells_more()) drained();
}

void LoopRuntime::shutdown(Duration limit, StopReason reason) {
  if (state_ != State::running) return;
  reason_ = std::move(reason);
  state_ = State::draining;
  // What has been read counts as queued: as much of it as a mailbox holds is handled still.
  channel_->read_no_more();
  core_->close(mailbox_capacity_);
  start_timer(limit, [this] { stop_channel(false); });
  if (core_->idle()) executor_.wake();
}

void LoopRuntime::drained() {
  state_ = State::flushing;
  stop_channel(true);
}

void LoopRuntime::cancel(StopReason reason) {
  if (state_ == State::idle || state_ == State::ending || state_ == State::ended) return;
  reason_ = std::move(reason);
  stop_timer();
  core_->cancel();
  stop_channel(false);
}

void LoopRuntime::stop_channel(bool graceful) {
  if (state_ == State::ending || state_ == State::ended) return;
  if (!graceful) {
    state_ = State::ending;
    core_->cancel();
  }
  // Told after the channel's own callback has returned, since on_end may destroy them both.
  channel_->stop(graceful, [this] { executor_.post([this] { end(); }); });
}

void LoopRuntime::end() {
  if (state_ == State::ended) return;
  stop_timer();
  core_->cancel();
  state_ = State::ended;
  ended_.set();
  // By value: it may destroy this runtime.
  if (const auto told = std::move(on_end)) told(StopReason(*reason_));
}

void LoopRuntime::stop_after(Duration duration) {
  if (state_ != State::running) return;
  start_timer(duration, [this] { shutdown(default_drain, {StopReason::Kind::deadline, {}}); });
}

io::Task<StopReason> LoopRuntime::wait() {
  co_await ended_.wait();
  co_return *reason_;
}

void LoopRuntime::start_timer(Duration after, std::function<void()> callback) {
  stop_timer();
  const Duration room = Instant::max() - loop_.now();
  timer_ = loop_.start_timer(loop_.now() + std::min(std::max(after, Duration{0}), room),
                             [this, callback = std::move(callback)] {
                               timer_ = 0;
                               callback();
                             });
}

void LoopRuntime::stop_timer() {
  if (timer_ != 0) loop_.cancel_timer(std::exchange(timer_, 0));
}

}  // namespace myelin::protocol
