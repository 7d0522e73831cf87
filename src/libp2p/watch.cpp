#include "libp2p/watch.hpp"

#include <utility>

namespace myelin::libp2p {

Watch::Watch(io::Loop& loop, Instant when, const io::CancelToken& token, std::move_only_function<void()> stop)
    : loop_(loop), stop_(std::move(stop)) {
  timer_ = loop_.start_timer(when, [this] {
    timer_ = 0;
    fire(ErrorCode::timeout);
  });
  on_cancel_.emplace(token, [this] { fire(ErrorCode::cancelled); });
}

Watch::~Watch() {
  if (timer_ != 0) loop_.cancel_timer(timer_);
}

void Watch::fire(ErrorCode why) {
  if (fired_) return;
  fired_ = why;
  if (timer_ != 0) loop_.cancel_timer(std::exchange(timer_, 0));
  stop_();
}

Error Watch::explain(Error error) const {
  if (!fired_) return error;
  return {*fired_, *fired_ == ErrorCode::timeout ? "the time allowed has passed" : "cancelled"};
}

}  // namespace myelin::libp2p
