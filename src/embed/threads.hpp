// Threads: the loops of an embedded node, each on a thread of its own, and the way in from threads that are not theirs.
//
// Lifetime: nothing is in flight when it is destroyed. Thread: run() any but the loops'.
#pragma once

#include "embed/blocking.hpp"
#include "io/real.hpp"

#include <cstdint>
#include <memory>
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
    return run_on<T>(first(), std::move(make));
  }

 private:
  std::vector<std::unique_ptr<io::RealLoop>> loops_;
  std::vector<std::jthread> threads_;
};

}  // namespace myelin::embed
