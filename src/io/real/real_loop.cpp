#include "base/check.hpp"
#include "io/real.hpp"
#include "io/real/loop_core.hpp"

#include <coroutine>
#include <utility>

namespace myelin::io {

namespace {

// The frame of a task that a program waits for with a whole loop.
struct Root {
  struct promise_type {
    Root get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    [[noreturn]] void unhandled_exception() noexcept {
      check_failed("no exception leaves a task", "unhandled exception in a program's task", __FILE__, __LINE__);
    }
  };
  std::coroutine_handle<> handle;
};

Root drive(RealLoop* loop, Task<void> task, bool* done) {
  co_await std::move(task);
  *done = true;
  loop->stop();
}

}  // namespace

std::unique_ptr<RealLoop> RealLoop::create() { return std::make_unique<real::LoopCore>(); }

void RealLoop::run_until_done(Task<void> task) {
  MYELIN_CHECK(!here(), "run_until_done on a loop that runs");
  bool done = false;
  const auto handle = drive(this, std::move(task), &done).handle;
  post([handle] { handle.resume(); });
  while (!done) run();
}

}  // namespace myelin::io
