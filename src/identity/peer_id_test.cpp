#include "identity/peer_id.hpp"

#include "base/ids.hpp"
#include "identity/key_vectors.hpp"
#include "identity/keys.hpp"
#include "identity/multibase.hpp"
#include "identity/multihash.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>
#include <unordered_set>

namespace myelin::identity {
namespace {

using vectors::from_hex;
using vectors::key_vectors;

TEST(PeerId, OfThePublishedKeys) {
  for (const vectors::KeyVector& vector : key_vectors) {
    const PeerId id = PeerId::of_public_key(from_hex(vector.public_message));
    EXPECT_EQ(id.to_string(), vector.peer_id);
    const Result<PeerId> parsed = PeerId::parse(vector.peer_id);
    ASSERT_TRUE(parsed) << vector.peer_id;
    EXPECT_EQ(*parsed, id);
    EXPECT_EQ(*PeerId::from_bytes(id.bytes()), id);
    EXPECT_EQ(parsed->stable_hash(), id.stable_hash());
  }
}

TEST(PeerId, KeysThatFitAreInside) {
  EXPECT_EQ(to_hex(PeerId::parse(key_vectors[1].peer_id)->bytes()),
            "0024" + std::string(key_vectors[1].public_message));
  EXPECT_EQ(to_hex(PeerId::parse(key_vectors[2].peer_id)->bytes()),
            "0025" + std::string(key_vectors[2].public_message));
  EXPECT_EQ(to_hex(PeerId::parse(key_vectors[0].peer_id)->bytes().first(2)), "1220");
}

TEST(PeerId, EverySpellingIsTheSamePeer) {
  for (const vectors::KeyVector& vector : key_vectors) {
    const PeerId id = *PeerId::parse(vector.peer_id);
    Bytes cid{0x01, 0x72};
    cid.insert(cid.end(), id.bytes().begin(), id.bytes().end());
    for (const Base base : {Base::base16, Base::base16_upper, Base::base32, Base::base32_upper, Base::base36,
                            Base::base36_upper, Base::base58btc}) {
      const std::string text = multibase_encode(base, cid);
      const Result<PeerId> parsed = PeerId::parse(text);
      ASSERT_TRUE(parsed) << text;
      EXPECT_EQ(*parsed, id) << text;
    }
    EXPECT_EQ(id.to_cid_string(), multibase_encode(Base::base36, cid));
    EXPECT_FALSE(PeerId::parse(multibase_encode(Base::base64url, cid))) << "a base that is not for peer IDs";
  }
}

TEST(PeerId, PublishedSpellings) {
  // specs/peer-ids, "Decoding"; go-multiaddr's table.
  EXPECT_EQ(PeerId::parse("bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe")->to_string(),
            "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N");
  const PeerId id = *PeerId::parse("12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV");
  EXPECT_EQ(id.to_cid_string(), "k51qzi5uqu5dhb6l8spkdx7yxafegfkee5by8h7lmjh2ehc2sgg34z7c15vzqs");
  EXPECT_EQ(*PeerId::parse("bafzaajaiaejcalj543iwv2d7pkjt7ykvefrkfu7qjfi6sduakhso4lay6abn2d5u"), id);
  EXPECT_TRUE(PeerId::parse("QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"));
  EXPECT_EQ(*PeerId::parse("k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7"),
            *PeerId::parse("QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"));
}

TEST(PeerId, TextThatNamesNobody) {
  const std::string good(key_vectors[1].peer_id);
  const std::string qm(key_vectors[0].peer_id);
  const std::string cases[] = {
      "",
      "1",
      "Qm",
      "12D3KooW",
      good.substr(0, good.size() - 1),
      good + "1",
      "1" + good,
      " " + good,
      good + "\n",
      good + std::string(1, '\0'),
      qm.substr(0, qm.size() - 1) + "0",                 // not in the alphabet
      "QmxoHT6iViN5xAjoz1VZ553cL31U9F94ht3QvWR1FrEbZY",  // sha2-256 with another length
      "zzz",
      "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",  // a CID of something else
      "localhost",
      std::string(129, '1'),
      std::string(100'000, '1'),
      std::string(100'000, 'k'),
  };
  for (const std::string& text : cases) {
    const Result<PeerId> id = PeerId::parse(text);
    EXPECT_FALSE(id) << text.substr(0, 100);
    if (!id) {
      EXPECT_EQ(id.error().code, ErrorCode::bad_request);
    }
  }
}

TEST(PeerId, BytesThatNameNobody) {
  const PeerId id = *PeerId::parse(key_vectors[1].peer_id);
  const Bytes good(id.bytes().begin(), id.bytes().end());
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(PeerId::from_bytes(View(good).first(n))) << n;
  Bytes trailing = good;
  trailing.push_back(0);
  EXPECT_FALSE(PeerId::from_bytes(trailing));
  EXPECT_FALSE(PeerId::from_bytes(from_hex("0000"))) << "no key inside";
  EXPECT_FALSE(PeerId::from_bytes(from_hex("000461626364"))) << "an identity hash of something else";
  EXPECT_FALSE(PeerId::from_bytes(encode_multihash(multihash_identity, Bytes(43, 8)))) << "over 42 bytes";
  EXPECT_FALSE(PeerId::from_bytes(encode_multihash(0x13, Bytes(64, 8)))) << "sha2-512";
  EXPECT_FALSE(PeerId::from_bytes(encode_multihash(multihash_sha2_256, Bytes(31, 8))));
  EXPECT_FALSE(PeerId::from_bytes(from_hex("12a000"))) << "a length that is not minimal";
  EXPECT_FALSE(PeerId::from_bytes(from_hex("12ffffffffffffffffff01")));
  EXPECT_TRUE(PeerId::from_bytes(encode_multihash(multihash_sha2_256, Bytes(32, 8))));
}

TEST(PeerId, EmptyIsNoPeer) {
  EXPECT_TRUE(PeerId().empty());
  EXPECT_NE(PeerId(), *PeerId::parse(key_vectors[1].peer_id));
  EXPECT_EQ(PeerId().to_string(), "");
}

TEST(PeerId, HashIsStableAndSpreads) {
  EXPECT_EQ(PeerId::parse(key_vectors[1].peer_id)->stable_hash(), PeerId::parse(key_vectors[1].peer_id)->stable_hash());
  std::set<std::uint64_t> low_bits;
  std::unordered_set<PeerId> ids;
  for (std::uint8_t i = 0; i < 64; ++i) {
    std::array<std::uint8_t, 32> seed{};
    seed[0] = i;
    const PeerId id = KeyPair::ed25519(seed).peer_id();
    low_bits.insert(id.stable_hash() % 8);
    ids.insert(id);
  }
  EXPECT_EQ(low_bits.size(), 8u) << "every shard of eight gets some of 64 peers";
  EXPECT_EQ(ids.size(), 64u);
}

TEST(PeerId, HashOfAKnownPeerNeverChanges) {
  // Peers find their shard by it: a change would move every connection when a node is updated while it runs.
  EXPECT_EQ(PeerId::parse(key_vectors[1].peer_id)->stable_hash(), 3771043135995391232U);
}

}  // namespace
}  // namespace myelin::identity
