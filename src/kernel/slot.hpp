// Slot: a place that a process has on its shard for as long as it is there; a Handle to it says without a search
// whether that process is still the one.
//
// A slot is never freed before its shard, only handed on with the next generation, so that a Handle may be kept for any
// time and looked through at the cost of one comparison. Thread: find() on the slot's own shard only; a Handle is a
// value and may travel.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

namespace myelin::kernel {

class Actor;

struct Slot {
  Actor* actor = nullptr;
  std::uint32_t generation = 0;
};

struct Handle {
  Slot* slot = nullptr;
  std::uint32_t generation = 0;
  std::uint32_t shard = 0;

  // Null: it is gone.
  Actor* find() const { return slot != nullptr && slot->generation == generation ? slot->actor : nullptr; }
  friend bool operator==(const Handle&, const Handle&) = default;
};

class Slots {
 public:
  Handle take(Actor& actor, std::uint32_t shard) {
    Slot* slot = nullptr;
    if (free_.empty()) {
      slot = &all_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slot->actor = &actor;
    return {slot, slot->generation, shard};
  }
  void give(const Handle& handle) {
    handle.slot->actor = nullptr;
    ++handle.slot->generation;
    free_.push_back(handle.slot);
  }

 private:
  std::deque<Slot> all_;  // its items stay where they are
  std::vector<Slot*> free_;
};

}  // namespace myelin::kernel
