#include "identity/keys.hpp"

#include "base/limits.hpp"
#include "base/varint.hpp"
#include "identity/key_vectors.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string>

namespace myelin::identity {
namespace {

using vectors::from_hex;
using vectors::key_vectors;

Bytes message_of(KeyType type, View data) {
  Bytes message{0x08, static_cast<std::uint8_t>(type), 0x12};
  put_varint(message, data.size());
  message.insert(message.end(), data.begin(), data.end());
  return message;
}

Bytes element(std::uint8_t tag, View content) {
  Bytes der{tag};
  if (content.size() < 0x80) {
    der.push_back(static_cast<std::uint8_t>(content.size()));
  } else {
    der.push_back(0x82);
    der.push_back(static_cast<std::uint8_t>(content.size() >> 8));
    der.push_back(static_cast<std::uint8_t>(content.size()));
  }
  der.insert(der.end(), content.begin(), content.end());
  return der;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// An RSA SubjectPublicKeyInfo whose modulus has `bits` bits, all of them one.
Bytes rsa_spki(std::size_t bits, const Bytes& exponent = {1, 0, 1}, std::uint8_t last = 0xff) {
  Bytes modulus{0};
  modulus.resize(1 + bits / 8, 0xff);
  modulus.back() = last;
  const Bytes numbers = element(0x30, joined({element(0x02, modulus), element(0x02, exponent)}));
  const Bytes algorithm = element(0x30, from_hex("06092a864886f70d0101010500"));
  return element(0x30, joined({algorithm, element(0x03, joined({Bytes{0}, numbers}))}));
}

struct Generated {
  Bytes private_der;
  Bytes spki;
};

Generated generated(EVP_PKEY* key) {
  Generated out;
  unsigned char* der = nullptr;
  int size = i2d_PrivateKey(key, &der);
  out.private_der.assign(der, der + size);
  OPENSSL_free(der);
  der = nullptr;
  size = i2d_PUBKEY(key, &der);
  out.spki.assign(der, der + size);
  OPENSSL_free(der);
  EVP_PKEY_free(key);
  return out;
}

class PublishedKey : public testing::TestWithParam<vectors::KeyVector> {};

TEST_P(PublishedKey, PublicHalfAndPeerIdComeOut) {
  const Result<KeyPair> pair = KeyPair::decode(from_hex(GetParam().private_message));
  ASSERT_TRUE(pair) << pair.error().message;
  EXPECT_EQ(pair->type(), GetParam().type);
  EXPECT_EQ(to_hex(pair->public_key().message()), GetParam().public_message);
  EXPECT_EQ(pair->peer_id().to_string(), GetParam().peer_id);
  EXPECT_EQ(to_hex(pair->encode()), GetParam().private_message);

  const Result<PublicKey> key = PublicKey::decode(from_hex(GetParam().public_message));
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(*key, pair->public_key());
  EXPECT_EQ(key->type(), GetParam().type);
  EXPECT_EQ(key->peer_id(), pair->peer_id());
}

TEST_P(PublishedKey, SignsWhatItVerifies) {
  const KeyPair pair = *KeyPair::decode(from_hex(GetParam().private_message));
  const PublicKey key = *PublicKey::decode(from_hex(GetParam().public_message));
  const std::string data = "a message of some length, signed by its sender";
  Bytes signature = pair.sign(as_view(data));
  EXPECT_TRUE(key.verify(as_view(data), signature));
  EXPECT_FALSE(key.verify(as_view(data + "!"), signature));
  EXPECT_FALSE(key.verify({}, signature));
  EXPECT_FALSE(key.verify(as_view(data), {}));
  EXPECT_FALSE(key.verify(as_view(data), View(signature).first(signature.size() - 1)));
  signature[signature.size() / 2] ^= 1;
  EXPECT_FALSE(key.verify(as_view(data), signature));
  EXPECT_TRUE(key.verify({}, pair.sign({}))) << "the empty message is a message";
}

TEST_P(PublishedKey, SignatureIsNobodyElses) {
  const Bytes signature = KeyPair::decode(from_hex(GetParam().private_message))->sign(as_view("text"));
  for (const vectors::KeyVector& other : key_vectors) {
    const bool own = other.type == GetParam().type;
    EXPECT_EQ(PublicKey::decode(from_hex(other.public_message))->verify(as_view("text"), signature), own);
  }
}

TEST_P(PublishedKey, EveryTruncationIsRefused) {
  const Bytes whole_public = from_hex(GetParam().public_message);
  for (std::size_t n = 0; n < whole_public.size(); ++n)
    EXPECT_FALSE(PublicKey::decode(View(whole_public).first(n))) << n;
  const Bytes whole_private = from_hex(GetParam().private_message);
  for (std::size_t n = 0; n < whole_private.size(); ++n)
    EXPECT_FALSE(KeyPair::decode(View(whole_private).first(n))) << n;
}

TEST_P(PublishedKey, OnlyTheCanonicalMessageIsRead) {
  const Bytes good = from_hex(GetParam().public_message);
  Bytes trailing = good;
  trailing.push_back(0);
  EXPECT_FALSE(PublicKey::decode(trailing));
  Bytes unknown_field = good;
  unknown_field.insert(unknown_field.end(), {0x18, 0x00});
  EXPECT_FALSE(PublicKey::decode(unknown_field));
  Bytes swapped(good.begin() + 2, good.end());
  swapped.insert(swapped.end(), good.begin(), good.begin() + 2);
  EXPECT_FALSE(PublicKey::decode(swapped)) << "fields out of order would be another peer ID";
  Bytes long_type = good;
  long_type[1] |= 0x80;
  long_type.insert(long_type.begin() + 2, 0x00);
  EXPECT_FALSE(PublicKey::decode(long_type));
  Bytes other_type = good;
  other_type[1] = 4;
  EXPECT_FALSE(PublicKey::decode(other_type));
}

std::string type_name(const testing::TestParamInfo<vectors::KeyVector>& info) {
  static constexpr std::array names{"Rsa", "Ed25519", "Secp256k1", "Ecdsa"};
  return names[static_cast<std::size_t>(info.param.type)];
}

INSTANTIATE_TEST_SUITE_P(AllTypes, PublishedKey, testing::ValuesIn(key_vectors), type_name);

TEST(Ed25519, SeedMakesThePublishedKey) {
  std::array<std::uint8_t, 32> seed{};
  const Bytes message = from_hex(key_vectors[1].private_message);
  std::copy_n(message.begin() + 4, seed.size(), seed.begin());
  const KeyPair pair = KeyPair::ed25519(seed);
  EXPECT_EQ(pair.encode(), message);
  EXPECT_EQ(pair.encode().size(), 68u);
  EXPECT_EQ(pair.peer_id().to_string(), key_vectors[1].peer_id);
}

TEST(Ed25519, SignsAsRfc8032) {
  // RFC 8032 §7.1, TEST 2: one byte.
  const Bytes seed = from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  std::array<std::uint8_t, 32> array{};
  std::copy(seed.begin(), seed.end(), array.begin());
  const KeyPair pair = KeyPair::ed25519(array);
  EXPECT_EQ(to_hex(pair.public_key().message().subspan(4)),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(to_hex(pair.sign(Bytes{0x72})),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Ed25519, LegacyPrivateKeyIsTheSameKey) {
  const Bytes message = from_hex(key_vectors[1].private_message);
  Bytes legacy(message.begin() + 4, message.end());
  legacy.insert(legacy.end(), legacy.end() - 32, legacy.end());
  ASSERT_EQ(legacy.size(), 96u);
  const Result<KeyPair> pair = KeyPair::decode(message_of(KeyType::ed25519, legacy));
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->encode(), message);
  legacy.back() ^= 1;
  EXPECT_FALSE(KeyPair::decode(message_of(KeyType::ed25519, legacy))) << "the two public halves differ";
}

TEST(Ed25519, PublicHalfThatIsNotTheSeedsIsRefused) {
  Bytes message = from_hex(key_vectors[1].private_message);
  message.back() ^= 1;
  EXPECT_FALSE(KeyPair::decode(message));
}

TEST(Ed25519, SmallOrderKeySignsNothing) {
  // The neutral element: with it, (R = neutral, S = 0) would verify over any message in a careless implementation.
  Bytes point(32, 0);
  point[0] = 1;
  const Result<PublicKey> key = PublicKey::decode(message_of(KeyType::ed25519, point));
  Bytes signature(64, 0);
  signature[0] = 1;
  EXPECT_FALSE(key && key->verify(as_view("anything"), signature));
}

TEST(Secp256k1, HighSIsNormalised) {
  const KeyPair pair = *KeyPair::decode(from_hex(key_vectors[2].private_message));
  const Bytes low = pair.sign(as_view("text"));
  // S becomes n - S: as valid mathematically, and what peers without the low-S rule send half of the time.
  const Bytes order = from_hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
  ASSERT_EQ(low[0], 0x30);
  const std::size_t r_size = low[3];
  const std::size_t s_size = low[5 + r_size];
  const View s = View(low).subspan(6 + r_size, s_size);
  Bytes padded(32, 0);
  std::copy_backward(s.end() - static_cast<std::ptrdiff_t>(std::min<std::size_t>(s_size, 32)), s.end(), padded.end());
  EXPECT_EQ(padded[0] & 0x80, 0) << "ours is low";
  Bytes high(32, 0);
  int borrow = 0;
  for (int i = 31; i >= 0; --i) {
    const auto at = static_cast<std::size_t>(i);
    const int difference = order[at] - padded[at] - borrow;
    borrow = difference < 0 ? 1 : 0;
    high[at] = static_cast<std::uint8_t>(difference);
  }
  high.insert(high.begin(), 0);
  const Bytes der = element(0x30, joined({Bytes(low.begin() + 2, low.begin() + 4 + static_cast<std::ptrdiff_t>(r_size)),
                                          element(0x02, high)}));
  EXPECT_TRUE(pair.public_key().verify(as_view("text"), der));
}

TEST(Secp256k1, BadPointsAndScalarsAreRefused) {
  Bytes point = from_hex(key_vectors[2].public_message);
  Bytes uncompressed(65, 1);
  uncompressed[0] = 4;
  EXPECT_FALSE(PublicKey::decode(message_of(KeyType::secp256k1, uncompressed)));
  Bytes off_curve(33, 0xff);
  off_curve[0] = 2;
  EXPECT_FALSE(PublicKey::decode(message_of(KeyType::secp256k1, off_curve)));
  point[4] = 5;
  EXPECT_FALSE(PublicKey::decode(point));
  EXPECT_FALSE(KeyPair::decode(message_of(KeyType::secp256k1, Bytes(32, 0))));
  EXPECT_FALSE(KeyPair::decode(message_of(KeyType::secp256k1, Bytes(32, 0xff))));
  EXPECT_FALSE(KeyPair::decode(message_of(KeyType::secp256k1, Bytes(31, 1))));
}

TEST(Rsa, SizesOutOfRangeAreRefused) {
  EXPECT_TRUE(PublicKey::decode(message_of(KeyType::rsa, rsa_spki(2048))));
  EXPECT_TRUE(PublicKey::decode(message_of(KeyType::rsa, rsa_spki(8192))));
  EXPECT_FALSE(PublicKey::decode(message_of(KeyType::rsa, rsa_spki(2040))));
  EXPECT_FALSE(PublicKey::decode(message_of(KeyType::rsa, rsa_spki(1024))));
  EXPECT_FALSE(PublicKey::decode(message_of(KeyType::rsa, rsa_spki(8200))));
}

TEST(Rsa, GiantKeyCostsNothing) {  // CVE-2023-39533
  for (const std::size_t bits : {16384u, 31000u, 131072u, 520000u}) {
    const Bytes message = message_of(KeyType::rsa, rsa_spki(bits));
    const auto start = std::chrono::steady_clock::now();
    const Result<PublicKey> key = PublicKey::decode(message);
    EXPECT_FALSE(key) << bits;
    EXPECT_EQ(key.error().code, ErrorCode::bad_request);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(50)) << bits;
  }
}

TEST(Rsa, BadNumbersAreRefused) {
  const auto decodes = [](const Bytes& spki) { return PublicKey::decode(message_of(KeyType::rsa, spki)).has_value(); };
  EXPECT_TRUE(decodes(rsa_spki(2048, {3})));
  EXPECT_TRUE(decodes(rsa_spki(2048, {0x7f, 0xff, 0xff, 0xff})));
  EXPECT_FALSE(decodes(rsa_spki(2048, {1})));
  EXPECT_FALSE(decodes(rsa_spki(2048, {0})));
  EXPECT_FALSE(decodes(rsa_spki(2048, {4})));
  EXPECT_FALSE(decodes(rsa_spki(2048, {0x83}))) << "negative";
  EXPECT_FALSE(decodes(rsa_spki(2048, {0x00, 0x03}))) << "not minimal";
  EXPECT_FALSE(decodes(rsa_spki(2048, {1, 0, 0, 0, 1}))) << "a slow exponent";
  EXPECT_FALSE(decodes(rsa_spki(2048, {1, 0, 1}, 0xfe))) << "an even modulus";
  Bytes trailing = rsa_spki(2048);
  trailing.push_back(0);
  EXPECT_FALSE(decodes(trailing));
}

TEST(Rsa, GeneratedKeySignsAndBrokenPartsAreRefused) {
  const Generated key = generated(EVP_RSA_gen(2048));
  const Result<KeyPair> pair = KeyPair::decode(message_of(KeyType::rsa, key.private_der));
  ASSERT_TRUE(pair) << pair.error().message;
  EXPECT_EQ(Bytes(pair->public_key().message().begin(), pair->public_key().message().end()),
            message_of(KeyType::rsa, key.spki));
  EXPECT_TRUE(pair->public_key().verify(as_view("text"), pair->sign(as_view("text"))));
  EXPECT_EQ(pair->sign(as_view("text")), pair->sign(as_view("text")));

  Bytes broken = key.private_der;
  broken[100] ^= 0x10;  // in the modulus, so that nothing fits any more
  EXPECT_FALSE(KeyPair::decode(message_of(KeyType::rsa, broken)));
  const Generated small = generated(EVP_RSA_gen(1024));
  EXPECT_FALSE(KeyPair::decode(message_of(KeyType::rsa, small.private_der)));
  EXPECT_FALSE(PublicKey::decode(message_of(KeyType::rsa, small.spki)));
}

TEST(Ecdsa, OtherNistCurvesAreKeys) {
  for (const char* curve : {"P-256", "P-384", "P-521"}) {
    const Generated key = generated(EVP_EC_gen(curve));
    const Result<KeyPair> pair = KeyPair::decode(message_of(KeyType::ecdsa, key.private_der));
    ASSERT_TRUE(pair) << curve << ": " << pair.error().message;
    EXPECT_TRUE(pair->public_key().verify(as_view("text"), pair->sign(as_view("text"))));
    const Result<PublicKey> alone = PublicKey::decode(message_of(KeyType::ecdsa, key.spki));
    ASSERT_TRUE(alone) << curve;
    EXPECT_TRUE(alone->verify(as_view("text"), pair->sign(as_view("text"))));
    EXPECT_TRUE(alone->peer_id().to_string().starts_with("Qm"));
  }
}

TEST(Ecdsa, OtherCurvesAndPointsAreRefused) {
  for (const char* curve : {"P-224", "secp256k1", "brainpoolP256r1"}) {
    const Generated key = generated(EVP_EC_gen(curve));
    EXPECT_FALSE(PublicKey::decode(message_of(KeyType::ecdsa, key.spki))) << curve;
    EXPECT_FALSE(KeyPair::decode(message_of(KeyType::ecdsa, key.private_der))) << curve;
  }
  Bytes off_curve = from_hex(key_vectors[3].public_message);
  off_curve.back() ^= 1;
  EXPECT_FALSE(PublicKey::decode(off_curve));
  const Generated ours = generated(EVP_EC_gen("P-256"));
  const Generated other = generated(EVP_EC_gen("P-256"));
  Bytes mixed = ours.private_der;
  std::copy(other.private_der.end() - 65, other.private_der.end(), mixed.end() - 65);
  EXPECT_FALSE(KeyPair::decode(message_of(KeyType::ecdsa, mixed))) << "another key's point";
}

TEST(Keys, LimitIsHeldBeforeAnythingIsRead) {
  EXPECT_FALSE(PublicKey::decode(Bytes(limits::protobuf_key_bytes + 1, 0x08)));
  EXPECT_FALSE(KeyPair::decode(Bytes(1 << 20, 0x08)));
  // A length of 2^63 in nine bytes.
  EXPECT_FALSE(PublicKey::decode(from_hex("08011280808080808080808001")));
  EXPECT_FALSE(PublicKey::decode(from_hex("080112ffffffffffffffff7f")));
}

TEST(Keys, DefaultMadeKeysVerifyAndEncodeNothing) {
  EXPECT_FALSE(PublicKey().verify(as_view("text"), Bytes(64, 0)));
  EXPECT_TRUE(KeyPair().encode().empty());
}

TEST(Keys, CopiesAndMovesKeepTheSecret) {
  KeyPair pair = *KeyPair::decode(from_hex(key_vectors[1].private_message));
  const KeyPair copy = pair;
  const KeyPair moved = std::move(pair);
  EXPECT_EQ(copy.encode(), moved.encode());
  pair = copy;
  EXPECT_EQ(to_hex(pair.encode()), key_vectors[1].private_message);
}

}  // namespace
}  // namespace myelin::identity
