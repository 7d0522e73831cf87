#include "wasm/arena.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <thread>
#include <vector>

namespace myelin::wasm {
namespace {

constexpr std::size_t slot_bytes = 64 * 1024;

TEST(SlotArena, SlotsAreApartAndEnd) {
  const auto arena = *SlotArena::create(slot_bytes, 3);
  std::set<std::uint8_t*> slots;
  for (int i = 0; i < 3; ++i) slots.insert(arena->take());
  EXPECT_EQ(slots.size(), 3u);
  EXPECT_FALSE(slots.contains(nullptr));
  constexpr std::ptrdiff_t page_bytes = 4096;  // left out between two
  EXPECT_EQ(*slots.rbegin() - *slots.begin(), 2 * (static_cast<std::ptrdiff_t>(slot_bytes) + page_bytes));
  EXPECT_EQ(arena->take(), nullptr);
  EXPECT_EQ(arena->in_use(), 3u);
}

TEST(SlotArena, AReturnedSlotIsZeroAndTheLowestComesFirst) {
  const auto arena = *SlotArena::create(slot_bytes, 4);
  std::vector<std::uint8_t*> slots;
  for (int i = 0; i < 4; ++i) slots.push_back(arena->take());
  std::fill_n(slots[1], slot_bytes, std::uint8_t{0xaa});
  std::fill_n(slots[2] + 4096, 4096, std::uint8_t{0xbb});
  arena->give(slots[2], 4096, 4096);
  arena->give(slots[1], 0, slot_bytes);
  EXPECT_EQ(arena->in_use(), 2u);
  EXPECT_EQ(arena->take(), slots[1]);
  EXPECT_EQ(arena->take(), slots[2]);
  for (std::uint8_t* slot : {slots[1], slots[2]}) EXPECT_EQ(std::count(slot, slot + slot_bytes, 0), slot_bytes);
}

TEST(SlotArena, AnImpossibleSizeIsAnError) {
  const auto arena = SlotArena::create(std::size_t{1} << 40, 1'000'000);
  ASSERT_FALSE(arena);
  EXPECT_EQ(arena.error().code, ErrorCode::limit);
}

TEST(SlotArena, ForeignSlotsAreABrokenInvariant) {
  const auto arena = *SlotArena::create(slot_bytes, 2);
  std::uint8_t* slot = arena->take();
  EXPECT_DEATH(arena->give(slot + 1, 0, 0), "a slot of this arena");
  EXPECT_DEATH(arena->give(slot, 0, slot_bytes + 1), "within the slot");
}

TEST(SlotArena, ManyThreads) {
  const auto arena = *SlotArena::create(slot_bytes, 64);
  const auto work = [&] {
    for (int i = 0; i < 500; ++i) {
      std::uint8_t* slot = arena->take();
      ASSERT_NE(slot, nullptr);
      ASSERT_EQ(slot[100], 0);
      slot[100] = 1;
      arena->give(slot, 0, 4096);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(arena->in_use(), 0u);
}

}  // namespace
}  // namespace myelin::wasm
