// Parcel: what waits in a mailbox or among a process's events, linked into the one queue that holds it.
//
//   Delivery   a message from outside the node's processes, or to one that has no mailbox (delivery.hpp)
//   Letter     a request of one process to another of this node, and later its outcome on the way home (letter.hpp)
//   Notice     an event without content: room, cancelled, readable, writable
//   Receipt    how many one-way letters another shard has accepted
//
// Invariants: a parcel is in at most one queue; one owner holds it, and a ParcelPtr destroys what kind it is. Thread:
// the shard that holds it.
#pragma once

#include "io/loop.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace myelin::kernel {

struct Parcel {
  enum class Kind : std::uint8_t { delivery, letter, notice, receipt };

  explicit Parcel(Kind k) : kind(k) {}
  Parcel(const Parcel&) = delete;
  Parcel& operator=(const Parcel&) = delete;

  const Kind kind;
  Parcel* next = nullptr;    // in its queue
  std::uint64_t order = 0;   // among all that its receiver will receive
  std::uint64_t id = 0;      // for `receive`: the receiver's own number for it
  std::size_t bytes = 0;     // counted on the mailbox, or on the receiver's events
  std::uint64_t ticket = 0;  // of what has a deadline or a caller that may leave; unique in the node; 0: none
  io::Loop::TimerId deadline_timer = 0;

 protected:
  ~Parcel() = default;
};

struct ParcelRelease {
  ParcelRelease() = default;
  template <typename T>
  ParcelRelease(const std::default_delete<T>&) {}  // NOLINT(google-explicit-constructor): takes over from unique_ptr
  void operator()(Parcel* parcel) const;
};
using ParcelPtr = std::unique_ptr<Parcel, ParcelRelease>;

// REQUIRES: it is a T.
template <typename T>
std::unique_ptr<T, ParcelRelease> as(ParcelPtr parcel) {
  return std::unique_ptr<T, ParcelRelease>(static_cast<T*>(parcel.release()));
}

// First in, first out; owns what is in it, and takes no memory of its own.
class ParcelQueue {
 public:
  ParcelQueue() = default;
  ParcelQueue(ParcelQueue&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)) {}
  ParcelQueue& operator=(ParcelQueue&& other) noexcept {
    ParcelQueue taken(std::move(other));
    std::swap(first_, taken.first_);
    std::swap(last_, taken.last_);
    return *this;
  }
  ~ParcelQueue() {
    while (!empty()) pop_front();
  }
  bool empty() const { return first_ == nullptr; }
  Parcel* front() const { return first_; }
  void push_back(ParcelPtr parcel) {
    Parcel* raw = parcel.release();
    raw->next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = raw;
    last_ = raw;
  }
  // REQUIRES: not empty().
  ParcelPtr pop_front() {
    ParcelPtr parcel(first_);
    first_ = std::exchange(parcel->next, nullptr);
    if (first_ == nullptr) last_ = nullptr;
    return parcel;
  }
  // The one with that ticket, or null.
  ParcelPtr take(std::uint64_t ticket);

 private:
  Parcel* first_ = nullptr;
  Parcel* last_ = nullptr;
};

}  // namespace myelin::kernel
