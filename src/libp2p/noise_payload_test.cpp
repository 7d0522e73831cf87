#include "libp2p/noise_payload.hpp"

#include "base/limits.hpp"
#include "identity/key_vectors.hpp"

#include <gtest/gtest.h>
#include <string>

namespace myelin::libp2p::noise {
namespace {

using identity::vectors::from_hex;

TEST(NoisePayload, OnTheWire) {
  const Payload payload{from_hex("0801"), from_hex("aabbcc"), {"/yamux/1.0.0"}};
  const Bytes bytes = encode_payload(payload);
  EXPECT_EQ(to_hex(bytes),
            "0a020801"
            "1203aabbcc"
            "220e"
            "120c2f79616d75782f312e302e30");
  const Result<Payload> decoded = decode_payload(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->identity_key, payload.identity_key);
  EXPECT_EQ(decoded->identity_signature, payload.identity_signature);
  EXPECT_EQ(decoded->muxers, payload.muxers);
}

TEST(NoisePayload, WithoutMuxersThereIsNoExtension) {
  EXPECT_EQ(to_hex(encode_payload({from_hex("0801"), from_hex("aa"), {}})), "0a0208011201aa");
}

TEST(NoisePayload, WhatIsSigned) {
  DhPublic point{};
  point[31] = 0x7f;
  EXPECT_EQ(to_text(signed_bytes(point)), "noise-libp2p-static-key:" + std::string(31, '\0') + "\x7f");
}

TEST(NoisePayload, OtherExtensionsArePassedOver) {
  // certhash, an unknown field 9 inside the extensions, an unknown field 15 outside, and the obsolete field 3.
  const Bytes bytes = from_hex(
      "0a0208011201aa"
      "1a0161"
      "2209"
      "0a0201ff"
      "120161"
      "4800"
      "7801");
  const Result<Payload> decoded = decode_payload(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->muxers, std::vector<std::string>{"a"});
}

TEST(NoisePayload, WhatIsMissingOrBroken) {
  for (const char* text : {"", "0a020801", "1201aa", "0a0208011205aa", "0affffffffff", "ff", "0a0208011201aa22ff",
                           "0a0208011201aa2202120a", "0a0208011201aa22021200"}) {
    const Result<Payload> decoded = decode_payload(from_hex(text));
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().code, ErrorCode::protocol);
  }
}

TEST(NoisePayload, ListsAndFieldsAreBounded) {
  Payload payload{from_hex("0801"), from_hex("aa"), std::vector<std::string>(max_muxers, "/m")};
  EXPECT_TRUE(decode_payload(encode_payload(payload)));
  payload.muxers.push_back("/m");
  EXPECT_FALSE(decode_payload(encode_payload(payload)));
  payload.muxers = {std::string(limits::multistream_token_bytes, 'm')};
  EXPECT_FALSE(decode_payload(encode_payload(payload)));
  payload.muxers.clear();
  payload.identity_key = Bytes(limits::protobuf_key_bytes + 1);
  EXPECT_FALSE(decode_payload(encode_payload(payload)));
  payload.identity_key.pop_back();
  EXPECT_TRUE(decode_payload(encode_payload(payload)));
  payload.identity_signature = Bytes(limits::protobuf_key_bytes + 1);
  EXPECT_FALSE(decode_payload(encode_payload(payload)));
  EXPECT_FALSE(decode_payload(Bytes(70'000)));
}

}  // namespace
}  // namespace myelin::libp2p::noise
