// Processes for one message each, as Node::spawn_calls() and spawn_call() offer them.
//
// A batch crosses to each shard's thread once, and back once at its end. There every process that ends begins the next,
// so that a shard that is faster does more of them. Thread: any but the loops'.
#pragma once

#include "io/loop.hpp"
#include "kernel/kernel.hpp"
#include "myelin/node.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace myelin::embed {

struct Passing {
  kernel::SpawnSpec spec;  // `loaded` set
  std::string method;
  std::chrono::milliseconds timeout{0};  // 0: none
  std::size_t max_answer_bytes = 0;
};

// Under way at a time on each shard: enough to hide that one waits for something, few enough to stay in the caches.
inline constexpr std::size_t under_way = 8;

// Blocks until all have ended.
std::vector<Result<std::string>> run_all(kernel::Kernel& kernel, std::vector<io::Loop*> loops, Passing passing,
                                         std::span<const std::string> inputs);

// `done` runs on `loop`.
void run_one(kernel::Kernel& kernel, io::Loop& loop, Passing passing, std::string input, Node::Answered done);

}  // namespace myelin::embed
