// Fifo: a first-in first-out queue that costs nothing while it is empty, with the names of std::deque. InlineFifo: the
// same with room for a few items inside, for queues that mostly hold one.
//
// A std::deque takes two pieces of memory, more than half a kilobyte, at birth; every process, stream and message has
// several queues that are mostly empty or hold one item. Iterators and references end at the next push_back, pop_front
// or erase, and when the queue is moved. Thread: values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace myelin {

template <typename T>
class Fifo {
 public:
  using iterator = typename std::vector<T>::iterator;
  using const_iterator = typename std::vector<T>::const_iterator;
  using value_type = T;

  Fifo() = default;
  Fifo(const Fifo& other) : items_(other.begin(), other.end()) {}
  Fifo(Fifo&& other) noexcept : items_(std::move(other.items_)), head_(std::exchange(other.head_, 0)) {
    other.items_.clear();
  }
  Fifo& operator=(const Fifo& other) {
    if (this != &other) *this = Fifo(other);
    return *this;
  }
  Fifo& operator=(Fifo&& other) noexcept {
    Fifo taken(std::move(other));
    items_.swap(taken.items_);
    std::swap(head_, taken.head_);
    return *this;
  }
  ~Fifo() = default;

  bool empty() const { return head_ == items_.size(); }
  std::size_t size() const { return items_.size() - head_; }
  // REQUIRES: not empty().
  T& front() { return items_[head_]; }
  const T& front() const { return items_[head_]; }
  // REQUIRES: index < size().
  T& operator[](std::size_t index) { return items_[head_ + index]; }
  const T& operator[](std::size_t index) const { return items_[head_ + index]; }
  iterator begin() { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  iterator end() { return items_.end(); }
  const_iterator begin() const { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  const_iterator end() const { return items_.end(); }

  void push_back(T item) { items_.push_back(std::move(item)); }
  // REQUIRES: not empty().
  void pop_front() {
    [[maybe_unused]] const T dropped = std::move(items_[head_++]);
    if (empty()) {
      head_ = 0;
      if (items_.capacity() * sizeof(T) > kept_bytes) {
        std::vector<T>().swap(items_);  // one burst does not keep its memory for ever
      } else {
        items_.clear();
      }
    } else if (head_ >= 32 && head_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), begin());
      head_ = 0;
    }
  }
  void erase(iterator at) {
    if (at == begin()) return pop_front();
    items_.erase(at);
  }
  void clear() {
    // Moved out first: an item's destructor may come back here.
    [[maybe_unused]] const std::vector<T> dropped = std::exchange(items_, {});
    head_ = 0;
  }

 private:
  static constexpr std::size_t kept_bytes = 4096;

  std::vector<T> items_;
  std::size_t head_ = 0;  // those before it were popped
};

// Takes memory only beyond `inside` items. T moves without throwing.
template <typename T, std::size_t inside>
class InlineFifo {
  static_assert(inside > 0 && std::is_nothrow_move_constructible_v<T>);

 public:
  using iterator = T*;
  using const_iterator = const T*;
  using value_type = T;

  InlineFifo() = default;
  InlineFifo(const InlineFifo& other) { append(other); }
  InlineFifo(InlineFifo&& other) noexcept { take(other); }
  InlineFifo& operator=(const InlineFifo& other) {
    if (this != &other) {
      clear();
      append(other);
    }
    return *this;
  }
  InlineFifo& operator=(InlineFifo&& other) noexcept {
    if (this != &other) {
      clear();
      take(other);
    }
    return *this;
  }
  ~InlineFifo() { clear(); }

  bool empty() const { return head_ == end_; }
  std::size_t size() const { return end_ - head_; }
  // REQUIRES: not empty().
  T& front() { return items()[head_]; }
  const T& front() const { return items()[head_]; }
  T& back() { return items()[end_ - 1]; }
  const T& back() const { return items()[end_ - 1]; }
  // REQUIRES: index < size().
  T& operator[](std::size_t index) { return items()[head_ + index]; }
  const T& operator[](std::size_t index) const { return items()[head_ + index]; }
  iterator begin() { return items() + head_; }
  iterator end() { return items() + end_; }
  const_iterator begin() const { return items() + head_; }
  const_iterator end() const { return items() + end_; }

  void push_back(T item) {
    if (end_ == capacity_) make_room();
    std::construct_at(items() + end_, std::move(item));
    ++end_;
  }
  // REQUIRES: not empty().
  void pop_front() {
    [[maybe_unused]] const T dropped = std::move(front());
    std::destroy_at(items() + head_++);
    if (empty()) reset();
  }
  void clear() {
    std::destroy(begin(), end());
    head_ = end_;
    reset();
  }

 private:
  T* items() { return more_ != nullptr ? more_ : reinterpret_cast<T*>(room_); }
  const T* items() const { return more_ != nullptr ? more_ : reinterpret_cast<const T*>(room_); }
  void append(const InlineFifo& other) {
    for (const T& item : other) push_back(item);
  }
  void take(InlineFifo& other) noexcept {
    if (other.more_ != nullptr) {
      more_ = std::exchange(other.more_, nullptr);
      head_ = std::exchange(other.head_, 0);
      end_ = std::exchange(other.end_, 0);
      capacity_ = std::exchange(other.capacity_, inside);
      return;
    }
    std::uninitialized_move(other.begin(), other.end(), items());
    end_ = other.size();
    other.clear();
  }
  // Empty: what was taken beyond the room inside is given back.
  void reset() {
    head_ = end_ = 0;
    if (more_ == nullptr) return;
    std::allocator<T>().deallocate(more_, capacity_);
    more_ = nullptr;
    capacity_ = inside;
  }
  // Moves the items to the front, if that gains half of the room, or into twice the memory.
  void make_room() {
    const std::size_t count = size();
    if (head_ * 2 >= capacity_ && head_ > 0) {
      for (std::size_t i = 0; i < count; ++i) {
        std::construct_at(items() + i, std::move(items()[head_ + i]));
        std::destroy_at(items() + head_ + i);
      }
    } else {
      T* larger = std::allocator<T>().allocate(capacity_ * 2);
      std::uninitialized_move(begin(), end(), larger);
      std::destroy(begin(), end());
      if (more_ != nullptr) std::allocator<T>().deallocate(more_, capacity_);
      more_ = larger;
      capacity_ *= 2;
    }
    head_ = 0;
    end_ = count;
  }

  T* more_ = nullptr;  // null: the items are in room_
  std::size_t head_ = 0, end_ = 0, capacity_ = inside;
  alignas(T) std::byte room_[inside * sizeof(T)];
};

}  // namespace myelin
