#include "io/real/loop_core.hpp"

#include "base/check.hpp"
#include "io/real/descriptor.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <sys/random.h>
#include <utility>

namespace myelin::io::real {

namespace {

constexpr std::size_t work_threads = 4;
constexpr std::size_t lookup_threads = 4;
constexpr Duration longest_sleep = std::chrono::hours(1);
constexpr unsigned most_turns_without_poll = 32;
constexpr Duration longest_without_poll = std::chrono::microseconds(50);
constexpr int most_turns_of_a_poll = 10'000;
constexpr int looks_between_clocks = 32;

// Tells the processor that this is a loop of waiting.
void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

thread_local const LoopCore* current = nullptr;

// A write to a closed pipe is an error value here, never the end of the program.
void ignore_broken_pipes() {
  struct sigaction action{};
  if (sigaction(SIGPIPE, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) return;
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

void fill_random(MutableView out) {
  while (!out.empty()) {
    const ssize_t n = getrandom(out.data(), out.size(), 0);
    MYELIN_CHECK(n > 0 || errno == EINTR, "the system gives no random bytes");
    if (n > 0) out = out.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace

// Marks the calling thread as the loop's for the time of a run.
class LoopCore::Running {
 public:
  explicit Running(const LoopCore* loop) : before_(std::exchange(current, loop)) {
    MYELIN_CHECK(before_ == nullptr, "a loop was run from inside a loop");
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { current = before_; }

 private:
  const LoopCore* before_;
};

LoopCore::LoopCore() : inbox_(std::make_shared<Inbox>()) {
  ignore_broken_pipes();
  wakeups_ = std::make_unique<Descriptor>(*this, ::dup(inbox_->wake_fd()));
  watch_wakeups();
  pool_ = std::make_unique<WorkPool>(inbox_, work_threads, WorkPool::AtEnd::join);
  lookups_ = std::make_unique<WorkPool>(inbox_, lookup_threads, WorkPool::AtEnd::abandon);
  network_ = make_network(*this);
  files_ = make_files(*this);
  children_ = make_children(*this);
}

LoopCore::~LoopCore() {
  MYELIN_CHECK(current != this, "a loop was destroyed while it ran");
  children_.reset();  // kills and reaps what is left
  lookups_.reset();
  pool_.reset();
  // What is still queued is destroyed uncalled; destructors may post more.
  for (int round = 0; round < 100; ++round) {
    take_inbox();
    timers_ = {};
    next_ = 0;
    const std::vector<Ready> running = std::exchange(running_, {});
    const std::vector<Ready> ready = std::exchange(ready_, {});
    if (running.empty() && ready.empty()) break;
  }
  kept_.clear();
  files_.reset();
  network_.reset();
  wakeups_.reset();
}

Instant LoopCore::now() const {
  if (!turn_now_) {
    const Instant read(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
    latest_now_ = std::max(latest_now_, read);
    // Outside a run there are no turns, so each call reads the clock.
    if (current != this) return latest_now_;
    turn_now_ = latest_now_;
  }
  return *turn_now_;
}

WallTime LoopCore::wall() const {
  return WallTime(std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

void LoopCore::post(Callback callback) {
  if (here()) {
    ready_.push_back({{}, std::move(callback)});
  } else {
    inbox_->post(std::move(callback));
  }
}

void LoopCore::resume_soon(std::coroutine_handle<> handle) { ready_.push_back({handle, {}}); }

bool LoopCore::here() const { return current == this; }

Loop::TimerId LoopCore::start_timer(Instant when, Callback callback) {
  return timers_.start(when, std::move(callback));
}

void LoopCore::cancel_timer(TimerId id) { timers_.cancel(id); }

// Names of requests and processes are drawn for every message: small draws come from a store, so that most need no
// system call. What was given out is wiped.
void LoopCore::random(MutableView out) {
  if (out.size() > random_store_.size() / 8) return fill_random(out);
  if (random_left_ < out.size()) {
    fill_random(random_store_);
    random_left_ = random_store_.size();
  }
  random_left_ -= out.size();
  const auto given = std::span(random_store_).subspan(random_left_, out.size());
  std::ranges::copy(given, out.begin());
  std::ranges::fill(given, std::uint8_t{0});
}

void LoopCore::offload(Callback work, Callback done) { pool_->submit(std::move(work), std::move(done)); }

void LoopCore::watch_wakeups() {
  wakeups_->on_readable([this] {
    inbox_->clear_wake_fd();
    watch_wakeups();
  });
}

void LoopCore::take_inbox() {
  inbox_->drain([this](Callback callback) { ready_.push_back({{}, std::move(callback)}); });
}

void LoopCore::run_timers() {
  if (timers_.empty()) return;
  const Instant time = now();
  const std::uint64_t mark = timers_.mark();
  while (!stopping()) {
    auto callback = timers_.pop_due(time, mark);
    if (!callback) return;
    (*callback)();
  }
}

void LoopCore::run_ready() {
  if (next_ == running_.size()) {
    running_.clear();
    next_ = 0;
    running_.swap(ready_);
  }
  while (next_ < running_.size() && !stopping()) {
    Ready item = std::move(running_[next_++]);
    if (item.task) {
      item.task.resume();
    } else {
      item.callback();
    }
  }
}

// While callbacks keep coming, the descriptors are looked at only now and then: that costs a system call, which a
// short callback does not. The clock, which costs none, keeps long ones from delaying them.
bool LoopCore::poll_is_due() {
  const Instant time = now();
  if (++turns_without_poll_ < most_turns_without_poll && time - last_poll_ < longest_without_poll) return false;
  turns_without_poll_ = 0;
  last_poll_ = time;
  return true;
}

// Looks for a post from another thread for as long as that has been worth it.
bool LoopCore::post_comes_soon(Duration sleep) {
  const Duration wait = std::min(patience_.wait(), sleep);
  if (wait <= Duration::zero()) return false;
  const auto end = std::chrono::steady_clock::now() + wait;
  bool came = false;
  do {
    for (int i = 0; i < looks_between_clocks && !came; ++i) {
      came = inbox_->any();
      if (!came) relax();
    }
  } while (!came && !stopping() && std::chrono::steady_clock::now() < end);
  patience_.waited(came);
  return came;
}

// Looks at the descriptors, and for posts, for as long as that has been worth it.
bool LoopCore::descriptor_comes_soon(Duration sleep) {
  const Duration wait = std::min(idle_patience_.wait(), sleep);
  if (wait <= Duration::zero()) return false;
  const auto end = std::chrono::steady_clock::now() + wait;
  bool came = false;
  do {
    came = poller_.look(Duration::zero()) > 0 || inbox_->any();
  } while (!came && !stopping() && std::chrono::steady_clock::now() < end);
  return came;
}

void LoopCore::turn(bool may_sleep) {
  turn_now_.reset();
  take_inbox();
  run_timers();
  run_ready();
  if (stopping()) return;
  if (!ready_.empty() && may_sleep && !poll_is_due()) return;
  if (!ready_.empty() || !may_sleep) {
    poller_.look(Duration::zero());
    return;
  }
  Duration sleep = longest_sleep;
  if (!timers_.empty()) {
    turn_now_.reset();
    sleep = std::min(sleep, timers_.next() - now());
  }
  if (post_comes_soon(sleep)) {
    if (poll_is_due()) poller_.look(Duration::zero());
    return;
  }
  Instant idle_since{};
  if (idle_patience_.on()) {
    turn_now_.reset();
    idle_since = now();
    if (descriptor_comes_soon(sleep)) {
      // What it gave is dealt with before the next look.
      turn_now_.reset();
      turns_without_poll_ = 0;
      last_poll_ = now();
      return idle_patience_.idle_for(last_poll_ - idle_since, true);
    }
  }
  if (sleep <= Duration::zero() || !inbox_->prepare_sleep()) {
    poller_.look(Duration::zero());
    return;
  }
  // A stop() that came before prepare_sleep() found nobody to wake.
  if (!stop_.load(std::memory_order_seq_cst)) {
    turn_now_.reset();
    const Instant began = now();
    poller_.look(sleep);
    turn_now_.reset();
    if (inbox_->any()) patience_.woken_after(now() - began);
    if (idle_patience_.on()) idle_patience_.idle_for(now() - idle_since, false);
  }
  inbox_->end_sleep();
}

void LoopCore::run() {
  const Running running(this);
  while (!stop_.exchange(false, std::memory_order_seq_cst)) turn(true);
  turn_now_.reset();
}

void LoopCore::poll() {
  const Running running(this);
  for (int turns = 0; turns < most_turns_of_a_poll && !stopping(); ++turns) {
    turn(false);
    take_inbox();
    if (ready_.empty() && next_ == running_.size()) break;
  }
  stop_.store(false, std::memory_order_seq_cst);
  turn_now_.reset();
}

void LoopCore::stop() {
  stop_.store(true, std::memory_order_seq_cst);
  inbox_->wake();
}

}  // namespace myelin::io::real
