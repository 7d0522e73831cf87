#include "protocol/loop_executor.hpp"

#include <utility>

namespace myelin::protocol {

LoopExecutor::LoopExecutor(io::Loop& loop, std::function<void()> turn)
    : loop_(loop), turn_(std::move(turn)), alive_(std::make_shared<bool>(true)) {}

LoopExecutor::~LoopExecutor() {
  *alive_ = false;
  if (timer_ != 0) loop_.cancel_timer(timer_);
}

void LoopExecutor::wake() {
  if (woken_) return;
  woken_ = true;
  loop_.post([this, alive = alive_] {
    if (!*alive) return;
    woken_ = false;
    turn_();
  });
}

// The loop's timer is left where it is when the wish moves to later: it then finds that it came too early.
void LoopExecutor::wake_at(Instant when) {
  wish_ = when;
  if (wish_ < timer_at_) start_timer();
}

void LoopExecutor::start_timer() {
  if (timer_ != 0) loop_.cancel_timer(timer_);
  timer_at_ = wish_;
  timer_ = loop_.start_timer(timer_at_, [this] { fired(); });
}

void LoopExecutor::fired() {
  timer_ = 0;
  timer_at_ = Instant::max();
  if (wish_ == Instant::max()) return;
  if (loop_.now() < wish_) return start_timer();
  wish_ = Instant::max();
  turn_();
}

void LoopExecutor::post(std::function<void()> callback) {
  loop_.post([alive = alive_, callback = std::move(callback)] {
    if (*alive) callback();
  });
}

}  // namespace myelin::protocol
