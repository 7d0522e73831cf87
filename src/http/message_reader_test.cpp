#include "http/message_reader.hpp"

#include <gtest/gtest.h>

namespace myelin::http {
namespace {

// Takes the body as far as it is here.
std::string take_body(MessageReader& reader) {
  std::string body;
  for (;;) {
    Result<Buffer> piece = reader.body(4096);
    EXPECT_TRUE(piece) << (piece ? "" : to_string(piece.error()));
    if (!piece || piece->empty()) return body;
    body += to_text(piece->view());
  }
}

TEST(MessageReader, TakesAHeadByteByByte) {
  MessageReader reader(Side::request);
  const std::string text = "POST /ww/x?a=b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
  for (std::size_t i = 0; i + 5 < text.size(); ++i) {
    EXPECT_FALSE(*reader.head()) << i;
    reader.feed(as_view(text.substr(i, 1)));
  }
  ASSERT_TRUE(*reader.head());
  EXPECT_EQ(reader.method(), "POST");
  EXPECT_EQ(reader.target(), "/ww/x?a=b");
  EXPECT_EQ(reader.field("host"), "h");
  EXPECT_EQ(reader.content_length(), 5u);
  EXPECT_TRUE(reader.keep_alive());
  EXPECT_FALSE(reader.done());
  reader.feed(as_view("hello"));
  EXPECT_EQ(take_body(reader), "hello");
  EXPECT_TRUE(reader.done());
}

TEST(MessageReader, TakesChunksAndTrailers) {
  MessageReader reader(Side::response);
  reader.feed(as_view("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
  ASSERT_TRUE(*reader.head());
  EXPECT_EQ(reader.status(), 200u);
  EXPECT_EQ(take_body(reader), "abc");
  EXPECT_FALSE(reader.done());
  reader.feed(as_view("10\r\n0123456789abcdef\r\n0\r\nMyelin-Error: trapped\r\n\r\n"));
  EXPECT_EQ(take_body(reader), "0123456789abcdef");
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(reader.field("Myelin-Error"), "trapped");
}

TEST(MessageReader, KeepsWhatFollowsForTheNextMessage) {
  MessageReader reader(Side::request);
  reader.feed(as_view("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"));
  ASSERT_TRUE(*reader.head());
  EXPECT_EQ(take_body(reader), "ab");
  reader.next();
  EXPECT_TRUE(reader.started());
  ASSERT_TRUE(*reader.head());
  EXPECT_EQ(reader.target(), "/2");
  EXPECT_TRUE(reader.done());
  reader.next();
  EXPECT_FALSE(reader.started());
}

TEST(MessageReader, RefusesMalformedHeads) {
  for (const char* text : {"\x16\x03\x01garbage\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nHost h\r\n\r\n",
                           "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                           "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                           "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
                           "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n",
                           "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    MessageReader reader(Side::request);
    reader.feed(as_view(text));
    Result<bool> head = reader.head();
    ASSERT_FALSE(head) << text;
    EXPECT_EQ(head.error().code, ErrorCode::bad_request) << text;
  }
}

TEST(MessageReader, RefusesHugeHeads) {
  MessageReader reader(Side::request);
  reader.feed(as_view("GET / HTTP/1.1\r\n"));
  reader.feed(as_view("X: " + std::string(max_head_bytes, 'x')));
  Result<bool> head = reader.head();
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().code, ErrorCode::too_large);
}

TEST(MessageReader, RefusesMalformedChunks) {
  for (const char* chunk : {"zz\r\nabc\r\n", "ffffffffffffffffff\r\n", "3\r\nabcXYZ\r\n5\r\n"}) {
    MessageReader reader(Side::request);
    reader.feed(as_view("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
    ASSERT_TRUE(*reader.head());
    reader.feed(as_view(chunk));
    Result<Buffer> piece = Buffer();
    for (int i = 0; i < 4 && piece; ++i) piece = reader.body(4096);
    ASSERT_FALSE(piece) << chunk;
    EXPECT_EQ(piece.error().code, ErrorCode::bad_request) << chunk;
  }
}

TEST(MessageReader, AnEndInTheMiddleIsALostLink) {
  MessageReader head_cut(Side::request);
  head_cut.feed(as_view("GET / HT"));
  head_cut.feed_end();
  ASSERT_FALSE(head_cut.head());
  EXPECT_EQ(head_cut.head().error().code, ErrorCode::link_lost);

  MessageReader body_cut(Side::request);
  body_cut.feed(as_view("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe"));
  ASSERT_TRUE(*body_cut.head());
  EXPECT_EQ(take_body(body_cut), "he");
  body_cut.feed_end();
  Result<Buffer> rest = body_cut.body(10);
  ASSERT_FALSE(rest);
  EXPECT_EQ(rest.error().code, ErrorCode::link_lost);
}

TEST(MessageReader, AResponseWithoutALengthEndsWithTheConnection) {
  MessageReader reader(Side::response);
  reader.feed(as_view("HTTP/1.0 200 OK\r\n\r\nall of it"));
  ASSERT_TRUE(*reader.head());
  EXPECT_EQ(take_body(reader), "all of it");
  EXPECT_FALSE(reader.done());
  reader.feed_end();
  EXPECT_EQ(take_body(reader), "");
  EXPECT_TRUE(reader.done());
}

TEST(MessageReader, WantsNoMoreThanItsBound) {
  MessageReader reader(Side::request);
  reader.feed(Bytes(read_ahead_bytes, 'x'));
  EXPECT_FALSE(reader.wants());
  EXPECT_EQ(reader.discard(), read_ahead_bytes);
  EXPECT_TRUE(reader.wants());
}

}  // namespace
}  // namespace myelin::http
