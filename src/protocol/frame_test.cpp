// Frames: whole, in pieces, together; their limits.
#include "protocol/frame.hpp"

#include "protocol/channel_testing.hpp"

#include <gtest/gtest.h>

namespace myelin::protocol {
namespace {

using channel_testing::bytes_of;

std::vector<Bytes> cut(FrameReader& reader, Bytes bytes, FrameReader::Step* end = nullptr) {
  std::vector<Bytes> frames;
  reader.push(Buffer::copy_of(bytes));
  FrameReader::Step step = reader.next();
  for (; step == FrameReader::Step::frame; step = reader.next()) {
    const View frame = reader.frame();
    frames.emplace_back(frame.begin(), frame.end());
    reader.pop();
  }
  if (end != nullptr) *end = step;
  return frames;
}

TEST(Frame, SeveralInOnePiece) {
  FrameReader reader;
  const auto frames = cut(reader, bytes_of("00000002 0102 00000000 00000005 0001000100 000000"));
  EXPECT_EQ(frames, (std::vector<Bytes>{{1, 2}, {}, {0, 1, 0, 1, 0}}));
  EXPECT_EQ(reader.buffered(), 3u);
  EXPECT_EQ(cut(reader, bytes_of("01 ff")), std::vector<Bytes>{{0xff}});
  EXPECT_EQ(reader.buffered(), 0u);
}

TEST(Frame, ByteByByte) {
  FrameReader reader;
  std::vector<Bytes> frames;
  for (const std::uint8_t byte : bytes_of("00000003 000102 00000000 00000001 07")) {
    for (Bytes& frame : cut(reader, {byte})) frames.push_back(std::move(frame));
  }
  EXPECT_EQ(frames, (std::vector<Bytes>{{0, 1, 2}, {}, {7}}));
}

TEST(Frame, EverySplitOfTwoGivesTheSame) {
  const Bytes bytes = bytes_of("00000005 0001000100 00000002 0102 00000003 090807");
  FrameReader whole;
  const auto wanted = cut(whole, bytes);
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    FrameReader reader;
    const auto split = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    auto frames = cut(reader, Bytes(bytes.begin(), split));
    for (Bytes& frame : cut(reader, Bytes(split, bytes.end()))) frames.push_back(std::move(frame));
    EXPECT_EQ(frames, wanted) << at;
  }
}

TEST(Frame, TheFrontStaysUntilItIsPopped) {
  FrameReader reader;
  reader.push(Buffer::copy_of(bytes_of("00000001 05 00000001 06")));
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(reader.next(), FrameReader::Step::frame);
    EXPECT_EQ(reader.frame()[0], 5);
  }
  reader.pop();
  ASSERT_EQ(reader.next(), FrameReader::Step::frame);
  EXPECT_EQ(reader.frame()[0], 6);
}

TEST(Frame, SixteenMebibytesAreTheLongest) {
  FrameReader reader;
  Bytes frame(frame_head_bytes + max_frame_bytes, 9);
  put_frame_length(frame.data(), max_frame_bytes);
  EXPECT_EQ(get_frame_length(frame.data()), 16'777'216u);
  FrameReader::Step end{};
  EXPECT_TRUE(cut(reader, Bytes(frame.begin(), frame.begin() + 1'000'000), &end).empty());
  EXPECT_EQ(end, FrameReader::Step::more);
  const auto frames = cut(reader, Bytes(frame.begin() + 1'000'000, frame.end()), &end);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].size(), max_frame_bytes);
  EXPECT_TRUE(cut(reader, bytes_of("01000001 00"), &end).empty());
  EXPECT_EQ(end, FrameReader::Step::too_large);
}

TEST(Frame, ALengthAloneTakesNoMemory) {
  FrameReader reader;
  EXPECT_TRUE(cut(reader, bytes_of("01000000 00")).empty());
  EXPECT_EQ(reader.buffered(), 5u);
}

TEST(Frame, WhatStandsBeforeABadLengthIsNotLost) {
  FrameReader reader;
  FrameReader::Step end{};
  EXPECT_EQ(cut(reader, bytes_of("00000001 05 ffffffff 00"), &end), std::vector<Bytes>{{5}});
  EXPECT_EQ(end, FrameReader::Step::too_large);
}

TEST(Frame, ALowerLimitHoldsToo) {
  FrameReader reader;
  reader.push(Buffer::copy_of(bytes_of("00000003 010203")));
  EXPECT_EQ(reader.next(2), FrameReader::Step::too_large);
  EXPECT_EQ(reader.next(3), FrameReader::Step::frame);
}

}  // namespace
}  // namespace myelin::protocol
