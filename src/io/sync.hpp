// What tasks of one loop wait on: time, an event, a queue.
//
// Thread: one loop for each object, never two. A waiter is resumed in a later turn, in the order of waiting.
// Lifetime: an object that is waited on must outlive its waiters, or wake them first (Queue::close, Event::set).
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "io/cancel.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

#include <coroutine>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace myelin::io {

// Ends at `when` with success, or before with `cancelled` when the token fires.
Task<Result<void>> sleep_until(Loop& loop, Instant when, CancelToken token = {});
Task<Result<void>> sleep_for(Loop& loop, Duration duration, CancelToken token = {});
// Lets other callbacks of the loop run.
Task<void> yield(Loop& loop);

// Set once or many times; waiting on a set event does not suspend. reset() clears it.
class Event {
 public:
  explicit Event(Loop& loop) : loop_(loop) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void set();
  void reset() { set_ = false; }
  bool is_set() const { return set_; }

  auto wait() {
    struct Awaiter {
      Event& event;
      bool await_ready() const noexcept { return event.set_; }
      void await_suspend(std::coroutine_handle<> handle) { event.waiters_.push_back({handle, nullptr}); }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }
  // Success when set; `timeout` when `when` comes first; `cancelled` when the token fires first.
  Task<Result<void>> wait_until(Instant when, CancelToken token = {});

 private:
  struct TimedAwaiter;
  struct Waiter {
    std::coroutine_handle<> handle;
    bool* woken;  // of a timed wait, in its frame; else null
  };
  void forget(std::coroutine_handle<> handle);

  Loop& loop_;
  bool set_ = false;
  std::vector<Waiter> waiters_;
};

// A bounded queue between tasks of one loop. T is movable.
template <typename T>
class Queue {
 public:
  Queue(Loop& loop, std::size_t capacity) : capacity_(capacity), items_event_(loop), space_event_(loop) {}

  // False if full or closed; never waits.
  bool try_push(T item) {
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    items_event_.set();
    return true;
  }
  // Waits for space; false if the queue was closed meanwhile.
  Task<bool> push(T item) {
    while (!closed_ && items_.size() >= capacity_) {
      space_event_.reset();
      co_await space_event_.wait();
    }
    co_return try_push(std::move(item));
  }
  std::optional<T> try_pop() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    space_event_.set();
    return item;
  }
  // Waits for an item; nothing once the queue is closed and empty.
  Task<std::optional<T>> pop() {
    while (items_.empty() && !closed_) {
      items_event_.reset();
      co_await items_event_.wait();
    }
    co_return try_pop();
  }
  void close() {
    closed_ = true;
    items_event_.set();
    space_event_.set();
  }
  std::size_t size() const { return items_.size(); }
  bool closed() const { return closed_; }

 private:
  std::size_t capacity_;
  std::deque<T> items_;
  bool closed_ = false;
  Event items_event_;
  Event space_event_;
};

}  // namespace myelin::io
