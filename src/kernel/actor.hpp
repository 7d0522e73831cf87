// Actor: one process on its shard: its guest, its mailbox, its life.
//
//   starting ──► idle ⇄ calling          a guest call is under way in starting (`_initialize`) and calling
//      ▲  │         │
//      │  └► backoff ┴► ended            backoff starts again; ended may be started again by a signal only
//      └──────┘
//
// Invariants: at most one guest call at a time; a mailbox process is calling (`run`) all its life; an instance whose
// call did not return is dropped before anything else runs; every accepted delivery ends. `stopped` is beside the
// phases: it takes no turn, everything else goes on. Thread: its shard. Lifetime: owned by the shard, and never removed
// from inside one of its own functions.
#pragma once

#include "io/loop.hpp"
#include "kernel/backoff.hpp"
#include "kernel/classify.hpp"
#include "kernel/delivery.hpp"
#include "kernel/exchange.hpp"
#include "kernel/letter.hpp"
#include "kernel/log_buffer.hpp"
#include "kernel/mailbox.hpp"
#include "kernel/process.hpp"
#include "kernel/run_queue.hpp"
#include "kernel/slot.hpp"
#include "kernel/stdio.hpp"
#include "wasm/engine.hpp"
#include "wasm/wasi.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace myelin::kernel {

class Shard;

class Actor {
 public:
  // Wall time that `_initialize` may take.
  static constexpr Duration start_limit = std::chrono::seconds(30);

  struct Setup {
    Pid pid;
    SpawnSpec spec;  // without the module's bytes
    std::shared_ptr<const wasm::Module> module;
    Classified classified;
    std::optional<Pid> parent;
    bool passing = false;  // for one message: nobody reads its log or why it ended
  };
  using Started = std::move_only_function<void(Result<void>)>;

  Actor(Shard& shard, Setup setup);
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  ~Actor();
  // A process may live for one message: its block, which is too large for the allocator's quick lists, is kept by the
  // thread for the next one.
  static void* operator new(std::size_t bytes);
  static void operator delete(void* block) noexcept;

  // Life (actor.cpp).
  // `started` hears how the first start went; if it failed, the process has ended. REQUIRES: called once.
  void start_first(Started started);
  // Errors: conflict (it has ended), limit (no place to start it again).
  Result<void> signal(Signal signal);
  // Ends it for good: the call under way with `why`, what is queued with no_such_process. No effect if it has ended.
  void kill(Error why);
  // As kill, what is queued with `why` as well.
  void stop_all(const Error& why);
  // Tells those who wait on it that it is gone.
  void forget();
  bool over() const { return phase_ == Phase::ended; }

  // Messages (actor_calls.cpp).
  void accept(std::unique_ptr<Delivery> delivery);
  // May run on a guest's stack. REQUIRES: has_mailbox().
  void accept(LetterPtr letter);
  bool has_mailbox() const { return classified_.kind == ProcessKind::mailbox; }
  void caller_left(std::uint64_t ticket);
  void deadline_passed(std::uint64_t ticket);

  // Running (actor_run.cpp).
  std::uint64_t slice();  // runs one; the fuel that it used
  void wake();            // what the guest waits for may have come
  // A callback that wakes it, harmless when it comes late.
  io::Callback waker();
  // Runs `work` when called, unless the actor is gone.
  io::Callback guarded(std::function<void(Actor&)> work);

  // For the exchange.
  Shard& shard() { return shard_; }
  Mailbox& mailbox() { return mailbox_; }
  Exchange& exchange() { return exchange_; }
  std::uint64_t next_order() { return next_order_++; }
  bool serves_mailbox() const { return classified_.kind == ProcessKind::mailbox && phase_ == Phase::calling; }
  void period_begins() { period_restart_ = true; }
  void abort_soon(Error why);  // from a host function: after this slice
  void tell_roomy();
  // message_info of what is under way, or of the process alone.
  const abi::Info& info() const { return info_; }
  Instant now() const;
  void remember_info(const Delivery& delivery);
  void remember_info(const Letter& letter);
  const Handle& handle() const { return handle_; }
  // "process <pid>", and the PID alone.
  std::string_view caller_text() const { return caller_text_; }
  std::string_view pid_text() const { return std::string_view(caller_text_).substr(8); }
  void forget_info();

  const Pid& pid() const { return setup_.pid; }
  const std::string& process_name() const { return setup_.spec.name; }
  const ProcessLimits& limits() const { return setup_.spec.limits; }
  const LogBuffer& log() const { return log_; }
  ProcessInfo describe() const;

  // Called once: at the next line (or removal); at the end (or removal). The id takes it back.
  std::uint64_t on_line(io::Callback callback);
  std::uint64_t on_end(io::Callback callback);
  void withdraw(std::uint64_t id);

 private:
  enum class Phase : std::uint8_t { starting, idle, calling, backoff, ended };

  void start();
  void started();
  void start_failed(Error why);
  void fresh(Error why);
  void failure(Error why, bool failed);
  void end_for_good(ProcessState state, Error why, const Error& queued);
  Result<void> make_instance();
  void drop_instance();
  void cancel_timer(io::Loop::TimerId& timer);
  void note(const Error& why);

  Result<void> admissible(Principal::Kind kind, const identity::PeerId& peer, std::string_view method,
                          const std::optional<Instant>& deadline, std::size_t bytes) const;
  void refuse(std::unique_ptr<Delivery> delivery, Error why);
  void refuse(LetterPtr letter, Error why);
  void next();
  void begin_call(std::unique_ptr<Delivery> delivery);
  void bind_stdio(Delivery& delivery);
  void cut_links();
  void finish_current(Result<void> result);
  Outcome response_of(Delivery& delivery);
  void abort_current(Error why);

  void enqueue(Lane lane = Lane::woken);
  void begin_period();
  void wall_passed();
  std::uint64_t slice_budget() const;
  void after_slice(const wasm::Run& run);
  void run_ended(const wasm::Run& run);
  void log_written(View bytes);
  void flush_log();  // a line that has no line feed
  void tell_lines();

  // What every message touches, together.
  Shard& shard_;
  const Handle handle_;
  std::unique_ptr<wasm::Instance> instance_;
  Phase phase_ = Phase::starting;
  bool stopped_ = false;
  bool queued_ = false;   // in the run queue
  bool waiting_ = false;  // the guest waits for the host
  bool woken_ = false;    // what it waits for may have come since its slice began
  bool period_restart_ = false;
  std::uint64_t period_fuel_ = 0;
  std::uint64_t next_order_ = 1;
  std::uint64_t calls_ = 0, failures_ = 0, fuel_used_ = 0;
  io::Loop::TimerId wall_timer_ = 0;
  Mailbox mailbox_;
  SliceMeter meter_;
  Exchange exchange_;

  Setup setup_;
  Classified& classified_ = setup_.classified;
  const std::string caller_text_;
  std::optional<Error> abort_;
  LogBuffer log_;
  Backoff backoff_;
  std::unique_ptr<wasm::wasi::Context> wasi_;
  ProcessState end_state_ = ProcessState::exited;
  Started started_;

  std::unique_ptr<Delivery> current_;         // of a method or command
  std::optional<io::RopeBuilder> collected_;  // its output, while it is a request
  Link<io::PipeReader> input_link_;           // of the call under way; null: none
  Link<io::PipeWriter> output_link_;
  Link<io::RopeBuilder> collected_link_;
  abi::Info info_;
  io::Loop::TimerId grace_timer_ = 0;
  io::Loop::TimerId start_timer_ = 0;

  std::uint64_t next_waiter_ = 1;
  std::map<std::uint64_t, io::Callback> line_waiters_;
  std::map<std::uint64_t, io::Callback> end_waiters_;

  std::uint32_t restarts_ = 0;
  WallTime started_at_{};
  std::string last_error_;
  std::shared_ptr<Actor*> self_ = std::make_shared<Actor*>(this);  // shared with callbacks that may come late
};

}  // namespace myelin::kernel
