// Mailbox: what waits for one process, bounded in messages and in bytes.
//
// A message counts from push() until release(): for a mailbox process that is when it has been answered, not when it
// was handed over. Whoever was refused is told once, when at most half of both bounds is in use. Pure. Thread: the
// process's shard.
#pragma once

#include "base/error.hpp"
#include "base/fifo.hpp"
#include "kernel/delivery.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

namespace myelin::kernel {

class Mailbox {
 public:
  Mailbox(std::uint32_t max_messages, std::uint64_t max_bytes) : max_messages_(max_messages), max_bytes_(max_bytes) {}

  // Errors: too_large (would not fit even alone), mailbox_full.
  Result<void> check(std::size_t bytes) const;
  // REQUIRES: check(delivery->bytes) succeeded.
  void push(std::unique_ptr<Delivery> delivery);
  bool empty() const { return queue_.empty(); }
  Delivery* front() const { return queue_.empty() ? nullptr : queue_.front().get(); }
  // The first; it still counts.
  std::unique_ptr<Delivery> pop();
  // Takes the one with that ticket out of the queue and counts it no longer; null if it is not queued.
  std::unique_ptr<Delivery> take(std::uint64_t ticket);
  // Everything queued, no longer counted.
  std::vector<std::unique_ptr<Delivery>> take_all();
  void release(std::size_t bytes);

  std::size_t messages() const { return messages_; }  // that count: queued and unanswered
  std::uint64_t bytes() const { return bytes_; }

  // Remembers a sender that was refused. False if too many wait already: it will not be told.
  bool want_room(const Pid& sender);
  // Those to tell now, in order; empty while there is no room.
  std::vector<Pid> take_roomy();
  // Those to tell because the mailbox is gone.
  std::vector<Pid> take_waiting();

 private:
  std::uint32_t max_messages_;
  std::uint64_t max_bytes_;
  Fifo<std::unique_ptr<Delivery>> queue_;
  std::size_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  std::set<Pid> waiting_;
};

}  // namespace myelin::kernel
