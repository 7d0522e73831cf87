// FramePool: memory for the frames of coroutines, which live as long as a call or a read does and come in few sizes.
//
// Each thread keeps a bounded number of freed blocks of each size for its next frames; larger frames, and those that
// find the shelf full, go to the heap. A frame may be freed on another thread than the one that made it: it is kept
// there. Under the sanitizers nothing is kept, so that they see each frame's end. Thread: any.
#pragma once

#include <cstddef>

namespace myelin::io {

class FramePool {
 public:
  static constexpr std::size_t granule = 64;     // bytes; sizes are rounded up to it
  static constexpr std::size_t largest = 2048;   // bytes; above it the heap
  static constexpr std::size_t most_kept = 128;  // blocks of one size and thread

  static void* allocate(std::size_t bytes);
  // REQUIRES: `block` is from allocate(bytes).
  static void free(void* block, std::size_t bytes) noexcept;
  // Blocks that this thread keeps.
  static std::size_t kept() noexcept;
};

}  // namespace myelin::io
