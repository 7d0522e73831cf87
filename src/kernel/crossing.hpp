// Crossing: the way of parcels from the other shards to one, without a lock.
//
// A sender links what it has for a shard into a chain of its own while a guest runs, and publishes the chain with one
// exchange when the slice has ended; the receiver takes everything that one sender has published with another. Whoever
// published first since the receiver looked wakes it. Bounded by its senders: each parcel is a request with a reserved
// place, or the end of one.
//
// Invariant: parcels from one shard arrive in the order in which they were sent. Thread: publish() the sender's,
// take() the receiver's; destroyed when neither uses it.
#pragma once

#include "kernel/parcel.hpp"

#include <atomic>

namespace myelin::kernel {

// From one shard to one other.
class Crossing {
 public:
  Crossing() = default;
  Crossing(const Crossing&) = delete;
  Crossing& operator=(const Crossing&) = delete;
  ~Crossing() {
    (void)take();
    (void)unpublished();
  }

  // The sender's.
  void add(ParcelPtr parcel);
  Parcel* latest() { return newest_; }  // not published yet; null: none
  // True if the receiver must be told to look.
  bool publish();
  ParcelQueue unpublished();

  // The receiver's: everything published, oldest first.
  bool any() const { return published_.load(std::memory_order_relaxed) != nullptr; }
  ParcelQueue take();

 private:
  static ParcelQueue in_order(Parcel* newest);
  // Newest first, so that a chain is put before what is still there.
  Parcel* newest_ = nullptr;
  Parcel* oldest_ = nullptr;
  alignas(64) std::atomic<Parcel*> published_{nullptr};
};

}  // namespace myelin::kernel
