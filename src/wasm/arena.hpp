// A SlotArena is one mapping cut into slots of equal size, for what thousands of guests each need one of.
//
// One mapping costs the kernel one entry however many slots are in use. A slot that is given back is handed out zeroed
// again: its pages go back to the system, not its address space. Lowest free slot first, so that a program with few
// guests touches few page tables. Between two slots a page is left out: at a stride that many powers of two divide
// the pages that guests touch most would share few sets of the TLB and of the caches that hold page tables. Thread:
// any; take and give lock for a moment.
#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace myelin::wasm {

class SlotArena {
 public:
  // `slot_bytes`: a multiple of the page size. Errors: limit (the mapping is refused).
  static Result<std::unique_ptr<SlotArena>> create(std::size_t slot_bytes, std::uint32_t slots);
  SlotArena(const SlotArena&) = delete;
  SlotArena& operator=(const SlotArena&) = delete;
  ~SlotArena();

  std::size_t slot_bytes() const { return slot_bytes_; }
  std::uint32_t in_use() const;
  // The start of a slot, all zero, readable and writable; null if none is free.
  std::uint8_t* take();
  // REQUIRES: `slot` came from take(). Nothing outside [offset, offset + bytes) of it was written.
  void give(std::uint8_t* slot, std::size_t offset, std::size_t bytes);

 private:
  SlotArena(std::uint8_t* base, std::size_t slot_bytes, std::uint32_t slots);

  static constexpr std::size_t gap_bytes = 4096;
  std::size_t stride() const { return slot_bytes_ + gap_bytes; }

  std::uint8_t* base_;
  std::size_t slot_bytes_;
  std::uint32_t slots_;
  mutable std::mutex mutex_;
  std::uint32_t fresh_ = 0;          // slots from here on were never used
  std::vector<std::uint32_t> free_;  // min-heap of those given back
};

}  // namespace myelin::wasm
