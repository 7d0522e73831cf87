// Descriptor: an owned file descriptor whose readiness can be awaited on a loop. What is read and written is the
// caller's business, with plain system calls on fd(); nothing here moves bytes.
//
// Waits are for changes: who waits has seen that there is nothing (EAGAIN), or has read less than it asked for while
// the other end was not known to have ended (half_closed()). What changed since, even while nobody waited, ends the
// wait at once. A wait may end in vain: the system call tells.
//
// At most one wait each way at a time. Thread: the loop's. Lifetime: destroying, closing or releasing ends the waits
// with `false`; the waiting tasks are resumed in a later turn.
#pragma once

#include "io/loop.hpp"

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace myelin::io::real {

class LoopCore;

enum class Way : std::uint8_t { read, write };

class Descriptor {
 public:
  // Takes over `fd`, which must be non-blocking and of a kind that epoll watches. If epoll
  // refuses it, it is closed and fd() is -1.
  Descriptor(LoopCore& loop, int fd);
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  int fd() const { return fd_; }  // -1 once closed or released
  // Suspends until the descriptor is ready that way (true; also when it is broken: the system call tells), or until
  // cancel() (false).
  auto wait(Way way) {
    struct Awaiter {
      Descriptor* descriptor;
      Way way;
      bool ready = false;
      bool await_ready() { return ready = descriptor->take_change(way); }
      void await_suspend(std::coroutine_handle<> handle) { descriptor->start(way, handle, &ready); }
      bool await_resume() const noexcept { return ready; }
    };
    return Awaiter{this, way};
  }
  // Calls `callback` at the next change of what there is to read; at most once, not after cancel(). Within the loop's
  // look at its descriptors: it must be short.
  void on_readable(Callback callback);
  // A system call that way follows, and sees whatever has changed until now.
  void forget_change(Way way) { side(way).changed = false; }
  // Whether the other end is known to send no more, or something out of the ordinary: then a short read proves nothing.
  bool half_closed() const { return half_closed_; }
  void cancel();
  void close();
  int release();

 private:
  friend class Poller;
  struct Side {
    std::coroutine_handle<> task;
    bool* ready = nullptr;
    bool changed = false;  // and nobody has been told
  };
  Side& side(Way way) { return sides_[static_cast<std::size_t>(way)]; }
  bool take_change(Way way);
  void start(Way way, std::coroutine_handle<> handle, bool* ready);
  void became_ready(std::uint32_t events);
  void change(Way way);
  void end_waits();

  LoopCore& loop_;
  int fd_;
  std::array<Side, 2> sides_;
  Callback callback_;  // the reading side's, where no task waits
  bool half_closed_ = false;
  bool watches_writes_ = false;
};

}  // namespace myelin::io::real
