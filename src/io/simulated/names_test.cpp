#include "io/simulated/names.hpp"

#include <gtest/gtest.h>

namespace myelin::io::simulated {
namespace {

TEST(Names, AnswersInTheGivenOrderWhateverTheSpelling) {
  Names names;
  const auto four = *IpAddress::parse("10.1.2.3");
  const auto six = *IpAddress::parse("fd00::7");
  names.add_addresses("Node.Example", {six, four});
  EXPECT_EQ(*names.addresses("node.example."), (std::vector{six, four}));
  EXPECT_EQ(names.addresses("other.example").error().code, ErrorCode::offline);
  names.add_addresses("node.example", {});
  EXPECT_EQ(names.addresses("node.example").error().code, ErrorCode::offline);
}

TEST(Names, TakesAddressesInTextFormAndLocalhost) {
  const Names names;
  EXPECT_EQ(*names.addresses("192.0.2.1"), std::vector{*IpAddress::parse("192.0.2.1")});
  EXPECT_EQ(*names.addresses("::1"), std::vector{IpAddress::loopback_v6()});
  EXPECT_EQ(*names.addresses("LocalHost"), std::vector{IpAddress::loopback_v4()});
}

TEST(Names, TxtRecordsAreApartFromAddresses) {
  Names names;
  names.add_txt("_dnsaddr.example", {"dnsaddr=/ip4/10.0.0.1", "other"});
  EXPECT_EQ(names.txt("_DNSADDR.example")->size(), 2U);
  EXPECT_EQ(names.addresses("_dnsaddr.example").error().code, ErrorCode::offline);
  EXPECT_EQ(names.txt("none").error().code, ErrorCode::offline);
}

}  // namespace
}  // namespace myelin::io::simulated
