// ask(): a coroutine of one loop runs a function on a shard and awaits its value.
//
// The answer comes back by post; the state between is shared by the waiting frame and the post. Thread: the caller's.
// As every task, it must not be dropped while it waits.
#pragma once

#include "io/sync.hpp"
#include "io/task.hpp"
#include "kernel/core.hpp"
#include "kernel/shard.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace myelin::kernel {

template <typename T>
class Reply {
 public:
  explicit Reply(io::Loop& loop) : state_(std::make_shared<State>(loop)) {}
  // From any thread, once.
  void give(T value) const {
    state_->loop.post([state = state_, value = std::move(value)]() mutable {
      state->value.emplace(std::move(value));
      state->event.set();
    });
  }
  // On the loop. Keep the Reply alive while waiting.
  io::Task<T> wait() const { return wait_for(state_); }

 private:
  struct State {
    explicit State(io::Loop& l) : loop(l), event(l) {}
    io::Loop& loop;
    io::Event event;
    std::optional<T> value;
  };
  static io::Task<T> wait_for(std::shared_ptr<State> state) {
    co_await state->event.wait();
    co_return std::move(*state->value);
  }
  std::shared_ptr<State> state_;  // shared: with the one who gives, who may be on another thread
};

template <typename T>
io::Task<T> ask(io::Loop* caller, std::shared_ptr<Core> core, std::size_t shard,
                std::move_only_function<T(Shard&)> work) {
  Reply<T> reply(*caller);
  core->post(*core->shards[shard], [reply, work = std::move(work)](Shard& there) mutable { reply.give(work(there)); });
  co_return co_await reply.wait();
}

}  // namespace myelin::kernel
