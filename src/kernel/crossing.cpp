#include "kernel/crossing.hpp"

#include <utility>

namespace myelin::kernel {

void Crossing::add(ParcelPtr parcel) {
  Parcel* raw = parcel.release();
  raw->next = newest_;
  newest_ = raw;
  if (oldest_ == nullptr) oldest_ = raw;
}

bool Crossing::publish() {
  if (newest_ == nullptr) return false;
  Parcel* there = published_.load(std::memory_order_relaxed);
  do {
    oldest_->next = there;
  } while (!published_.compare_exchange_weak(there, newest_, std::memory_order_release, std::memory_order_relaxed));
  newest_ = oldest_ = nullptr;
  return there == nullptr;
}

ParcelQueue Crossing::unpublished() {
  oldest_ = nullptr;
  return in_order(std::exchange(newest_, nullptr));
}

ParcelQueue Crossing::take() { return in_order(published_.exchange(nullptr, std::memory_order_acquire)); }

ParcelQueue Crossing::in_order(Parcel* newest) {
  Parcel* first = nullptr;
  while (newest != nullptr) {
    Parcel* older = std::exchange(newest->next, first);
    first = std::exchange(newest, older);
  }
  ParcelQueue queue;
  while (first != nullptr) {
    Parcel* next = first->next;
    queue.push_back(ParcelPtr(first));
    first = next;
  }
  return queue;
}

}  // namespace myelin::kernel
