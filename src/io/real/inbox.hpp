// Inbox: callbacks from any thread to one loop, without a lock. A post is one allocation and one exchange; the loop is
// woken through its eventfd only while it sleeps, and once.
//
// Invariant: callbacks of one thread come out in the order in which it posted them. Lifetime: shared by the loop and by
// threads whose work may outlive the loop (a name lookup cannot be stopped); what arrives after the loop is destroyed
// with the inbox, uncalled.
#pragma once

#include "io/loop.hpp"

#include <atomic>

namespace myelin::io::real {

class Inbox {
 public:
  Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;
  ~Inbox();

  // Any thread.
  void post(Callback callback);
  // Makes the loop's sleep end, if it sleeps. Any thread.
  void wake();

  // The rest: the loop's thread.
  // Calls `take` for each callback here, oldest first; whether there was one.
  template <typename Take>
  bool drain(Take take) {
    Node* node = reversed();
    const bool any = node != nullptr;
    while (node != nullptr) {
      take(std::move(node->callback));
      delete std::exchange(node, node->next);
    }
    return any;
  }
  // Whether something has arrived.
  bool any() const { return newest_.load(std::memory_order_relaxed) != nullptr; }
  // False if something has arrived, so that the loop must not sleep; else posts from now on write the eventfd.
  bool prepare_sleep();
  void end_sleep() { asleep_.store(false, std::memory_order_relaxed); }
  int wake_fd() const { return wake_fd_; }
  void clear_wake_fd() const;

 private:
  struct Node {
    Callback callback;
    Node* next;
  };
  Node* reversed();

  std::atomic<Node*> newest_{nullptr};
  std::atomic<bool> asleep_{false};
  int wake_fd_;
};

}  // namespace myelin::io::real
