// Descriptor: an owned file descriptor whose readiness can be awaited on a loop. What is read and written is the
// caller's business, with plain system calls on fd(); nothing here moves bytes.
//
// At most one wait each way at a time. Thread: the loop's. Lifetime: destroying, closing or releasing ends the waits
// with `false`; the waiting tasks are resumed in a later turn.
#pragma once

#include "io/loop.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>

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

  int fd() const;  // -1 once closed or released
  // Suspends until the descriptor is ready that way (true; also when it is broken: the system call tells), or until
  // cancel() (false).
  auto wait(Way way) {
    struct Awaiter {
      Descriptor* descriptor;
      Way way;
      bool ready = false;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> handle) { descriptor->start(way, handle, &ready); }
      bool await_resume() const noexcept { return ready; }
    };
    return Awaiter{this, way};
  }
  // Calls `callback` when the descriptor is ready that way; at most once, not after cancel(). Within the loop's poll:
  // it must be short.
  void on_ready(Way way, Callback callback);
  void cancel();
  void close();
  int release();

 private:
  struct Watch;
  void start(Way way, std::coroutine_handle<> handle, bool* ready);
  std::shared_ptr<Watch> watch_;  // shared with Asio's handlers, which run after a cancel as well
};

}  // namespace myelin::io::real
