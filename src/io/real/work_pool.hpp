// WorkPool: a few threads for what blocks (disk, name lookup). Threads start when there is work for them.
//
// Work runs in the order of submission, several at a time; then `done` is posted to the loop's inbox.
// Thread: submit from the loop's. Lifetime: a pool that joins waits in its destructor for the work that has begun, and
// drops the rest; one that abandons leaves its threads to end on their own (their work must own all it touches).
#pragma once

#include "io/loop.hpp"
#include "io/real/inbox.hpp"

#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace myelin::io::real {

class WorkPool {
 public:
  enum class AtEnd : std::uint8_t { join, abandon };
  WorkPool(std::shared_ptr<Inbox> inbox, std::size_t max_threads, AtEnd at_end);
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;
  ~WorkPool();

  void submit(Callback work, Callback done);

 private:
  struct State;
  static void run(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;  // shared with the threads
  std::size_t max_threads_;
  AtEnd at_end_;
  std::vector<std::thread> threads_;
};

}  // namespace myelin::io::real
