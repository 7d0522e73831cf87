// Fifo: a first-in first-out queue that costs nothing while it is empty, with the names of std::deque.
//
// A std::deque takes two pieces of memory, more than half a kilobyte, at birth; every process, stream and message has
// several queues that are mostly empty or hold one item. Iterators and references end at the next push_back, pop_front
// or erase. Thread: values.
#pragma once

#include <cstddef>
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

}  // namespace myelin
