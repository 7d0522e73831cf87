#include "io/rope_builder.hpp"

#include "base/limits.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

namespace myelin::io {
namespace {

std::string text_of(const Rope& rope) { return to_text(rope.flatten().view()); }

std::size_t pinned(const Rope& rope) {
  std::size_t sum = 0;
  for (const Buffer& buffer : rope.segments()) sum += buffer.segment_size();
  return sum;
}

TEST(RopeBuilder, KeepsTheOrderOfCopiesAndBuffers) {
  RopeBuilder builder;
  builder.append_copy(as_view("one "));
  builder.append(Buffer::copy_of("two "));
  builder.append(Buffer::copy_of(std::string(2000, 'x')));
  builder.append_copy(as_view(" three"));
  EXPECT_EQ(builder.size(), 8U + 2000U + 6U);
  EXPECT_EQ(text_of(builder.take()), "one two " + std::string(2000, 'x') + " three");
  EXPECT_TRUE(builder.empty());
  EXPECT_TRUE(builder.take().empty());
}

TEST(RopeBuilder, SharesLargeBuffers) {
  const Buffer large = Buffer::copy_of(std::string(4096, 'l'));
  RopeBuilder builder;
  builder.append(large);
  const Rope rope = builder.take();
  ASSERT_EQ(rope.segments().size(), 1U);
  EXPECT_EQ(rope.segments().front().data(), large.data());
}

TEST(RopeBuilder, TinyWritesCostLittle) {
  RopeBuilder builder;
  std::string expected;
  for (int i = 0; i < 200'000; ++i) {
    const std::string byte(1, static_cast<char>('a' + i % 26));
    if (i % 2 == 0) {
      builder.append_copy(as_view(byte));
    } else {
      builder.append(Buffer::copy_of(byte));
    }
    expected += byte;
  }
  const Rope rope = builder.take();
  EXPECT_LT(rope.segments().size(), 20U);
  EXPECT_LT(pinned(rope), 3 * expected.size());
  EXPECT_EQ(text_of(rope), expected);
}

TEST(RopeBuilder, SegmentsStayWithinAChunk) {
  RopeBuilder builder;
  const std::string large(5 * limits::chunk_bytes + 3, 'z');
  builder.append_copy(as_view(large));
  const Rope rope = builder.take();
  EXPECT_EQ(rope.size(), large.size());
  for (const Buffer& buffer : rope.segments()) EXPECT_LE(buffer.size(), limits::chunk_bytes);
}

TEST(RopeBuilder, ReadsAcrossTheSeam) {
  RopeBuilder builder;
  builder.append(Buffer::copy_of(std::string(600, 'r')));
  builder.append_copy(as_view("tail of it"));
  std::string got(605, '?');
  EXPECT_EQ(builder.read_into({reinterpret_cast<std::uint8_t*>(got.data()), got.size()}), 605U);
  EXPECT_EQ(got, std::string(600, 'r') + "tail ");
  EXPECT_EQ(builder.size(), 5U);
  builder.append_copy(as_view("!"));
  EXPECT_EQ(as_text(builder.pop_front(2).view()), "of");
  EXPECT_EQ(text_of(builder.take()), " it!");
}

TEST(RopeBuilder, ReadsAllOfATail) {
  RopeBuilder builder;
  builder.append_copy(as_view("abc"));
  std::string got(3, '?');
  EXPECT_EQ(builder.read_into({reinterpret_cast<std::uint8_t*>(got.data()), got.size()}), 3U);
  EXPECT_EQ(got, "abc");
  EXPECT_TRUE(builder.empty());
  builder.append_copy(as_view("def"));
  EXPECT_EQ(text_of(builder.take()), "def");
  builder.append_copy(as_view("ghi"));
  builder.clear();
  EXPECT_TRUE(builder.empty());
  EXPECT_TRUE(builder.pop_front(10).empty());
}

}  // namespace
}  // namespace myelin::io
