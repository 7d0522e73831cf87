// LoopCore: the real loop. One turn: take in what other threads posted, run due timers, run the callbacks that were
// here at its start, look at the descriptors; sleep only if nothing is left.
//
// Two threads that answer each other would put each other to sleep and wake each other for every message. So before it
// sleeps the loop looks for posts a while (Patience): only when those of late came that soon, and no longer than twenty
// microseconds; whoever is not being answered sleeps at once. A loop that was told so (set_busy_wait) does the same
// with its descriptors.
//
// A post from the loop's own thread is a push to a vector; one from another thread is a push to the Inbox; timers cost
// no system call, since they only bound the sleep (to the next millisecond, never early). The Poller is unlocked: no
// other thread ever touches it.
#pragma once

#include "io/children.hpp"
#include "io/files.hpp"
#include "io/network.hpp"
#include "io/real.hpp"
#include "io/real/inbox.hpp"
#include "io/real/patience.hpp"
#include "io/real/poller.hpp"
#include "io/real/timer_heap.hpp"
#include "io/real/work_pool.hpp"

#include <array>
#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <vector>

namespace myelin::io::real {

class Descriptor;

class LoopCore final : public RealLoop {
 public:
  LoopCore();
  ~LoopCore() override;

  Instant now() const override;
  WallTime wall() const override;
  void post(Callback callback) override;
  void resume_soon(std::coroutine_handle<> handle) override;
  bool here() const override;
  TimerId start_timer(Instant when, Callback callback) override;
  void cancel_timer(TimerId id) override;
  void random(MutableView out) override;
  Network& network() override { return *network_; }
  Files& files() override { return *files_; }
  Children& children() override { return *children_; }
  void offload(Callback work, Callback done) override;

  void run() override;
  void poll() override;
  void stop() override;
  void set_busy_wait(Duration most) override { idle_patience_.set_most(most); }

  // For the devices of this folder.
  Poller& poller() { return poller_; }
  // Lives until the loop's end, and goes while its descriptors are still watched.
  void keep(std::shared_ptr<void> what) { kept_.push_back(std::move(what)); }
  // Name lookups: they cannot be stopped, so the loop does not wait for them at its end.
  WorkPool& lookups() { return *lookups_; }
  // A segment to receive into, shared by all sockets of the loop: what arrives small is copied out of it.
  Buffer& receive_segment() { return receive_segment_; }

 private:
  struct Ready {
    std::coroutine_handle<> task;  // or, if null:
    Callback callback;
  };
  class Running;

  void take_inbox();
  void run_timers();
  void run_ready();
  void turn(bool may_sleep);
  bool poll_is_due();
  bool post_comes_soon(Duration sleep);
  bool descriptor_comes_soon(Duration sleep);
  void watch_wakeups();
  bool stopping() const { return stop_.load(std::memory_order_relaxed); }

  std::shared_ptr<Inbox> inbox_;  // shared with the pools' threads
  Poller poller_;
  std::vector<std::shared_ptr<void>> kept_;  // shared with nobody: only the type is not known here
  std::unique_ptr<Descriptor> wakeups_;
  std::atomic<bool> stop_{false};
  mutable std::optional<Instant> turn_now_;  // read once a turn, when somebody asks
  std::array<std::uint8_t, 512> random_store_{};
  std::size_t random_left_ = 0;  // at the store's front, not given out yet
  mutable Instant latest_now_{};
  std::vector<Ready> ready_;    // for the next turn
  std::vector<Ready> running_;  // of this turn, from next_ on still to run
  std::size_t next_ = 0;
  unsigned turns_without_poll_ = 0;
  Instant last_poll_{};
  Patience patience_;
  IdlePatience idle_patience_;
  TimerHeap timers_;
  Buffer receive_segment_;
  std::unique_ptr<WorkPool> pool_;
  std::unique_ptr<WorkPool> lookups_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<Children> children_;
};

std::unique_ptr<Network> make_network(LoopCore& loop);
std::unique_ptr<Files> make_files(LoopCore& loop);
std::unique_ptr<Children> make_children(LoopCore& loop);

}  // namespace myelin::io::real
