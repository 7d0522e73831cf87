// Beside: a task that runs beside the frame that owns it, without a Scope of its own.
//
// For the second direction of a call, of which there are many, short ones: it costs the task's own frame and nothing
// else. The task tells its end itself, by an OnEnd in its frame; the owner waits for that before it goes. (On a loop
// that has crashed the frame is destroyed where it stands, as Scope does.)
// Thread: one loop. Lifetime: what the task refers to is declared before it in its owner.
#pragma once

#include "base/check.hpp"
#include "io/sync.hpp"
#include "io/task.hpp"

#include <utility>

namespace myelin::glia {

// Sets an event when the frame that it stands in ends.
class OnEnd {
 public:
  explicit OnEnd(io::Event& event) : event_(event) {}
  OnEnd(const OnEnd&) = delete;
  OnEnd& operator=(const OnEnd&) = delete;
  ~OnEnd() { event_.set(); }

 private:
  io::Event& event_;
};

class Beside {
 public:
  Beside() = default;
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;
  ~Beside() {
    if (handle_) handle_.destroy();
  }

  // Runs it up to its first wait. REQUIRES: there was none, or it has ended.
  void start(io::Task<void> task) {
    MYELIN_CHECK(!handle_ || handle_.done(), "one task at a time");
    if (handle_) handle_.destroy();
    handle_ = task.release();
    handle_.resume();
  }
  bool started() const { return static_cast<bool>(handle_); }

 private:
  io::Task<void>::Handle handle_{};
};

}  // namespace myelin::glia
