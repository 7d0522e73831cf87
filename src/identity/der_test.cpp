#include "identity/der.hpp"

#include "identity/key_vectors.hpp"

#include <gtest/gtest.h>

namespace myelin::identity {
namespace {

using vectors::from_hex;

TEST(Der, ElementsInOrder) {
  const Bytes der = from_hex(
      "3003020105"
      "0500");
  DerReader reader(der);
  const auto sequence = reader.element(DerReader::sequence);
  ASSERT_TRUE(sequence);
  EXPECT_EQ(to_hex(*sequence), "020105");
  EXPECT_FALSE(reader.element(DerReader::integer)) << "another tag";
  EXPECT_TRUE(reader.element(DerReader::null));
  EXPECT_TRUE(reader.at_end());
  EXPECT_FALSE(reader.element(DerReader::null));
}

TEST(Der, LengthsThatAreNotDer) {
  for (const char* text : {"30", "3080", "300500", "30810100", "3082000100", "30840000000100", "30ff", "308180"}) {
    const Bytes der = from_hex(text);
    EXPECT_FALSE(DerReader(der).element(DerReader::sequence)) << text;
  }
  Bytes long_form = from_hex("308180");
  long_form.resize(3 + 128);
  EXPECT_TRUE(DerReader(long_form).element(DerReader::sequence));
}

TEST(Der, IntegersArePositiveAndMinimal) {
  const Bytes two = from_hex("02020080");
  EXPECT_EQ(to_hex(*DerReader(two).positive_integer()), "80");
  for (const char* text : {"0200", "020100", "020180", "02020001", "0202007f", "0203000080"}) {
    const Bytes der = from_hex(text);
    EXPECT_FALSE(DerReader(der).positive_integer()) << text;
  }
}

TEST(Der, BitLength) {
  EXPECT_EQ(bit_length({}), 0u);
  EXPECT_EQ(bit_length(from_hex("01")), 1u);
  EXPECT_EQ(bit_length(from_hex("ff")), 8u);
  EXPECT_EQ(bit_length(from_hex("0100")), 9u);
}

}  // namespace
}  // namespace myelin::identity
