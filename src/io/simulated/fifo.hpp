// A first-in first-out queue that costs next to nothing while it is empty. A std::deque takes half a kilobyte at birth,
// and a large world has several queues for each of its connections.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace myelin::io::simulated {

template <typename T>
class Fifo {
 public:
  bool empty() const { return head_ == items_.size(); }
  std::size_t size() const { return items_.size() - head_; }
  T& front() { return items_[head_]; }
  // The item `index` places behind the front. REQUIRES: index < size().
  T& at(std::size_t index) { return items_[head_ + index]; }
  void push(T item) { items_.push_back(std::move(item)); }
  T pop() {
    T item = std::move(items_[head_++]);
    if (head_ == items_.size()) {
      clear_consumed();
    } else if (head_ >= 32 && head_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    return item;
  }
  void clear() {
    // Moved out first: an item's destructor may come back here.
    const std::vector<T> dropped = std::exchange(items_, {});
    head_ = 0;
  }

 private:
  void clear_consumed() {
    head_ = 0;
    if (items_.capacity() > 64) {
      items_ = std::vector<T>();  // one burst shall not keep its memory for ever
    } else {
      items_.clear();
    }
  }

  std::vector<T> items_;
  std::size_t head_ = 0;
};

}  // namespace myelin::io::simulated
