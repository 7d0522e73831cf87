#include "glia/frame.hpp"

#include <gtest/gtest.h>
#include <string>

namespace myelin::glia {
namespace {

std::string body_text(const Rope& body) { return to_text(body.flatten().view()); }

TEST(Frame, WritesWhatTheSeedShows) {
  for (const auto& [size, total] : {std::pair<std::size_t, std::size_t>{0, 1}, {5, 6}, {127, 128}, {16384, 16387}}) {
    Bytes out;
    put_frame(out, Bytes(size, 'a'));
    EXPECT_EQ(out.size(), total);
  }
  Bytes out;
  put_frame(out, as_view("hello"));
  EXPECT_EQ(to_hex(out), "0568656c6c6f");
}

TEST(Frame, ReadsMany) {
  Bytes out;
  for (int i = 0; i < 300; ++i) put_frame(out, as_view(std::string(static_cast<std::size_t>(i), 'x')));
  for (const std::size_t step : {1u, 7u, 4096u, 100000u}) {
    FrameReader reader(1000);
    std::size_t next = 0;
    for (std::size_t at = 0; at < out.size(); at += step) {
      reader.feed(Buffer::copy_of(View(out).subspan(at, std::min(step, out.size() - at))));
      for (auto body = reader.next(); body && *body; body = reader.next()) {
        EXPECT_EQ(body_text(**body), std::string(next++, 'x'));
      }
    }
    EXPECT_EQ(next, 300u);
    EXPECT_TRUE(reader.finish());
    EXPECT_EQ(reader.buffered(), 0u);
  }
}

TEST(Frame, ALargeBodyIsNotCopied) {
  const Buffer piece = Buffer::copy_of(View(Bytes(10000, 'y')));
  FrameReader reader(65536);
  reader.feed(Buffer::copy_of(View(frame_head(piece.size()))));
  reader.feed(piece);
  auto body = reader.next();
  ASSERT_TRUE(body && *body);
  EXPECT_EQ((*body)->segments().front().data(), piece.data());
}

// A peer sends one byte at a time, each a slice of a large segment: the segments must not be kept.
TEST(Frame, CrumbsDoNotPinTheirSegments) {
  FrameReader reader(65536);
  reader.feed(Buffer::copy_of(View(frame_head(1000))));
  Buffer segment = Buffer::allocate(65536);
  std::fill(segment.writable().begin(), segment.writable().end(), 'z');
  for (int i = 0; i < 500; ++i) {
    reader.feed(segment.slice(0, 1));
    ASSERT_TRUE(reader.next());
  }
  EXPECT_TRUE(segment.unique());
  EXPECT_EQ(reader.buffered(), 500u);
}

TEST(Frame, AFaultIsFinal) {
  FrameReader reader(10);
  reader.feed(Buffer::copy_of("\x0b"));
  EXPECT_EQ(reader.next().error(), FrameFault::too_large);
  reader.feed(Buffer::copy_of(View(Bytes{0})));
  EXPECT_EQ(reader.next().error(), FrameFault::too_large);
  EXPECT_EQ(reader.finish().error(), FrameFault::too_large);
  EXPECT_EQ(reader.buffered(), 0u);
}

TEST(Frame, FaultsAsErrors) {
  EXPECT_EQ(to_error(FrameFault::too_large).code, ErrorCode::too_large);
  for (const auto fault :
       {FrameFault::truncated_length, FrameFault::truncated_body, FrameFault::overflow, FrameFault::overlong}) {
    EXPECT_EQ(to_error(fault).code, ErrorCode::protocol);
    EXPECT_NE(to_error(fault).message.find(name(fault)), std::string::npos);
  }
}

}  // namespace
}  // namespace myelin::glia
