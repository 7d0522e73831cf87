#include "myelin/protocol/host.hpp"

#include <gtest/gtest.h>

namespace myelin::protocol {
namespace {

TEST(Host, ComesBackFromItsText) {
  for (const Host& host : {Host{"127.0.0.1", 5001}, Host{"::1", 65535}, Host{"node-7.example", 1}, Host{"12D3Koo", 0},
                           Host{"fe80::1%eth0", 9}}) {
    const auto parsed = Host::parse(host.to_string());
    ASSERT_TRUE(parsed) << host.to_string();
    EXPECT_EQ(*parsed, host);
  }
  EXPECT_EQ((Host{"::1", 80}).to_string(), "[::1]:80");
  EXPECT_EQ(Host::parse("::1").value(), (Host{"::1", 0}));
  EXPECT_EQ(Host::parse("[::1]").value(), (Host{"::1", 0}));
}

TEST(Host, RefusesWhatIsNone) {
  for (const char* text :
       {"", ":80", "a:", "a:x", "a:65536", "a:-1", "[::1", "[]:1", "[::1]x", "[::1]:", "a b:1", "a:1 "}) {
    const auto parsed = Host::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::bad_request);
  }
  EXPECT_FALSE(Host::parse(std::string(256, 'a')));
  EXPECT_TRUE(Host::parse(std::string(255, 'a')));
}

// Names are compared by words, which overlap.
TEST(Host, IsEqualOnlyToItself) {
  for (std::size_t size = 0; size <= 40; ++size) {
    const Host host{std::string(size, 'x'), 7};
    EXPECT_EQ(host, (Host{std::string(size, 'x'), 7}));
    EXPECT_NE(host, (Host{std::string(size, 'x'), 8}));
    EXPECT_NE(host, (Host{std::string(size + 1, 'x'), 7}));
    for (std::size_t at = 0; at < size; ++at) {
      Host other = host;
      other.name[at] = 'y';
      EXPECT_NE(host, other) << size << ", " << at;
    }
  }
}

TEST(Host, IsAKey) {
  EXPECT_LT((Host{"a", 2}), (Host{"b", 1}));
  EXPECT_NE(std::hash<Host>{}({"a", 1}), std::hash<Host>{}({"a", 2}));
  EXPECT_TRUE(Host{}.empty());
}

}  // namespace
}  // namespace myelin::protocol
