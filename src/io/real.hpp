// The real world: loops over epoll, one thread each. The only header of real/ that others include.
//
// Thread: make a RealLoop anywhere, run() it on the thread that becomes its own.
#pragma once

#include "io/loop.hpp"

#include <memory>

namespace myelin::io {

class RealLoop : public Loop {
 public:
  static std::unique_ptr<RealLoop> create();
  // Runs until stop(). The calling thread is the loop's thread.
  virtual void run() = 0;
  // Runs what is ready now and returns (tests, embedding).
  virtual void poll() = 0;
  // Makes run() return after the callback under way. Any thread.
  virtual void stop() = 0;
  // How long at most it looks at its descriptors before it sleeps, and only while what it waits for has come that soon
  // (0 at first: not at all). REQUIRES: not negative. Thread: the loop's, or before run().
  virtual void set_busy_wait(Duration most) = 0;
  // Runs `task` to its end on the calling thread (tests, short commands). REQUIRES: run() is not under way.
  void run_until_done(Task<void> task);
};

// Calls `callback` on `loop` for each SIGTERM or SIGINT from now on; replaces the process's default action.
void on_terminate(RealLoop& loop, std::move_only_function<void(int signal)> callback);

}  // namespace myelin::io
