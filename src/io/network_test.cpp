#include "io/network.hpp"

#include <gtest/gtest.h>

namespace myelin::io {
namespace {

TEST(IpAddress, ParsesAndPrintsBothFamilies) {
  for (const char* text : {"127.0.0.1", "0.0.0.0", "255.255.255.255", "8.8.4.4", "::", "::1", "2001:db8::1",
                           "fe80::1:2:3", "::ffff:10.0.0.1", "1:2:3:4:5:6:7:8"}) {
    const auto ip = IpAddress::parse(text);
    ASSERT_TRUE(ip) << text;
    EXPECT_EQ(ip->to_string(), text);
  }
  EXPECT_EQ(IpAddress::parse("2001:DB8:0:0::1")->to_string(), "2001:db8::1");
}

TEST(IpAddress, RefusesWhatIsNone) {
  for (const char* text :
       {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4x", "1.2.3.4 ", " 1.2.3.4", ":", ":::", "1::2::3", "[::1]",
        "fe80::1%eth0", "12345::", "localhost", "1.2.3.-4", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0junk", 12)));
}

TEST(IpAddress, KnowsLoopback) {
  for (const char* text : {"127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IpAddress::parse(text)->is_loopback()) << text;
  }
  for (const char* text : {"128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:128.0.0.1", "7f00::"}) {
    EXPECT_FALSE(IpAddress::parse(text)->is_loopback()) << text;
  }
  EXPECT_EQ(IpAddress::loopback_v6(), *IpAddress::parse("::1"));
  EXPECT_EQ(IpAddress::loopback_v4(), *IpAddress::parse("127.0.0.1"));
}

TEST(IpAddress, KnowsUnspecified) {
  EXPECT_TRUE(IpAddress::any_v4().is_unspecified());
  EXPECT_TRUE(IpAddress::any_v6().is_unspecified());
  EXPECT_FALSE(IpAddress::loopback_v4().is_unspecified());
  EXPECT_FALSE(IpAddress::loopback_v6().is_unspecified());
}

TEST(IpAddress, FamiliesDiffer) { EXPECT_NE(IpAddress::any_v4(), IpAddress::any_v6()); }

TEST(SocketAddress, PrintsBracketsForIpv6) {
  EXPECT_EQ((SocketAddress{IpAddress::loopback_v4(), 80}).to_string(), "127.0.0.1:80");
  EXPECT_EQ((SocketAddress{IpAddress::loopback_v6(), 65535}).to_string(), "[::1]:65535");
}

}  // namespace
}  // namespace myelin::io
