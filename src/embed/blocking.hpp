// run_on: a task on a loop, and a thread that is not the loop's and waits for its value.
//
// Thread: any but the loop's.
#pragma once

#include "io/loop.hpp"
#include "io/scope.hpp"
#include "io/task.hpp"

#include <future>
#include <memory>
#include <optional>
#include <utility>

namespace myelin::embed {

template <typename T>
io::Task<void> deliver(io::Loop* loop, std::shared_ptr<std::unique_ptr<io::Scope>> scope, io::Task<T> task,
                       std::promise<T> promise) {
  std::optional<T> value(co_await std::move(task));
  // In a later turn the scope's only task has ended: then it may go, and only then may the caller go on.
  auto parcel = std::make_shared<std::pair<std::promise<T>, T>>(std::move(promise), std::move(*value));
  loop->post([scope, parcel] {
    scope->reset();
    parcel->first.set_value(std::move(parcel->second));
  });
}

// Runs the task that `make` gives on the loop, and blocks for its value. `make` is a plain function object.
template <typename T, typename F>
T run_on(io::Loop& on, F make) {
  std::promise<T> promise;
  std::future<T> value = promise.get_future();
  auto scope = std::make_shared<std::unique_ptr<io::Scope>>();  // shared: made and dropped on the loop, by two posts
  io::Loop* loop = &on;
  loop->post([loop, scope, make = std::move(make), promise = std::move(promise)]() mutable {
    *scope = std::make_unique<io::Scope>(*loop);
    (*scope)->spawn(deliver<T>(loop, scope, make(), std::move(promise)));
  });
  return value.get();
}

}  // namespace myelin::embed
