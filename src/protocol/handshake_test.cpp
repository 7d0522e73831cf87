// Hello, Ack, Reject and message headers of both generations, held to bytes captured from the original programs.
#include "protocol/handshake.hpp"

#include "protocol/channel_testing.hpp"
#include "protocol/frame.hpp"
#include "protocol/out_queue.hpp"
#include "protocol/pingpong.hpp"
#include "protocol/wire_w0.hpp"
#include "protocol/wire_w3.hpp"

#include <gtest/gtest.h>

namespace myelin::protocol {
namespace {

using channel_testing::bytes_of;

const Bytes w0_hello = bytes_of("00 00 00 13 01 01 31 32 37 2e 30 2e 30 2e 31 20 20 20 20 20 20 ed 13");
const Bytes w3_hello = bytes_of("00 00 00 10 01 01 01 09 00 31 32 37 2e 30 2e 30 2e 31 e1 15");

Result<Hello> hello_of(const Bytes& frame) { return read_hello(View(frame).subspan(frame_head_bytes + 2)); }

TEST(Handshake, FramesAreThoseOfTheOriginals) {
  EXPECT_EQ(hello_frame(Wire::w0, {"127.0.0.1", 5101}), w0_hello);
  EXPECT_EQ(hello_frame(Wire::w3, {"127.0.0.1", 5601}), w3_hello);
  EXPECT_EQ(ack_frame(), bytes_of("00 00 00 02 01 02"));
  EXPECT_EQ(reject_frame(), bytes_of("00 00 00 03 01 03 01"));
}

TEST(Handshake, TheHelloTellsTheGeneration) {
  const auto old = hello_of(w0_hello);
  ASSERT_TRUE(old);
  EXPECT_EQ(old->wire, Wire::w0);
  EXPECT_EQ(old->host, (Host{"127.0.0.1", 5101}));
  const auto now = hello_of(w3_hello);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->wire, Wire::w3);
  EXPECT_EQ(now->host, (Host{"127.0.0.1", 5601}));
}

TEST(Handshake, AVersionThatIsNeitherIsUnsupported) {
  for (const std::uint8_t version : {0x00, 0x02, 0x20, 0x2f, 0x3a, 0xff}) {
    Bytes frame = w3_hello;
    frame[6] = version;
    const auto hello = hello_of(frame);
    ASSERT_FALSE(hello);
    EXPECT_EQ(hello.error().code, ErrorCode::unsupported) << int{version};
  }
}

void expect_malformed(Bytes data) {
  const auto hello = read_hello(data);
  ASSERT_FALSE(hello) << to_hex(data);
  EXPECT_EQ(hello.error().code, ErrorCode::protocol) << to_hex(data);
}

Bytes w0_host(std::string_view text, std::uint16_t port) {
  Bytes host(text.begin(), text.end());
  host.resize(15, ' ');
  host.push_back(static_cast<std::uint8_t>(port));
  host.push_back(static_cast<std::uint8_t>(port >> 8));
  return host;
}

TEST(Handshake, AHostThatIsNoneIsMalformed) {
  expect_malformed({});
  expect_malformed(bytes_of("01"));
  expect_malformed(bytes_of("01 0900 313237 e115"));  // shorter than it says
  expect_malformed(bytes_of("01 0100 31 e115 00"));   // bytes after it
  expect_malformed(bytes_of("01 0000 e115"));         // no name
  expect_malformed(bytes_of("01 0100 31 0000"));      // no port
  expect_malformed(bytes_of("01 0300 610a62 e115"));  // a line feed
  expect_malformed(bytes_of("01 0300 612062 e115"));  // a space
  expect_malformed(bytes_of("01 0100 ff e115"));      // beyond ASCII
  Bytes longest = bytes_of("01 0001");
  longest.insert(longest.end(), 256, 'a');
  longest.insert(longest.end(), {1, 1});
  expect_malformed(longest);
  expect_malformed(w0_host("300.0.0.1", 5101));
  expect_malformed(w0_host("127.0.0", 5101));
  expect_malformed(w0_host("1", 5101));
  expect_malformed(w0_host("127.0.0.1", 0));
  expect_malformed(w0_host("127.0.0.1 x", 5101));
  Bytes extended = w0_host("127.0.0.1", 5101);
  extended.push_back(0);
  expect_malformed(extended);
  extended.resize(16);
  expect_malformed(extended);
}

TEST(Handshake, WhatAWireCanName) {
  EXPECT_TRUE(w0::can_name({"255.255.255.255", 1}));
  EXPECT_FALSE(w0::can_name({"::1", 1}));
  EXPECT_FALSE(w0::can_name({"localhost", 1}));
  EXPECT_FALSE(w0::can_name({"127.0.0.1", 0}));
  EXPECT_TRUE(w3::can_name({"::1", 65535}));
  EXPECT_TRUE(w3::can_name({std::string(255, 'n'), 1}));
  EXPECT_FALSE(w3::can_name({std::string(256, 'n'), 1}));
  EXPECT_FALSE(w3::can_name({"", 1}));
}

TEST(Handshake, HostsOfAllLengthsComeBack) {
  for (const char* name : {"1.2.3.4", "255.255.255.255", "10.0.0.1"}) {
    Bytes bytes;
    w0::put_host(bytes, {name, 258});
    EXPECT_EQ(bytes.size(), w0::host_bytes);
    EXPECT_EQ(w0::get_host(bytes), (Host{name, 258}));
  }
  for (const std::string& name : {std::string("a"), std::string("fe80::1"), std::string(255, 'z')}) {
    Bytes bytes;
    w3::put_host(bytes, {name, 0xfffe});
    EXPECT_EQ(w3::get_host(bytes), (Host{name, 0xfffe}));
  }
}

// ---- messages

Codec ping_codec(bool numbered) {
  return codec_of<Ping>({[numbered](const Ping& ping, Writer& out) -> Result<void> {
                           if (numbered) encode(out, ping.sequence);
                           return {};
                         },
                         [](class Reader&) -> Result<Ping> { return Ping{}; }});
}

Bytes written(Wire wire, const Outgoing& message) {
  OutQueue queue;
  EXPECT_TRUE(queue.add(wire, message));
  const Buffer all = queue.take(SIZE_MAX).flatten();
  return {all.data(), all.data() + all.size()};
}

TEST(Handshake, MessagesAreThoseOfTheOriginals) {
  const Codec bare = ping_codec(false);
  const Codec numbered = ping_codec(true);
  EXPECT_EQ(written(Wire::w0, {1, MessageBox::make(Ping{}), &bare, 0}), bytes_of("00 00 00 05 00 01 00 01 00"));
  EXPECT_EQ(written(Wire::w3, {1, MessageBox::make(Ping{1}), &numbered, 0}),
            bytes_of("00 00 00 11 00 cc 09 26 03 a4 f5 e7 3c 01 00 00 00 00 00 00 00"));
  EXPECT_EQ(wire_id(Ping::wire_name), 0x3ce7f5a4032609ccu);
  EXPECT_EQ(wire_id(Pong::wire_name), 0x0fa9f75f8433f11au);
}

TEST(Handshake, HeadersComeApart) {
  const auto old = w0::get_message(bytes_of("3412 feff 0a0b"));
  ASSERT_TRUE(old);
  EXPECT_EQ(old->protocol, 0x1234);
  EXPECT_EQ(old->id, 0xfffe);
  EXPECT_EQ(old->payload.size(), 2u);
  EXPECT_FALSE(w0::get_message(bytes_of("341200")));
  const auto now = w3::get_message(bytes_of("0807060504030201 ff"));
  ASSERT_TRUE(now);
  EXPECT_EQ(now->id, 0x0102030405060708u);
  EXPECT_EQ(now->payload.size(), 1u);
  EXPECT_FALSE(w3::get_message(bytes_of("08070605040302")));
}

}  // namespace
}  // namespace myelin::protocol
