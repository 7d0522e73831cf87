#include "base/bytes.hpp"

#include <gtest/gtest.h>

namespace myelin {
namespace {

TEST(Buffer, CopiesShareTheSegment) {
  Buffer a = Buffer::copy_of("hello");
  EXPECT_TRUE(a.unique());
  Buffer b = a;
  EXPECT_FALSE(a.unique());
  EXPECT_EQ(a.data(), b.data());
  b = Buffer();
  EXPECT_TRUE(a.unique());
  EXPECT_EQ(to_text(a.view()), "hello");
}

TEST(Buffer, MovesLeaveNothing) {
  Buffer a = Buffer::copy_of("hello");
  Buffer b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the point
  EXPECT_TRUE(b.unique());
  Buffer& self = b;
  b = self;
  EXPECT_EQ(to_text(b.view()), "hello");
}

TEST(Buffer, SlicesKeepTheSegmentAlive) {
  Buffer slice;
  {
    Buffer whole = Buffer::copy_of("0123456789");
    slice = whole.slice(3, 4);
    EXPECT_EQ(slice.segment_size(), 10u);
  }
  EXPECT_EQ(to_text(slice.view()), "3456");
  slice.drop_front(1);
  slice.truncate(2);
  EXPECT_EQ(to_text(slice.view()), "45");
  slice.truncate(0);
  EXPECT_EQ(slice.segment_size(), 0u);
}

TEST(BufferDeathTest, ASharedSegmentIsNotWritten) {
  Buffer a = Buffer::copy_of("x");
  Buffer b = a;
  EXPECT_DEATH(a.writable(), "immutable");
  EXPECT_DEATH((void)b.slice(1, 1), "slice");
  EXPECT_DEATH(b.drop_front(2), "dropped");
}

Rope rope_of(std::initializer_list<const char*> parts) {
  Rope rope;
  for (const char* part : parts) rope.append(Buffer::copy_of(part));
  return rope;
}

TEST(Rope, HoldsNoEmptyBuffer) {
  Rope rope = rope_of({"", "ab", "", "c"});
  EXPECT_EQ(rope.segments().size(), 2u);
  EXPECT_EQ(rope.size(), 3u);
}

TEST(Rope, TakesAcrossSegments) {
  Rope rope = rope_of({"abc", "def", "ghi"});
  Rope front = rope.take_front(5);
  EXPECT_EQ(to_text(front.flatten().view()), "abcde");
  EXPECT_EQ(to_text(rope.flatten().view()), "fghi");
  EXPECT_EQ(front.size() + rope.size(), 9u);
  EXPECT_EQ(to_text(rope.pop_front(10).view()), "f");
  EXPECT_EQ(to_text(rope.pop_front(2).view()), "gh");
  EXPECT_EQ(rope.size(), 1u);
  EXPECT_TRUE(rope.pop_front(0).empty());
}

TEST(Rope, CopiesFromAnyOffset) {
  const Rope rope = rope_of({"abc", "def", "ghi"});
  for (std::size_t offset = 0; offset <= 9; ++offset) {
    std::string out(4, '.');
    const std::size_t n = rope.copy_to({reinterpret_cast<std::uint8_t*>(out.data()), out.size()}, offset);
    EXPECT_EQ(out.substr(0, n), std::string("abcdefghi").substr(offset, 4)) << offset;
  }
}

TEST(Rope, FlattensWithoutCopyingOne) {
  Buffer one = Buffer::copy_of("one");
  EXPECT_EQ(Rope(one).flatten().data(), one.data());
  Rope rope(one);
  rope.append(rope_of({"two"}));
  EXPECT_EQ(to_text(rope.flatten().view()), "onetwo");
  rope.clear();
  EXPECT_TRUE(rope.empty());
}

TEST(Hex, IsLowerCase) {
  const Bytes bytes{0x00, 0xab, 0xff};
  EXPECT_EQ(to_hex(bytes), "00abff");
}

}  // namespace
}  // namespace myelin
