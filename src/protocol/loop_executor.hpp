// LoopExecutor: the turn of a core on an io::Loop, real or simulated.
//
// Thread: the loop's. Lifetime: the loop outlives it; what it posted and did not run yet dies with it.
#pragma once

#include "io/loop.hpp"
#include "protocol/executor.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace myelin::protocol {

class LoopExecutor final : public Executor {
 public:
  LoopExecutor(io::Loop& loop, std::function<void()> turn);
  ~LoopExecutor() override;
  LoopExecutor(const LoopExecutor&) = delete;
  LoopExecutor& operator=(const LoopExecutor&) = delete;

  Instant now() const override { return loop_.now(); }
  std::uint64_t random() override { return loop_.random_u64(); }
  void wake() override;
  void wake_at(Instant when) override;
  // Runs `callback` in a later turn of the loop, unless the executor has gone.
  void post(std::function<void()> callback);

 private:
  void start_timer();
  void fired();

  io::Loop& loop_;
  std::function<void()> turn_;
  std::shared_ptr<bool> alive_;  // shared with the posts under way
  bool woken_ = false;
  Instant wish_ = Instant::max();
  Instant timer_at_ = Instant::max();
  io::Loop::TimerId timer_ = 0;
};

}  // namespace myelin::protocol
