// Slots: a table of things that are named by ids which are never 0 and never used twice.
//
// An id is the number of a slot and how often that slot was used before: finding is one index and one comparison, and
// an old id finds nothing. Pointers to what it holds are good until the next add(). Thread: values.
#pragma once

#include "base/check.hpp"
#include "base/prefetch.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace myelin::protocol {

template <typename T>
class Slots {
 public:
  using Id = std::uint64_t;
  static constexpr unsigned index_bits = 24;  // what is held at once; the rest counts uses
  static constexpr std::uint32_t index_of(Id id) { return static_cast<std::uint32_t>(id & ((1u << index_bits) - 1)); }

  template <typename... Args>
  Id add(Args&&... args) {
    std::uint32_t index = free_;
    if (index != none) {
      free_ = slots_[index].next_free;
    } else {
      MYELIN_CHECK(slots_.size() < (1u << index_bits), "16 million timers or requests at once");
      index = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back().id = (Id{1} << index_bits) | index;
    }
    slots_[index].value.emplace(std::forward<Args>(args)...);
    ++size_;
    return slots_[index].id;
  }
  const T* find(Id id) const {
    const std::uint32_t index = index_of(id);
    if (index >= slots_.size() || slots_[index].id != id || !slots_[index].value) return nullptr;
    return &*slots_[index].value;
  }
  T* find(Id id) { return const_cast<T*>(std::as_const(*this).find(id)); }
  std::optional<T> take(Id id) {
    std::optional<T> taken;
    if (T* held = find(id)) {
      taken.emplace(std::move(*held));
      release(index_of(id));
    }
    return taken;
  }
  // Forgets what is held under the id. REQUIRES: something is.
  void erase(Id id) { release(index_of(id)); }
  // The id of what is held in the slot with that number. REQUIRES: something is.
  Id id_at(std::uint32_t index) const { return slots_[index].id; }
  // Asks the memory for the first of them.
  void prefetch() const { prefetch_lines(slots_.data(), 3); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Takes out everything for which `which` says so, in the order of slots.
  template <typename F>
  std::vector<std::pair<Id, T>> take_if(F which) {
    std::vector<std::pair<Id, T>> taken;
    for (std::uint32_t index = 0; index < slots_.size() && size_ > 0; ++index) {
      Slot& slot = slots_[index];
      if (!slot.value || !which(*slot.value)) continue;
      taken.emplace_back(slot.id, std::move(*slot.value));
      release(index);
    }
    return taken;
  }

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  struct Slot {
    Id id = 0;
    std::uint32_t next_free = none;
    std::optional<T> value;
  };
  void release(std::uint32_t index) {
    Slot& slot = slots_[index];
    slot.value.reset();
    slot.id += Id{1} << index_bits;
    slot.next_free = free_;
    free_ = index;
    --size_;
  }

  std::vector<Slot> slots_;
  std::uint32_t free_ = none;
  std::size_t size_ = 0;
};

}  // namespace myelin::protocol
