#include "wasm/arena.hpp"

#include "base/check.hpp"
#include "wasm/reader.hpp"

#include <algorithm>
#include <functional>
#include <sys/mman.h>

namespace myelin::wasm {

Result<std::unique_ptr<SlotArena>> SlotArena::create(std::size_t slot_bytes, std::uint32_t slots) {
  const std::size_t total = (slot_bytes + gap_bytes) * slots;
  void* base = mmap(nullptr, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    return fail(ErrorCode::limit, concat("no ", total >> 20, " MiB of address space for ", slots,
                                         " guests; lower max_instances or max_memory_pages"));
  }
  // A huge page would make a guest of a few pages take two megabytes.
  madvise(base, total, MADV_NOHUGEPAGE);
  return std::unique_ptr<SlotArena>(new SlotArena(static_cast<std::uint8_t*>(base), slot_bytes, slots));
}

SlotArena::SlotArena(std::uint8_t* base, std::size_t slot_bytes, std::uint32_t slots)
    : base_(base), slot_bytes_(slot_bytes), slots_(slots) {}

SlotArena::~SlotArena() { munmap(base_, stride() * slots_); }

std::uint32_t SlotArena::in_use() const {
  const std::lock_guard lock(mutex_);
  return fresh_ - static_cast<std::uint32_t>(free_.size());
}

std::uint8_t* SlotArena::take() {
  const std::lock_guard lock(mutex_);
  if (!free_.empty()) {
    std::ranges::pop_heap(free_, std::greater{});
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return base_ + slot * stride();
  }
  if (fresh_ == slots_) return nullptr;
  return base_ + fresh_++ * stride();
}

void SlotArena::give(std::uint8_t* slot, std::size_t offset, std::size_t bytes) {
  const auto distance = static_cast<std::size_t>(slot - base_);
  MYELIN_CHECK(slot >= base_ && distance % stride() == 0 && distance / stride() < slots_, "a slot of this arena");
  MYELIN_CHECK(offset + bytes <= slot_bytes_, "within the slot");
  if (bytes != 0) {
    MYELIN_CHECK(madvise(slot + offset, bytes, MADV_DONTNEED) == 0, "the next guest must not see this one's bytes");
  }
  const std::lock_guard lock(mutex_);
  free_.push_back(static_cast<std::uint32_t>(distance / stride()));
  std::ranges::push_heap(free_, std::greater{});
}

}  // namespace myelin::wasm
