#include "embed/threads.hpp"

#include <algorithm>

namespace myelin::embed {

Threads::Threads(std::uint32_t count) {
  if (count == 0) count = std::clamp<std::uint32_t>(std::thread::hardware_concurrency(), 1, 64);
  for (std::uint32_t i = 0; i < count; ++i) loops_.push_back(io::RealLoop::create());
  for (const auto& loop : loops_) {
    threads_.emplace_back([raw = loop.get()] { raw->run(); });
  }
}

Threads::~Threads() {
  for (const auto& loop : loops_) loop->stop();
  threads_.clear();
}

std::vector<io::Loop*> Threads::loops() const {
  std::vector<io::Loop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  return loops;
}

}  // namespace myelin::embed
