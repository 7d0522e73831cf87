#include "identity/multihash.hpp"

#include "identity/key_vectors.hpp"

#include <gtest/gtest.h>

namespace myelin::identity {
namespace {

using vectors::from_hex;

TEST(Multihash, OfContent) {
  // FIPS 180-2, "abc".
  const Bytes hash = sha2_256_multihash(as_view("abc"));
  EXPECT_EQ(to_hex(hash), "1220ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const Result<Multihash> decoded = decode_multihash(hash);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->code, multihash_sha2_256);
  EXPECT_EQ(decoded->digest.size(), 32u);
  EXPECT_EQ(encode_multihash(decoded->code, decoded->digest), hash);
}

TEST(Multihash, AnyFunctionOfABoundedDigest) {
  EXPECT_TRUE(decode_multihash(from_hex("d50410b1cd5b03e8adc4d2e5f6a7f84bb3d12e")));  // md5
  EXPECT_TRUE(decode_multihash(from_hex("0000")));
  EXPECT_TRUE(decode_multihash(encode_multihash(0x13, Bytes(max_digest_bytes, 1))));
  EXPECT_FALSE(decode_multihash(encode_multihash(0x13, Bytes(max_digest_bytes + 1, 1))));
}

TEST(Multihash, WhatIsNotWellFormed) {
  for (const char* text : {"", "12", "1220", "00", "0001", "000161ff", "800000", "12ff", "ffffffffffffffffff01",
                           "00ffffffffffffffffff01", "008000"}) {
    EXPECT_FALSE(decode_multihash(from_hex(text))) << text;
  }
}

}  // namespace
}  // namespace myelin::identity
