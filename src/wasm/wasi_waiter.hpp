// Waiter: how a host call that answered `pending` gets its guest resumed.
//
// The call arms the Waiter with callbacks (for descriptors), a time, or a later turn; the first of them that comes true
// calls the owner's wake function, once, in a turn of its own. What was armed and lost the race does nothing.
// Invariants: at most one wake per arming; none after disarm() or the Waiter's end, though a descriptor or a post may
// hold its callback longer. Thread: the loop's.
#pragma once

#include "base/time.hpp"
#include "io/loop.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace myelin::wasm::wasi {

class Waiter {
 public:
  explicit Waiter(io::Loop& loop) : loop_(loop), shared_(std::make_shared<Shared>()) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { disarm(); }

  void set_wake(std::function<void()> wake) { shared_->wake = std::move(wake); }
  // Arms, and gives a callback for whoever knows when it is time.
  io::Callback callback();
  // Arms for `when`, instead of the time armed before.
  void at(Instant when);
  // Arms for a later turn: other callbacks of the loop run first.
  void soon() { loop_.post(callback()); }
  void disarm();
  bool armed() const { return shared_->armed; }

 private:
  struct Shared {
    std::function<void()> wake;
    std::uint64_t epoch = 0;
    bool armed = false;
  };
  io::Loop& loop_;
  std::shared_ptr<Shared> shared_;  // shared: posts and descriptors may hold a callback after the Waiter's end
  io::Loop::TimerId timer_ = 0;
};

}  // namespace myelin::wasm::wasi
