#include "io/scope.hpp"

#include "base/check.hpp"

#include <list>
#include <utility>

namespace myelin::io {

struct Scope::State {
  explicit State(Loop& l) : loop(l), idle(l) {}
  Loop& loop;
  CancelSource source;
  Event idle;
  std::list<std::coroutine_handle<>> drivers;  // frames that drive the spawned tasks, in the order of spawning
};

namespace {

// The frame that owns a spawned task. It destroys itself at its end; a Scope of a crashed loop destroys it earlier.
struct Driver {
  struct promise_type {
    Driver get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    [[noreturn]] void unhandled_exception() noexcept {
      check_failed("no exception leaves a task", "unhandled exception in a spawned task", __FILE__, __LINE__);
    }
  };
  std::coroutine_handle<> handle;
};

using Entry = std::list<std::coroutine_handle<>>::iterator;

Driver drive(Task<void> task, Entry entry, std::list<std::coroutine_handle<>>* drivers, Event* idle) {
  co_await std::move(task);
  task = {};  // the task's frame goes before the scope learns that it has ended
  drivers->erase(entry);
  if (drivers->empty()) idle->set();
}

}  // namespace

Scope::Scope(Loop& loop) : state_(std::make_unique<State>(loop)) {}

Scope::~Scope() {
  if (state_->loop.crashed()) {
    while (!state_->drivers.empty()) {
      const auto handle = state_->drivers.front();
      state_->drivers.pop_front();
      handle.destroy();
    }
  }
  MYELIN_CHECK(state_->drivers.empty(), "a scope was destroyed before its tasks had ended: await join() first");
}

void Scope::spawn(Task<void> task) {
  MYELIN_CHECK(task, "an empty task was spawned");
  State& state = *state_;
  state.drivers.emplace_back();
  const Entry entry = std::prev(state.drivers.end());
  *entry = drive(std::move(task), entry, &state.drivers, &state.idle).handle;
  state.loop.resume_soon(*entry);
}

void Scope::cancel() { state_->source.fire(); }

CancelToken Scope::token() const { return state_->source.token(); }

Task<void> Scope::join() {
  while (!state_->drivers.empty()) {
    state_->idle.reset();
    co_await state_->idle.wait();
  }
}

std::size_t Scope::running() const { return state_->drivers.size(); }

}  // namespace myelin::io
