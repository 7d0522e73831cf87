// The seam to the world: one Loop is one thread's event loop, and the only way to time, entropy, network, disk, child
// processes and anything that may block.
//
// Two implementations: real (real/, over epoll) and simulated (simulated/, where all loops of all nodes are turns of one
// seeded scheduler on one thread). Code above this folder sees no difference.
//
// Invariants: callbacks never run inside the call that registers them; on one loop callbacks run one after another;
// callbacks posted by one thread run in the order of their posts; a timer never fires before its time. Thread: `post`
// from any thread; everything else only on the loop's own. Lifetime: a Loop outlives everything that was given a
// reference to it.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "io/task.hpp"

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>

namespace myelin::io {

class Network;
class Files;
class Children;

using Callback = std::move_only_function<void()>;

class Loop {
 public:
  virtual ~Loop() = default;

  // Monotonic time of this turn's start or later; never runs backwards.
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;

  // Runs `callback` on this loop, soon, after what was posted before it. Any thread.
  virtual void post(Callback callback) = 0;
  // Resumes `handle` in a later turn; cheaper than post. Loop's thread.
  virtual void resume_soon(std::coroutine_handle<> handle) = 0;
  // Whether the caller runs on this loop.
  virtual bool here() const = 0;

  // Whether the loop has died for good and will never run anything again: only a loop of a crashed simulated host. Who
  // owns suspended tasks may then destroy them where they stand (Scope does).
  virtual bool crashed() const { return false; }

  // Calls `callback` once, at or after `when`. The id is never 0 and never reused within a run.
  using TimerId = std::uint64_t;
  virtual TimerId start_timer(Instant when, Callback callback) = 0;
  // No effect if it has fired or was cancelled; after the return it will not fire.
  virtual void cancel_timer(TimerId id) = 0;

  // Fills `out` with bytes from the system's CSPRNG (simulated: from the seed).
  virtual void random(MutableView out) = 0;
  std::uint64_t random_u64();

  virtual Network& network() = 0;
  virtual Files& files() = 0;
  virtual Children& children() = 0;

  // Runs `work` where it may block (real: a small thread pool; simulated: at once, ending at a virtual time) and then
  // `done` on this loop. `work` touches nothing of a loop.
  virtual void offload(Callback work, Callback done) = 0;
};

// Awaits `work`'s end: `co_await io::offload(loop, [x = std::move(x)] { … });` The work is a plain function object, not
// a coroutine.
Task<void> offload(Loop& loop, Callback work);

}  // namespace myelin::io
