// The queue of what is to be written: frames whole or not at all, pieces, and what is told when.
#include "protocol/out_queue.hpp"

#include "protocol/channel_testing.hpp"
#include "protocol/frame.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

namespace myelin::protocol {
namespace {

using channel_testing::note;
using channel_testing::Note;

std::size_t frames_in(Rope bytes) {
  FrameReader reader;
  reader.push(bytes.flatten());
  std::size_t count = 0;
  for (; reader.next() == FrameReader::Step::frame; reader.pop()) ++count;
  EXPECT_EQ(reader.buffered(), 0u);
  return count;
}

TEST(OutQueue, ManyMessagesAreFewPieces) {
  OutQueue queue;
  for (std::uint64_t i = 0; i < 10'000; ++i) ASSERT_TRUE(queue.add(Wire::w3, note(i)));
  EXPECT_EQ(queue.size(), 10'000u * (4 + 1 + 8 + 8 + 1));
  Rope all = queue.take(SIZE_MAX);
  EXPECT_LE(all.segments().size(), 4u);
  EXPECT_EQ(frames_in(std::move(all)), 10'000u);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 220'000u) << "under way, not written";
  queue.written(220'000);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(OutQueue, FramesOfAllLengthsStandWholeAndInOrder) {
  OutQueue queue;
  Bytes expected;
  const std::vector<std::size_t> lengths{0,    20,     40,     41,     60,     3000,    4000,
                                         5000, 16'000, 40'000, 65'000, 66'000, 300'000, 7};
  const auto add = [&](std::uint64_t number, std::size_t length) {
    OutQueue alone;
    ASSERT_TRUE(alone.add(Wire::w3, note(number, length)));
    const Buffer frame = alone.take(SIZE_MAX).flatten();
    expected.insert(expected.end(), frame.view().begin(), frame.view().end());
    ASSERT_TRUE(queue.add(Wire::w3, note(number, length)));
  };
  for (std::size_t first = 0; first < lengths.size(); ++first) {
    for (std::size_t i = 0; i < lengths.size(); ++i) add(i, lengths[(first + i) % lengths.size()]);
    if (first % 3 != 2) continue;
    EXPECT_EQ(queue.size(), expected.size());
    const Buffer all = queue.take(SIZE_MAX).flatten();
    EXPECT_TRUE(std::ranges::equal(all.view(), expected));
    queue.written(all.size());
    expected.clear();
  }
}

TEST(OutQueue, TakesNoMoreThanAsked) {
  OutQueue queue;
  for (std::uint64_t i = 0; i < 1000; ++i) ASSERT_TRUE(queue.add(Wire::w0, note(i, 300)));
  const std::size_t size = queue.size();
  Rope all;
  while (!queue.empty()) {
    Rope piece = queue.take(1000);
    EXPECT_LE(piece.size(), 1000u);
    EXPECT_GT(piece.size(), 0u);
    all.append(std::move(piece));
  }
  EXPECT_EQ(all.size(), size);
  EXPECT_EQ(frames_in(std::move(all)), 1000u);
}

TEST(OutQueue, AMessageThatCannotBeWrittenLeavesNothing) {
  OutQueue queue;
  ASSERT_TRUE(queue.add(Wire::w3, note(1)));
  const std::size_t before = queue.size();
  const Codec refuses = codec_of<Note>({[](const Note&, Writer& out) -> Result<void> {
                                          out.scalar(std::uint64_t{7});
                                          return fail(ErrorCode::bad_request, "not today");
                                        },
                                        [](Reader&) -> Result<Note> { return Note{}; }});
  EXPECT_EQ(queue.add(Wire::w3, {1, MessageBox::make(Note{}), &refuses, 5}).error().code, ErrorCode::bad_request);
  const std::size_t largest = max_frame_bytes - 1 - 8 - 8 - 4;
  EXPECT_EQ(queue.add(Wire::w3, note(2, largest + 1, 6)).error().code, ErrorCode::too_large);
  EXPECT_EQ(queue.size(), before);
  EXPECT_EQ(queue.pop_any(), 0u);
  EXPECT_TRUE(queue.add(Wire::w3, note(2, largest)));
  EXPECT_EQ(frames_in(queue.take(SIZE_MAX)), 2u);
}

TEST(OutQueue, TellsWhatIsWritten) {
  OutQueue queue;
  ASSERT_TRUE(queue.add(Wire::w3, note(1, 0, 11)));
  ASSERT_TRUE(queue.add(Wire::w3, note(2)));
  ASSERT_TRUE(queue.add(Wire::w3, note(3, 0, 13)));
  const std::size_t frame = queue.size() / 3;
  EXPECT_EQ(queue.pop_sent(), 0u);
  (void)queue.take(SIZE_MAX);
  queue.written(frame - 1);
  EXPECT_EQ(queue.pop_sent(), 0u);
  queue.written(1);
  EXPECT_EQ(queue.pop_sent(), 11u);
  EXPECT_EQ(queue.pop_sent(), 0u);
  queue.written(frame);
  EXPECT_EQ(queue.pop_sent(), 0u);
  EXPECT_EQ(queue.pop_any(), 13u);
}

}  // namespace
}  // namespace myelin::protocol
