// Mailbox: a protocol's events in the order in which they arrived; a ring that takes no memory before the first one,
// and gives a burst's memory back.
//
// The event that is being handled stays where it is until finish(), whatever is pushed meanwhile. The mailbox does not
// know its limit: what may be refused asks size() before push(); what cannot wait (replies, timers, session events) is
// bounded by what the protocol itself has under way. Thread: values.
#pragma once

#include "base/prefetch.hpp"
#include "protocol/event.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace myelin::protocol {

class Mailbox {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  template <typename Kind>
  void push(Kind&& event) {
    if (size_ + busy_ == ring_.size()) grow();
    ring_[(head_ + size_) & (ring_.size() - 1)] = std::forward<Kind>(event);
    ++size_;
  }
  // The oldest event, no longer counted; it stays in place until finish(). REQUIRES: not empty, none is begun.
  Event& begin() {
    Event& event = ring_[head_];
    head_ = (head_ + 1) & (ring_.size() - 1);
    --size_;
    busy_ = 1;
    return event;
  }
  void finish() {
    busy_ = 0;
    if (!old_ring_.empty()) {
      std::vector<Event>().swap(old_ring_);
    } else {
      ring_[(head_ - 1) & (ring_.size() - 1)] = InitEvent{};
    }
    if (size_ != 0) return;
    if (ring_.size() > kept_slots) std::vector<Event>().swap(ring_);
    head_ = 0;  // the same place again, which is still in the cache
  }
  // Asks the memory for where the next event will stand.
  void prefetch() const { prefetch_lines(ring_.data() + head_, 2); }
  // REQUIRES: index < size(); 0 is the oldest.
  const Event& at(std::size_t index) const { return ring_[(head_ + index) & (ring_.size() - 1)]; }
  // Takes out all events, the oldest first.
  std::vector<Event> take_all() {
    std::vector<Event> taken;
    taken.reserve(size_);
    for (std::size_t i = 0; i < size_; ++i) {
      taken.push_back(std::exchange(ring_[(head_ + i) & (ring_.size() - 1)], InitEvent{}));
    }
    size_ = 0;  // and the head stays behind the event that is being handled
    return taken;
  }

 private:
  static constexpr std::size_t first_slots = 4;  // powers of two
  static constexpr std::size_t kept_slots = 16;

  void grow() {
    std::vector<Event> larger(ring_.empty() ? first_slots : ring_.size() * 2);
    // Behind a place for the event that is being handled, as that one stands before the others.
    for (std::size_t i = 0; i < size_; ++i) larger[i + 1] = std::move(ring_[(head_ + i) & (ring_.size() - 1)]);
    ring_.swap(larger);
    head_ = 1;
    if (busy_ != 0 && old_ring_.empty()) old_ring_ = std::move(larger);
  }

  std::vector<Event> ring_;
  std::vector<Event> old_ring_;  // with the event that is being handled, if the ring grew meanwhile
  std::size_t head_ = 0;
  std::size_t size_ = 0;
  std::size_t busy_ = 0;  // 1 while an event is being handled
};

}  // namespace myelin::protocol
