#include "libp2p/noise_xx.hpp"

#include "identity/key_vectors.hpp"
#include "libp2p/noise_cipher.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace myelin::libp2p::noise {
namespace {

using identity::vectors::from_hex;

Key key(std::string_view hex) {
  std::array<std::uint8_t, 32> bytes{};
  const Bytes decoded = from_hex(hex);
  std::copy_n(decoded.begin(), bytes.size(), bytes.begin());
  return Key(bytes);
}

struct Message {
  std::string payload;
  std::string ciphertext;
};

struct Vector {
  std::string name;
  std::string prologue;
  std::string initiator_static, initiator_ephemeral, responder_static, responder_ephemeral;
  std::string hash;  // empty: not published
  std::vector<Message> messages;
};

// Noise_XX_25519_ChaChaPoly_SHA256 of the collections that the implementations of Noise share: cacophony's and snow's.
const std::vector<Vector>& published() {
  static const std::vector<Vector> vectors{
      {"cacophony",
       "4a6f686e2047616c74",
       "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1",
       "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
       "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893",
       "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
       "c8e5f64e846193be2a834104c2a009868d6c9f3bd3c186299888b488b2f1f58e",
       {{"4c756477696720766f6e204d69736573",
         "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944"
         "4c756477696720766f6e204d69736573"},
        {"4d757272617920526f746862617264",
         "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843"
         "81cbad1f276e038c48378ffce2b65285e08d6b68aaa3629a5a8639392490e5b9bd5269c2f1e4f488ed8831161f19b781"
         "5528f8982ffe09be9b5c412f8a0db50f8814c7194e83f23dbd8d162c9326ad"},
        {"462e20412e20486179656b",
         "c7195ffacac1307ff99046f219750fc47693e23c3cb08b89c2af808b444850a80ae475b9df0f169ae80a89be0865b57f"
         "58c9fea0d4ec82a286427402f113e4b6ae769a1d95941d49b25030"},
        {"4361726c204d656e676572", "96763ed773f8e47bb3712f0e29b3060ffc956ffc146cee53d5e1df"},
        {"4a65616e2d426170746973746520536179", "3e40f15f6f3a46ae446b253bf8b1d9ffb6ed9b174d272328ff91a7e2e5c79c07f5"},
        {"457567656e2042f6686d20766f6e2042617765726b",
         "eb3f3515110702e047a6c9da4478b6ead94873c11c0f2d710ddb3f09fce024b3a58502ae3f"}}},
      {"snow",
       "5468657265206973206e6f20726967687420616e642077726f6e672e2054686572652773206f6e6c792066756e20616e6420626f72696e6"
       "72e",
       "7dec208517a3b81a2861d7a71266d5d6dc944c5a8816634a86fe63198a0148ee",
       "a32daf21e93c0131495ce1d903181fde81cc46937daaeb990bae7c992709421e",
       "4d0aed5098e3b4ef20357e9f686ce66204c792b358da2e475017d6c485304881",
       "4eece0f195d026db035ff987597c429d3ad3bcc2944df37d649528951b2a27c5",
       "",
       {{"d03c489139e645d0711a3c9e810d776b46a84912463fafa87b884eebf242dc34",
         "f9fa868ba97ab8a2686deccfaad5a484ee10a5bb85e3d1dce015a84797f92818"
         "d03c489139e645d0711a3c9e810d776b46a84912463fafa87b884eebf242dc34"},
        {"d8190a92f7dc0c93dbea9118ba8055751fb7c6590c416ffbd419964132b99a85",
         "8c4e6fdb7d09d501a86f7eca5c234522751706ed409182c05cdf5f827d4dae47"
         "b81c6c5f43b025692c24391eefee725c17d8cb0fbe3e4abb8aedf42c4fd2592d4ea48ac08989d6ae8b4adae08b2c3408"
         "7c808c7aa55a63c02b0fab9e930612336bd43eaea04d3c670a0a146691aa9cc9d357872320dc735dbc48580cffb553db"},
        {"77891b19dcb92ef7c055b672c4a5aa7fdf1c84146b8b303459022729473ce254",
         "933ca6b5ed60df3df66121f0ab49a09e49efa45c613a86a3cecbf4c535cef2f83f72b42837b18e3572f2fdc2b74c331e"
         "2368a545cef54bdca081678ab0e9dd5348122459e0c034c851984d88ce610963d43cde6cfe73a67fbd5a63e8bfca96d0"},
        {"d7efdf988072881941db045a42882433817555128fbf5663e56081712ec7d212",
         "54ef0ff0629e1aaa7685a2806ab111cba76b52331f2642276736f415868eacb69ab2577f3bda0cbf72f879685f6ed25f"},
        {"dd7bf01a588bafb52c6cfba952e5d8fe35cc2b3f92b4730ae2474615157345ce",
         "356be70f110306d5c699bb834bb9d58d909e325924dfbec972e406e6f294dc63e1daebefe8a62a334facc8048ab4ad66"}}},
  };
  return vectors;
}

class XxVector : public testing::TestWithParam<std::size_t> {};

TEST_P(XxVector, MessageForMessage) {
  const Vector& vector = published()[GetParam()];
  const Bytes prologue = from_hex(vector.prologue);
  XX initiator(Role::initiator, key(vector.initiator_static), key(vector.initiator_ephemeral), prologue);
  XX responder(Role::responder, key(vector.responder_static), key(vector.responder_ephemeral), prologue);
  for (std::size_t i = 0; i < 3; ++i) {
    XX& writer = i % 2 == 0 ? initiator : responder;
    XX& reader = i % 2 == 0 ? responder : initiator;
    EXPECT_TRUE(writer.my_turn());
    EXPECT_FALSE(reader.my_turn());
    const Result<Bytes> message = writer.write(from_hex(vector.messages[i].payload));
    ASSERT_TRUE(message);
    EXPECT_EQ(to_hex(*message), vector.messages[i].ciphertext) << vector.name << " " << i;
    const Result<Bytes> payload = reader.read(*message);
    ASSERT_TRUE(payload);
    EXPECT_EQ(to_hex(*payload), vector.messages[i].payload);
  }
  EXPECT_TRUE(initiator.finished());
  EXPECT_EQ(initiator.hash(), responder.hash());
  if (!vector.hash.empty()) {
    EXPECT_EQ(to_hex(initiator.hash()), vector.hash);
  }
  EXPECT_EQ(initiator.remote_static(), responder.static_public());
  EXPECT_EQ(responder.remote_static(), initiator.static_public());

  // Transport messages go on in turn: the responder is next.
  CipherState from_initiator(CipherState::Direction::seal, initiator.split().send);
  CipherState from_responder(CipherState::Direction::seal, responder.split().send);
  CipherState at_initiator(CipherState::Direction::open, initiator.split().receive);
  CipherState at_responder(CipherState::Direction::open, responder.split().receive);
  for (std::size_t i = 3; i < vector.messages.size(); ++i) {
    const Bytes payload = from_hex(vector.messages[i].payload);
    const View piece = payload;
    Bytes sealed(payload.size() + tag_bytes);
    ASSERT_TRUE((i % 2 == 0 ? from_initiator : from_responder).seal({}, {&piece, 1}, sealed.data()));
    EXPECT_EQ(to_hex(sealed), vector.messages[i].ciphertext) << vector.name << " " << i;
    Bytes opened(payload.size());
    const View ciphertext = View(sealed).first(payload.size());
    ASSERT_TRUE((i % 2 == 0 ? at_responder : at_initiator)
                    .open({}, {&ciphertext, 1}, View(sealed).last(tag_bytes), opened.data()));
    EXPECT_EQ(opened, payload);
  }
}

INSTANTIATE_TEST_SUITE_P(Published, XxVector, testing::Values(0, 1));

class XxHostile : public testing::Test {
 protected:
  const Vector& vector_ = published()[0];
  XX initiator_{Role::initiator, key(vector_.initiator_static), key(vector_.initiator_ephemeral), {}};
  XX responder_{Role::responder, key(vector_.responder_static), key(vector_.responder_ephemeral), {}};
};

TEST_F(XxHostile, AnotherPrologueIsAnotherConversation) {
  XX other(Role::responder, key(vector_.responder_static), key(vector_.responder_ephemeral), as_view("prologue"));
  ASSERT_TRUE(other.read(*initiator_.write({})));
  EXPECT_EQ(initiator_.read(*other.write({})).error().code, ErrorCode::protocol);
}

TEST_F(XxHostile, EveryFlippedBitOfTheSecondMessageIsNoticed) {
  ASSERT_TRUE(responder_.read(*initiator_.write({})));
  const Bytes good = *responder_.write(as_view("payload"));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int bit : {0, 7}) {
      if (i == 31 && bit == 7) continue;  // X25519 ignores the highest bit; the hash does not, see below
      Bytes bad = good;
      bad[i] = static_cast<std::uint8_t>(bad[i] ^ (1 << bit));
      XX reader = initiator_;
      const Result<Bytes> payload = reader.read(bad);
      ASSERT_FALSE(payload) << i;
      EXPECT_EQ(payload.error().code, ErrorCode::protocol);
    }
  }
  Bytes unused_bit = good;
  unused_bit[31] ^= 0x80;
  EXPECT_FALSE(XX(initiator_).read(unused_bit));
  EXPECT_TRUE(XX(initiator_).read(good));
}

TEST_F(XxHostile, EveryTruncationIsNoticed) {
  const Bytes first = *initiator_.write({});
  for (std::size_t n = 0; n < first.size(); ++n) EXPECT_FALSE(XX(responder_).read(View(first).first(n))) << n;
  ASSERT_TRUE(responder_.read(first));
  const Bytes second = *responder_.write({});
  for (std::size_t n = 0; n < second.size(); ++n) EXPECT_FALSE(XX(initiator_).read(View(second).first(n))) << n;
  ASSERT_TRUE(initiator_.read(second));
  const Bytes third = *initiator_.write({});
  for (std::size_t n = 0; n < third.size(); ++n) EXPECT_FALSE(XX(responder_).read(View(third).first(n))) << n;
  EXPECT_TRUE(responder_.read(third));
}

TEST_F(XxHostile, KeysOfLowOrderAreRefused) {
  // All points of RFC 7748's curve whose multiple by a clamped scalar is zero.
  for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                            "0100000000000000000000000000000000000000000000000000000000000000",
                            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    XX responder = responder_;
    ASSERT_TRUE(responder.read(from_hex(point))) << "its use is what is refused";
    const Result<Bytes> answer = responder.write({});
    ASSERT_FALSE(answer) << point;
    EXPECT_EQ(answer.error().code, ErrorCode::protocol);
  }
}

TEST_F(XxHostile, PayloadsEndAtTheFrame) {
  EXPECT_EQ(initiator_.write(Bytes(65535)).error().code, ErrorCode::too_large);
  XX fresh(Role::initiator, key(vector_.initiator_static), key(vector_.initiator_ephemeral), {});
  EXPECT_EQ(fresh.write(Bytes(65535 - 32))->size(), 65535u);
}

TEST(X25519, OfRfc7748) {
  // §6.1, Alice's and Bob's.
  EXPECT_EQ(to_hex(dh_public(key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(to_hex(dh_public(key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
}

}  // namespace
}  // namespace myelin::libp2p::noise
