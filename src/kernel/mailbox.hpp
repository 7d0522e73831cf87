// Mailbox: what waits for one process, bounded in messages and in bytes.
//
// A message counts from push() until release(): for a mailbox process that is when it has been answered, not when it
// was handed over. Whoever was refused is told once, when at most half of both bounds is in use. Thread: the process's
// shard.
#pragma once

#include "base/error.hpp"
#include "base/ids.hpp"
#include "kernel/parcel.hpp"
#include "kernel/room_list.hpp"

#include <cstddef>
#include <cstdint>

namespace myelin::kernel {

class Mailbox {
 public:
  Mailbox(std::uint32_t max_messages, std::uint64_t max_bytes) : max_messages_(max_messages), max_bytes_(max_bytes) {}

  // Errors: too_large (would not fit even alone), mailbox_full.
  Result<void> check(std::size_t bytes) const;
  // Whether check() would succeed.
  bool fits(std::size_t bytes) const { return messages_ < max_messages_ && bytes <= max_bytes_ - bytes_; }
  // REQUIRES: check(parcel->bytes) succeeded.
  void push(ParcelPtr parcel) {
    ++messages_;
    bytes_ += parcel->bytes;
    queue_.push_back(std::move(parcel));
  }
  bool empty() const { return queue_.empty(); }
  Parcel* front() const { return queue_.front(); }
  // The first; it still counts. REQUIRES: not empty().
  ParcelPtr pop() { return queue_.pop_front(); }
  // Takes the one with that ticket out of the queue and counts it no longer; null if it is not queued.
  ParcelPtr take(std::uint64_t ticket);
  // Everything queued, no longer counted.
  ParcelQueue take_all();
  void release(std::size_t bytes);

  std::size_t messages() const { return messages_; }  // that count: queued and unanswered
  std::uint64_t bytes() const { return bytes_; }

  // Those who were refused.
  RoomList& refused() { return refused_; }
  // Whether they are to be told.
  bool roomy() const { return messages_ <= max_messages_ / 2 && bytes_ <= max_bytes_ / 2; }

 private:
  std::uint32_t max_messages_;
  std::uint64_t max_bytes_;
  ParcelQueue queue_;
  std::size_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  RoomList refused_;
};

}  // namespace myelin::kernel
