#include "io/real/inbox.hpp"

#include "base/check.hpp"

#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace myelin::io::real {

Inbox::Inbox() : wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  MYELIN_CHECK(wake_fd_ >= 0, "no eventfd for a loop: out of descriptors at its creation");
}

Inbox::~Inbox() {
  drain([](Callback) {});
  close(wake_fd_);
}

void Inbox::post(Callback callback) {
  Node* node = new Node{std::move(callback), newest_.load(std::memory_order_relaxed)};
  // Sequentially consistent with asleep_: either the loop sees this node before it sleeps, or we see that it sleeps.
  while (!newest_.compare_exchange_weak(node->next, node, std::memory_order_seq_cst, std::memory_order_relaxed)) {
  }
  wake();
}

void Inbox::wake() {
  if (!asleep_.load(std::memory_order_seq_cst) || !asleep_.exchange(false, std::memory_order_seq_cst)) return;
  const std::uint64_t one = 1;
  // Fails only if the counter is full, which wakes as well.
  [[maybe_unused]] const auto written = write(wake_fd_, &one, sizeof one);
}

bool Inbox::prepare_sleep() {
  asleep_.store(true, std::memory_order_seq_cst);
  if (newest_.load(std::memory_order_seq_cst) == nullptr) return true;
  end_sleep();
  return false;
}

void Inbox::clear_wake_fd() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(wake_fd_, &count, sizeof count);
}

Inbox::Node* Inbox::reversed() {
  if (newest_.load(std::memory_order_relaxed) == nullptr) return nullptr;
  Node* node = newest_.exchange(nullptr, std::memory_order_acquire);
  Node* oldest = nullptr;
  while (node != nullptr) {
    Node* next = std::exchange(node->next, oldest);
    oldest = std::exchange(node, next);
  }
  return oldest;
}

}  // namespace myelin::io::real
