// PeerTable: which session a node has with which peer: a small open hash table of two numbers.
//
// Invariants: the order of for_each() follows from the history of calls alone. Thread: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace myelin::sim::overlay {

class PeerTable {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;

  std::size_t size() const { return size_; }
  // `none` if there is none.
  std::uint32_t find(std::uint32_t peer) const {
    if (slots_.empty()) return none;
    for (std::size_t i = home(peer);; i = next(i)) {
      if (slots_[i].peer == peer) return slots_[i].session;
      if (slots_[i].peer == none) return none;
    }
  }
  // Asks the memory for what find() will look at.
  void prefetch() const {
    __builtin_prefetch(slots_.data());
    if (slots_.size() > 8) __builtin_prefetch(slots_.data() + 8);
  }
  void set(std::uint32_t peer, std::uint32_t session) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    for (std::size_t i = home(peer);; i = next(i)) {
      if (slots_[i].peer == none) {
        slots_[i] = {peer, session};
        ++size_;
        return;
      }
      if (slots_[i].peer == peer) {
        slots_[i].session = session;
        return;
      }
    }
  }
  void erase(std::uint32_t peer) {
    if (slots_.empty()) return;
    std::size_t hole = home(peer);
    for (; slots_[hole].peer != peer; hole = next(hole))
      if (slots_[hole].peer == none) return;
    slots_[hole].peer = none;
    --size_;
    // What stands behind moves up, so that no search stops too early.
    for (std::size_t i = next(hole); slots_[i].peer != none; i = next(i)) {
      const std::size_t wanted = home(slots_[i].peer);
      if (((i - wanted) & mask()) < ((i - hole) & mask())) continue;
      slots_[hole] = std::exchange(slots_[i], {none, none});
      hole = i;
    }
  }
  template <typename F>
  void for_each(F&& visit) const {
    for (const Slot& slot : slots_)
      if (slot.peer != none) visit(slot.peer, slot.session);
  }
  void clear() {
    std::vector<Slot>().swap(slots_);
    size_ = 0;
  }

 private:
  struct Slot {
    std::uint32_t peer = none;
    std::uint32_t session = none;
  };
  std::size_t mask() const { return slots_.size() - 1; }
  std::size_t home(std::uint32_t peer) const { return ((peer * 0x9e3779b1u) >> 7) & mask(); }
  std::size_t next(std::size_t i) const { return (i + 1) & mask(); }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 8 : slots_.size() * 2);
    old.swap(slots_);
    size_ = 0;
    for (const Slot& slot : old)
      if (slot.peer != none) set(slot.peer, slot.session);
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace myelin::sim::overlay
