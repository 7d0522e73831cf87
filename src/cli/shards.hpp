// Shards: the real loops of a program, the first on the calling thread, each other on a thread of its own.
//
// Lifetime: stop() before it is destroyed. Thread: the first loop's.
#pragma once

#include "io/real.hpp"

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace myelin::cli {

class Shards {
 public:
  // 0: one per core, at most 64.
  explicit Shards(std::uint32_t count);
  ~Shards();
  std::vector<io::Loop*> loops() const;
  io::RealLoop& first() { return *loops_.front(); }
  void stop();

 private:
  std::vector<std::unique_ptr<io::RealLoop>> loops_;
  std::vector<std::jthread> threads_;
};

}  // namespace myelin::cli
