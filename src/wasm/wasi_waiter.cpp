#include "wasm/wasi_waiter.hpp"

#include <utility>

namespace myelin::wasm::wasi {

io::Callback Waiter::callback() {
  shared_->armed = true;
  return [weak = std::weak_ptr<Shared>(shared_), epoch = shared_->epoch] {
    const std::shared_ptr<Shared> shared = weak.lock();
    if (!shared || !shared->armed || shared->epoch != epoch) return;
    shared->armed = false;
    ++shared->epoch;
    // A copy: waking may end the guest, its Waiter with it, or set another wake function.
    const std::function<void()> wake = shared->wake;
    if (wake) wake();
  };
}

void Waiter::at(Instant when) {
  if (timer_ != 0) loop_.cancel_timer(timer_);
  timer_ = loop_.start_timer(when, callback());
}

void Waiter::disarm() {
  if (timer_ != 0) loop_.cancel_timer(std::exchange(timer_, 0));
  if (!shared_->armed) return;
  shared_->armed = false;
  ++shared_->epoch;
}

}  // namespace myelin::wasm::wasi
