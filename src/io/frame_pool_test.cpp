#include "io/frame_pool.hpp"

#include "io/task.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <thread>
#include <vector>

namespace myelin::io {
namespace {

bool keeps() {
  FramePool::free(FramePool::allocate(100), 100);
  return FramePool::kept() > 0;
}

// Each test has a thread of its own, and so shelves of its own.
template <typename F>
void on_a_thread(F body) {
  std::thread(body).join();
}

TEST(FramePool, GivesABlockAgainForTheSameSizeOnly) {
  on_a_thread([] {
    if (!keeps()) {
      EXPECT_EQ(FramePool::kept(), 0u) << "the sanitizers see each frame's end";
      return;
    }
    void* one = FramePool::allocate(200);
    std::memset(one, 1, 200);
    FramePool::free(one, 200);
    void* other = FramePool::allocate(FramePool::granule * 2);
    EXPECT_NE(other, one);
    EXPECT_EQ(FramePool::allocate(193), one) << "rounded up, it is the same size";
    FramePool::free(one, 193);
    FramePool::free(other, FramePool::granule * 2);
  });
}

TEST(FramePool, KeepsABoundedNumberAndNoLargeOnes) {
  on_a_thread([] {
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < FramePool::most_kept + 50; ++i) blocks.push_back(FramePool::allocate(64));
    EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), blocks.size());
    for (void* block : blocks) FramePool::free(block, 64);
    EXPECT_LE(FramePool::kept(), FramePool::most_kept);
    const std::size_t before = FramePool::kept();
    FramePool::free(FramePool::allocate(FramePool::largest + 1), FramePool::largest + 1);
    EXPECT_EQ(FramePool::kept(), before);
  });
}

TEST(FramePool, FramesMayEndOnAnotherThreadAndAfterItsPool) {
  struct Late {
    void* block = nullptr;
    ~Late() {
      if (block != nullptr) FramePool::free(block, 64);
    }
  };
  on_a_thread([] {
    static thread_local Late late;
    late.block = FramePool::allocate(64);
    void* made = nullptr;
    on_a_thread([&made] { made = FramePool::allocate(300); });
    FramePool::free(made, 300);
    EXPECT_LE(FramePool::kept(), 1u);
  });
}

// Out of line: an inlined one has no frame of its own.
[[gnu::noinline]] Task<int> doubled(int value) { co_return 2 * value; }

TEST(FramePool, TasksUseIt) {
  on_a_thread([] {
    const bool kept = keeps();
    std::size_t meanwhile = 0;
    {
      const Task<int> dropped = doubled(1);
      meanwhile = FramePool::kept();
    }
    EXPECT_EQ(FramePool::kept(), meanwhile + (kept ? 1 : 0));
  });
}

}  // namespace
}  // namespace myelin::io
