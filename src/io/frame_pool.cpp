#include "io/frame_pool.hpp"

#include <array>
#include <cstdint>
#include <new>

namespace myelin::io {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MYELIN_FRAMES_FROM_HEAP 1
#endif
#endif

#ifdef MYELIN_FRAMES_FROM_HEAP
constexpr bool keeps = false;
#else
constexpr bool keeps = true;
#endif

struct Block {
  Block* next;
};
struct Shelf {
  Block* first;
  std::uint32_t count;
};

// Trivial, so that reaching it costs no check of its construction.
struct Shelves {
  std::array<Shelf, FramePool::largest / FramePool::granule> of;
  bool open;    // this thread empties them at its end
  bool closed;  // it has
};
constinit thread_local Shelves shelves{};

// Destroyed at the thread's end; frames that are freed later go to the heap.
struct Sweeper {
  Sweeper() { shelves.open = true; }
  ~Sweeper() {
    shelves.closed = true;
    for (Shelf& shelf : shelves.of) {
      while (Block* block = shelf.first) {
        shelf.first = block->next;
        ::operator delete(block);
      }
      shelf.count = 0;
    }
  }
};

std::size_t shelf_of(std::size_t bytes) { return (bytes - 1) / FramePool::granule; }

void open_shelves() { static thread_local Sweeper sweeper; }

}  // namespace

void* FramePool::allocate(std::size_t bytes) {
  if (!keeps || bytes == 0 || bytes > largest) return ::operator new(bytes);
  const std::size_t index = shelf_of(bytes);
  Shelf& shelf = shelves.of[index];
  if (Block* block = shelf.first) {
    shelf.first = block->next;
    --shelf.count;
    return block;
  }
  return ::operator new((index + 1) * granule);
}

void FramePool::free(void* block, std::size_t bytes) noexcept {
  if (!keeps || bytes == 0 || bytes > largest || shelves.closed) return ::operator delete(block);
  Shelf& shelf = shelves.of[shelf_of(bytes)];
  if (shelf.count >= most_kept) return ::operator delete(block);
  if (!shelves.open) open_shelves();
  shelf.first = ::new (block) Block{shelf.first};
  ++shelf.count;
}

std::size_t FramePool::kept() noexcept {
  std::size_t all = 0;
  for (const Shelf& shelf : shelves.of) all += shelf.count;
  return all;
}

}  // namespace myelin::io
