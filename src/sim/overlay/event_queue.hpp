// EventQueue: what is to happen, for all nodes at once: small keys over a pool of bodies, so that an event costs no
// allocation. Keys that are far lie in a wheel, those of the next window of time in a heap that stays in the cache. The
// next few keys stand before the heap in their order, so that the memory that these events need can be asked for ahead
// of them.
//
// Invariants: no key of the heap is before one of the front, none of the wheel before one of the heap; the front has
// `ahead` keys, or all.
// Order: by time; at one time by a salt that the seed gives to each pair of nodes (so that no node is always first);
// then by the order of the pushes. Events of one pair at one time keep their order. Thread: values.
#pragma once

#include "base/check.hpp"
#include "myelin/protocol/message.hpp"
#include "sim/overlay/wheel.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace myelin::sim::overlay {

enum class EventKind : std::uint8_t {
  wake,      // a node's own: a timer is due, or it asked for a turn
  message,   // from the session's other side
  dial,      // a connection reaches its target
  accept,    // the target's answer reaches the dialler
  refuse,    // nobody listens there
  expire,    // a dial was not answered in time
  end,       // the other side has ended the session, or its node is gone
  writable,  // half of what the other side had not yet taken has been taken
  stall,     // what was sent into a cut has not been acknowledged for long
  told,      // what a channel tells its own node: see Told
  retry,     // a failed dial is tried again
  node,      // a node starts
};

enum class Told : std::uint8_t { disconnected, failed, given_up, blocked, sent, unsent, stopped, resumed };

struct EventBody {
  EventKind kind = EventKind::wake;
  Told told = Told::sent;
  std::uint8_t error = 0;  // an ErrorCode: why
  std::uint8_t side = 0;   // of the session: whom it reaches
  std::uint16_t protocol = 0;
  std::uint32_t session = 0;
  std::uint32_t generation = 0;  // of the session, or of the node
  std::uint32_t peer = 0;
  std::uint64_t id = 0;  // of a send; attempts; a ticket
  protocol::MessageBox box;
};

class EventQueue {
 public:
  struct Key {
    std::int64_t at;
    std::uint64_t order;
    std::uint32_t node;
    std::uint32_t slot;
  };

  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_ + heap_.size() + wheel_.size(); }
  const Key& top() const { return front_[begin_]; }

  void push(std::int64_t at, std::uint16_t salt, std::uint32_t node, EventBody body) {
    const std::uint32_t slot = take_slot();
    bodies_[slot] = std::move(body);
    push_key({at, order(salt), node, slot});
  }
  // A wake has no body.
  void push_wake(std::int64_t at, std::uint16_t salt, std::uint32_t node) {
    push_key({at, order(salt), node, no_slot});
  }

  Key pop() {
    const Key top = front_[begin_++];
    if (end_ - begin_ < ahead) refill();
    return top;
  }
  // The key of the event that comes after so many others, as things stand; null: it is not known yet.
  static constexpr std::size_t ahead = 16;
  const Key* coming(std::size_t index) const { return begin_ + index < end_ ? &front_[begin_ + index] : nullptr; }
  // The body of an event that comes. REQUIRES: it has one.
  const EventBody& body(const Key& key) const { return bodies_[key.slot]; }
  static bool is_wake(const Key& key) { return key.slot == no_slot; }
  // Of a key that was popped, once.
  EventBody take(const Key& key) {
    free_.push_back(key.slot);
    return std::move(bodies_[key.slot]);
  }

 private:
  static constexpr std::uint32_t no_slot = UINT32_MAX;
  static constexpr std::size_t arity = 4;

  static bool before(const Key& a, const Key& b) { return a.at != b.at ? a.at < b.at : a.order < b.order; }
  std::uint64_t order(std::uint16_t salt) {
    MYELIN_CHECK(pushed_ < std::uint64_t{1} << 48, "more events than can be told apart");
    return std::uint64_t{salt} << 48 | pushed_++;
  }
  std::uint32_t take_slot() {
    if (free_.empty()) {
      bodies_.emplace_back();
      return static_cast<std::uint32_t>(bodies_.size() - 1);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  bool only_front() const { return heap_.empty() && wheel_.empty(); }
  // Into the front if it belongs before one that stands there, or if that is short and nothing else is left.
  void push_key(const Key& key) {
    const std::size_t count = end_ - begin_;
    if ((count >= ahead || !only_front()) && !before(key, front_[end_ - 1])) return put(key);
    // What is to happen soon, as most that comes here, has few before it.
    if (begin_ > 0 && count > 0 && before(key, front_[begin_ + count / 2])) {
      std::size_t at = --begin_;
      for (; before(front_[at + 1], key); ++at) front_[at] = front_[at + 1];
      front_[at] = key;
      return;
    }
    if (end_ == front_.size()) {
      make_room();
      if (!only_front() && !before(key, front_[end_ - 1])) return put(key);
    }
    std::size_t at = end_++;
    for (; at > begin_ && before(key, front_[at - 1]); --at) front_[at] = front_[at - 1];
    front_[at] = key;
  }
  // The front moves to its beginning; if it is long, its last ones go back.
  void make_room() {
    while (end_ - begin_ > 2 * ahead) put(front_[--end_]);
    std::move(front_.begin() + begin_, front_.begin() + end_, front_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  void refill() {
    if (only_front()) return;
    if (end_ + ahead > front_.size()) make_room();
    for (std::size_t i = 0; i < ahead; ++i) {
      if (heap_.empty()) {
        if (wheel_.empty()) return;
        wheel_.next([this](const Key& key) { push_heap(key); });
      }
      front_[end_++] = heap_.front();
      const Key last = heap_.back();
      heap_.pop_back();
      if (!heap_.empty()) sift_down(last);
    }
  }
  // Behind the front.
  void put(const Key& key) {
    if (wheel_.is_later(key.at)) {
      wheel_.add(key);
    } else {
      push_heap(key);
    }
  }
  void push_heap(const Key& key) {
    std::size_t at = heap_.size();
    heap_.push_back(key);
    while (at > 0) {
      const std::size_t parent = (at - 1) / arity;
      if (!before(key, heap_[parent])) break;
      heap_[at] = heap_[parent];
      at = parent;
    }
    heap_[at] = key;
  }
  void sift_down(const Key& key) {
    const std::size_t size = heap_.size();
    std::size_t at = 0;
    while (true) {
      const std::size_t first = at * arity + 1;
      if (first >= size) break;
      const std::size_t end = first + arity < size ? first + arity : size;
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child)
        if (before(heap_[child], heap_[least])) least = child;
      if (!before(heap_[least], key)) break;
      heap_[at] = heap_[least];
      at = least;
    }
    heap_[at] = key;
  }

  std::array<Key, 8 * ahead> front_{};  // [begin_, end_)
  std::size_t begin_ = 0, end_ = 0;
  std::vector<Key> heap_;
  Wheel<Key> wheel_;
  std::vector<EventBody> bodies_;
  std::vector<std::uint32_t> free_;
  std::uint64_t pushed_ = 0;
};

}  // namespace myelin::sim::overlay
