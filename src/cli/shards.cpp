#include "cli/shards.hpp"

#include <algorithm>

namespace myelin::cli {

Shards::Shards(std::uint32_t count) {
  if (count == 0) count = std::clamp<std::uint32_t>(std::thread::hardware_concurrency(), 1, 64);
  for (std::uint32_t i = 0; i < count; ++i) loops_.push_back(io::RealLoop::create());
  for (std::uint32_t i = 1; i < count; ++i) {
    threads_.emplace_back([loop = loops_[i].get()] { loop->run(); });
  }
}

Shards::~Shards() { stop(); }

std::vector<io::Loop*> Shards::loops() const {
  std::vector<io::Loop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  return loops;
}

void Shards::stop() {
  for (std::size_t i = 1; i < loops_.size(); ++i) loops_[i]->stop();
  threads_.clear();
}

}  // namespace myelin::cli
