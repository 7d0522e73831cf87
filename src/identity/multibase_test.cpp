#include "identity/multibase.hpp"

#include "identity/key_vectors.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>

namespace myelin::identity {
namespace {

constexpr std::array all_bases{Base::base16,       Base::base16_upper, Base::base32, Base::base32_upper, Base::base36,
                               Base::base36_upper, Base::base58btc,    Base::base64, Base::base64url};

TEST(Multibase, PublishedVectors) {
  // multiformats/multibase, tests/basic.csv and tests/leading_zero.csv and tests/two_leading_zeros.csv.
  struct Case {
    Base base;
    std::string text;
    std::string bytes;
  };
  const std::string plain = "yes mani !";
  const std::string zero = std::string(1, '\0') + plain;
  const std::string zeros = std::string(2, '\0') + plain;
  const Case cases[] = {
      {Base::base16, "f796573206d616e692021", plain},     {Base::base16_upper, "F796573206D616E692021", plain},
      {Base::base32, "bpfsxgidnmfxgsibb", plain},         {Base::base32_upper, "BPFSXGIDNMFXGSIBB", plain},
      {Base::base36, "k2lcpzo5yikidynfl", plain},         {Base::base36_upper, "K2LCPZO5YIKIDYNFL", plain},
      {Base::base58btc, "z7paNL19xttacUY", plain},        {Base::base64, "meWVzIG1hbmkgIQ", plain},
      {Base::base64url, "ueWVzIG1hbmkgIQ", plain},        {Base::base16, "f00796573206d616e692021", zero},
      {Base::base32, "bab4wk4zanvqw42jaee", zero},        {Base::base36, "k02lcpzo5yikidynfl", zero},
      {Base::base58btc, "z17paNL19xttacUY", zero},        {Base::base64url, "uAHllcyBtYW5pICE", zero},
      {Base::base16, "f0000796573206d616e692021", zeros}, {Base::base32, "baaahszltebwwc3tjeaqq", zeros},
      {Base::base36, "k002lcpzo5yikidynfl", zeros},       {Base::base58btc, "z117paNL19xttacUY", zeros},
      {Base::base64url, "uAAB5ZXMgbWFuaSAh", zeros},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(multibase_encode(c.base, as_view(c.bytes)), c.text);
    const Result<Multibase> decoded = multibase_decode(c.text);
    ASSERT_TRUE(decoded) << c.text;
    EXPECT_EQ(to_text(decoded->bytes), c.bytes) << c.text;
    EXPECT_EQ(decoded->base, c.base);
  }
}

TEST(Multibase, CaseIsFoldedWhereTheTableSaysSo) {
  // multiformats/multibase, tests/case_insensitivity.csv.
  for (const char* text : {"f68656c6c6f20776F726C64", "F68656c6c6f20776F726C64", "bnbswy3dpeB3W64TMMQ",
                           "Bnbswy3dpeB3W64TMMQ", "kfUvrsIvVnfRbjWaJo", "KfUVrSIVVnFRbJWAJo"}) {
    const Result<Multibase> decoded = multibase_decode(text);
    ASSERT_TRUE(decoded) << text;
    EXPECT_EQ(to_text(decoded->bytes), "hello world") << text;
  }
}

TEST(Multibase, EveryLengthComesBack) {
  for (std::size_t size = 0; size < 70; ++size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + size);
    for (const Base base : all_bases) {
      const std::string text = multibase_encode(base, bytes);
      const Result<Multibase> decoded = multibase_decode(text);
      ASSERT_TRUE(decoded) << text;
      EXPECT_EQ(decoded->bytes, bytes) << text;
    }
  }
}

TEST(Multibase, WhatIsNotStrictIsRefused) {
  for (const char* text : {"",
                           "f7",   // half a byte
                           "f7g",  // no digit
                           "b7",   // five bits of a byte
                           "bmz",  // bits left over that are not zero: `bmy` is `f`
                           "bpfsxgidnmfxgsibb======", "bpfsxgi1nmfxgsibb", "meWVzIG1hbmkgIQ==",
                           "meWVzIG1hbmkgIR",  // bits left over
                           "meWVz-G1hbmkgIQ",  // the other alphabet
                           "ueWVz+G1hbmkgIQ",
                           "z0OIl",  // not in base58
                           "k-1", "1abc", "\xf0\x9f\x9a\x80", "x"}) {
    EXPECT_FALSE(multibase_decode(text)) << text;
  }
  EXPECT_TRUE(multibase_decode("bmy"));
}

TEST(Multibase, LongTextIsRefusedUnread) {
  EXPECT_FALSE(multibase_decode("k" + std::string(max_multibase_text, '1')));
  EXPECT_FALSE(multibase_decode("z" + std::string(1 << 20, '2')));
  EXPECT_TRUE(multibase_decode("f" + std::string(max_multibase_text - 2, 'a')));
}

}  // namespace
}  // namespace myelin::identity
