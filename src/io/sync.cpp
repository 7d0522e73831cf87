#include "io/sync.hpp"

#include <algorithm>
#include <utility>

namespace myelin::io {

namespace {

struct SleepAwaiter {
  Loop* loop;
  Instant when;
  CancelToken token;
  std::optional<CancelCallback> on_cancel{};
  Loop::TimerId timer = 0;
  bool cancelled = false;

  SleepAwaiter(Loop* l, Instant w, CancelToken t) : loop(l), when(w), token(std::move(t)) {}
  SleepAwaiter(const SleepAwaiter&) = delete;
  SleepAwaiter& operator=(const SleepAwaiter&) = delete;
  ~SleepAwaiter() {
    if (timer != 0) loop->cancel_timer(timer);
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    timer = loop->start_timer(when, [this, handle] {
      timer = 0;
      handle.resume();  // last: the frame that holds *this may be gone afterwards
    });
    on_cancel.emplace(token, [this, handle] {
      if (timer == 0) return;
      cancelled = true;
      loop->cancel_timer(std::exchange(timer, 0));
      loop->resume_soon(handle);
    });
  }
  Result<void> await_resume() {
    on_cancel.reset();
    if (cancelled) return fail(ErrorCode::cancelled, "sleep was cancelled");
    return {};
  }
};

struct YieldAwaiter {
  Loop* loop;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) { loop->resume_soon(handle); }
  void await_resume() const noexcept {}
};

Task<Result<void>> sleep_on(Loop* loop, Instant when, CancelToken token) {
  if (token.fired()) co_return fail(ErrorCode::cancelled, "sleep was cancelled");
  co_return co_await SleepAwaiter{loop, when, std::move(token)};
}

Task<void> yield_on(Loop* loop) { co_await YieldAwaiter{loop}; }

}  // namespace

Task<Result<void>> sleep_until(Loop& loop, Instant when, CancelToken token) {
  return sleep_on(&loop, when, std::move(token));
}

Task<Result<void>> sleep_for(Loop& loop, Duration duration, CancelToken token) {
  return sleep_on(&loop, loop.now() + duration, std::move(token));
}

Task<void> yield(Loop& loop) { return yield_on(&loop); }

void Event::set() {
  set_ = true;
  for (const Waiter& waiter : waiters_) {
    if (waiter.woken) *waiter.woken = true;
    loop_.resume_soon(waiter.handle);
  }
  waiters_.clear();
}

void Event::forget(std::coroutine_handle<> handle) {
  std::erase_if(waiters_, [handle](const Waiter& waiter) { return waiter.handle == handle; });
}

// Waits for set(), a time and a token, whichever is first. Once woken by set() it never touches the event again, since
// the event's owner may have dropped it by then.
struct Event::TimedAwaiter {
  Event* event;
  Loop* loop;
  Instant when;
  CancelToken token;
  std::optional<CancelCallback> on_cancel{};
  Loop::TimerId timer = 0;
  bool woken = false;
  std::optional<Error> error{};

  TimedAwaiter(Event* e, Instant w, CancelToken t) : event(e), loop(&e->loop_), when(w), token(std::move(t)) {}
  TimedAwaiter(const TimedAwaiter&) = delete;
  TimedAwaiter& operator=(const TimedAwaiter&) = delete;
  ~TimedAwaiter() {
    if (timer != 0) loop->cancel_timer(timer);
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    event->waiters_.push_back({handle, &woken});
    timer = loop->start_timer(when, [this, handle] {
      timer = 0;
      give_up(handle, Error{ErrorCode::timeout, "the time to wait has passed"});
    });
    on_cancel.emplace(token,
                      [this, handle] { give_up(handle, Error{ErrorCode::cancelled, "the wait was cancelled"}); });
  }
  void give_up(std::coroutine_handle<> handle, Error why) {
    if (woken) return;
    woken = true;
    event->forget(handle);
    error = std::move(why);
    loop->resume_soon(handle);
  }
  Result<void> await_resume() {
    on_cancel.reset();
    if (error) return fail(std::move(*error));
    return {};
  }
};

Task<Result<void>> Event::wait_until(Instant when, CancelToken token) {
  if (set_) co_return Result<void>{};
  if (token.fired()) co_return fail(ErrorCode::cancelled, "the wait was cancelled");
  co_return co_await TimedAwaiter{this, when, std::move(token)};
}

}  // namespace myelin::io
