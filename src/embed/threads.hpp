// Threads: the loops of an embedded node, each on a thread of its own, and the way in from threads that are not theirs.
//
// Lifetime: nothing is in flight when it is destroyed. Thread: run() any but the loops'.
#pragma once

#include "io/real.hpp"
#include "io/scope.hpp"
#include "io/task.hpp"

#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace myelin::embed {

class Threads {
 public:
  explicit Threads(std::uint32_t count);
  ~Threads();
  std::vector<io::Loop*> loops() const;
  io::Loop& first() const { return *loops_.front(); }

  // Runs the task that `make` gives on the first loop, and blocks for its value. `make` is a plain function object.
  template <typename T, typename F>
  T run(F make) {
    std::promise<T> promise;
    std::future<T> value = promise.get_future();
    auto scope = std::make_shared<std::unique_ptr<io::Scope>>();  // shared: made and dropped on the loop, by two posts
    io::Loop* loop = &first();
    loop->post([loop, scope, make = std::move(make), promise = std::move(promise)]() mutable {
      *scope = std::make_unique<io::Scope>(*loop);
      (*scope)->spawn(deliver<T>(loop, scope, make(), std::move(promise)));
    });
    return value.get();
  }

 private:
  template <typename T>
  static io::Task<void> deliver(io::Loop* loop, std::shared_ptr<std::unique_ptr<io::Scope>> scope, io::Task<T> task,
                                std::promise<T> promise) {
    std::optional<T> value(co_await std::move(task));
    // In a later turn the scope's only task has ended: then it may go, and only then may the caller go on.
    auto parcel = std::make_shared<std::pair<std::promise<T>, T>>(std::move(promise), std::move(*value));
    loop->post([scope, parcel] {
      scope->reset();
      parcel->first.set_value(std::move(parcel->second));
    });
  }

  std::vector<std::unique_ptr<io::RealLoop>> loops_;
  std::vector<std::jthread> threads_;
};

}  // namespace myelin::embed
