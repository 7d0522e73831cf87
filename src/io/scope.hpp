// Scope: structured concurrency. It owns the tasks it spawns; cancel() fires their token; join() waits for their end.
//
// Invariant: no task outlives its scope: the destructor checks that none is left, so the owner awaits join() first. On
// a loop that has crashed (Loop::crashed) nothing can end any more: there the destructor destroys the tasks where they
// stand. A spawned task starts in a later turn of the loop, never inside spawn(). Thread: one loop.
#pragma once

#include "io/cancel.hpp"
#include "io/loop.hpp"
#include "io/sync.hpp"
#include "io/task.hpp"

#include <cstddef>
#include <memory>

namespace myelin::io {

class Scope {
 public:
  explicit Scope(Loop& loop);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();

  void spawn(Task<void> task);
  // Fires the token. Tasks that never look at it are waited for all the same.
  void cancel();
  CancelToken token() const;
  // Waits until no task is left. New tasks may be spawned by the last ones; they are waited for too.
  Task<void> join();
  std::size_t running() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace myelin::io
