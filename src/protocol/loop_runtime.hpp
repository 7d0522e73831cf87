// LoopRuntime: protocols on an io::Loop, real or simulated, over one channel: start, stop, and why it ended.
//
// A graceful end takes nothing new from outside, lets the mailboxes run dry, then lets the channel write what is
// queued; past its limit what is left is dropped.
//
// Thread: the loop's. Lifetime: loop and processes outlive it; it is destroyed when it has ended or was never started
// (or on a loop that has crashed), and not inside a callback of its own other than on_end.
#pragma once

#include "base/error.hpp"
#include "io/loop.hpp"
#include "io/sync.hpp"
#include "io/task.hpp"
#include "protocol/channel.hpp"
#include "protocol/core.hpp"
#include "protocol/loop_executor.hpp"
#include "protocol/stream_channel.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace myelin::protocol {

class RuntimeLog;

// What the options say about the core; `log` outlives it, and may be null.
CoreConfig core_config(const RuntimeOptions& options, RuntimeLog* log);
// The channels' way into the same log.
ChannelLog channel_log(RuntimeLog* log);

class LoopRuntime {
 public:
  LoopRuntime(io::Loop& loop, CoreConfig config, std::unique_ptr<Channel> channel, ProcessPort* processes = nullptr);
  ~LoopRuntime();
  LoopRuntime(const LoopRuntime&) = delete;
  LoopRuntime& operator=(const LoopRuntime&) = delete;

  RuntimeCore& core() { return *core_; }
  const RuntimeCore& core() const { return *core_; }
  Channel& channel() { return *channel_; }
  Host self() const { return channel_->self(); }

  // Starts the channel, then all protocols. Errors: those of both; the end of a start that failed is told like any
  // other.
  Result<void> start();
  // Ends gracefully within `limit`. No effect when it is ending.
  void shutdown(Duration limit, StopReason reason = {StopReason::Kind::graceful, {}});
  // Ends at once, also while it ends gracefully.
  void cancel(StopReason reason = {StopReason::Kind::cancelled, {}});
  // Ends gracefully, with `deadline`, after `duration` from now.
  void stop_after(Duration duration);

  bool running() const { return state_ == State::running; }
  bool ended() const { return state_ == State::ended; }
  // Between the two.
  bool ending() const { return state_ != State::idle && !running() && !ended(); }
  // Waits for the end. REQUIRES: it was started.
  io::Task<StopReason> wait();
  // Called once, in a turn of its own, after the end.
  std::function<void(const StopReason&)> on_end;

 private:
  enum class State : std::uint8_t { idle, running, draining, flushing, ending, ended };

  void turn();
  void drained();
  void stop_channel(bool graceful);
  void end();
  void start_timer(Duration after, std::function<void()> callback);
  void stop_timer();

  io::Loop& loop_;
  const std::size_t mailbox_capacity_;
  std::unique_ptr<Channel> channel_;
  LoopExecutor executor_;
  std::unique_ptr<RuntimeCore> core_;
  State state_ = State::idle;
  std::optional<StopReason> reason_;
  io::Event ended_;
  io::Loop::TimerId timer_ = 0;  // of the deadline, then of the limit
};

}  // namespace myelin::protocol
