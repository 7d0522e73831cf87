#include "libp2p/noise.hpp"

#include "identity/key_vectors.hpp"
#include "libp2p/noise_payload.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace myelin::libp2p::noise {
namespace {

using identity::KeyPair;
using identity::PeerId;
using identity::vectors::from_hex;
using identity::vectors::key_vectors;

Key secret(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return Key(bytes);
}

KeyPair identity_of(std::uint8_t fill) {
  std::array<std::uint8_t, 32> seed{};
  seed.fill(fill);
  return KeyPair::ed25519(seed);
}

HandshakeConfig initiator_config(std::vector<std::string> muxers = {}) {
  return {Role::initiator, secret(1), secret(2), std::nullopt, std::move(muxers)};
}

HandshakeConfig responder_config(std::vector<std::string> muxers = {}) {
  return {Role::responder, secret(3), secret(4), std::nullopt, std::move(muxers)};
}

Rope rope(const Bytes& bytes) { return Rope(Buffer::copy_of(View(bytes))); }

void deliver(Handshake& from, Handshake& to) {
  Rope in = rope(from.take_output());
  to.receive(in);
}

void run(Handshake& initiator, Handshake& responder) {
  deliver(initiator, responder);
  deliver(responder, initiator);
  deliver(initiator, responder);
}

std::string exchange(Encryptor& from, Decryptor& to, std::string_view text) {
  Rope wire, out;
  EXPECT_TRUE(from.seal(as_view(text), wire));
  EXPECT_TRUE(to.open(std::move(wire), out));
  return to_text(out.flatten().view());
}

TEST(NoiseHandshake, BothSidesKnowEachOther) {
  Handshake initiator(identity_of(10), initiator_config());
  Handshake responder(identity_of(20), responder_config());
  run(initiator, responder);
  ASSERT_EQ(initiator.state(), HandshakeState::done);
  ASSERT_EQ(responder.state(), HandshakeState::done);
  Session at_initiator = initiator.take_session();
  Session at_responder = responder.take_session();
  EXPECT_EQ(at_initiator.peer, identity_of(20).peer_id());
  EXPECT_EQ(at_responder.peer, identity_of(10).peer_id());
  EXPECT_EQ(at_initiator.key, identity_of(20).public_key());
  EXPECT_EQ(at_initiator.muxer, "");
  EXPECT_EQ(exchange(at_initiator.encryptor, at_responder.decryptor, "there"), "there");
  EXPECT_EQ(exchange(at_responder.encryptor, at_initiator.decryptor, "and back"), "and back");
}

TEST(NoiseHandshake, MessagesHaveTheSizesOfTheSpecification) {
  const std::size_t payload = 104;  // 0a 24 <36 bytes of key> 12 40 <64 bytes of signature>
  Handshake initiator(identity_of(10), initiator_config());
  Handshake responder(identity_of(20), responder_config());
  const Bytes first = initiator.take_output();
  EXPECT_EQ(first.size(), 2u + 32);
  EXPECT_EQ(to_hex(View(first).first(2)), "0020");
  EXPECT_EQ(Bytes(first.begin() + 2, first.end()), [] {
    const DhPublic point = dh_public(secret(2));
    return Bytes(point.begin(), point.end());
  }());
  Rope in = rope(first);
  responder.receive(in);
  const Bytes second = responder.take_output();
  EXPECT_EQ(second.size(), 2 + 32 + 48 + payload + 16);
  in = rope(second);
  initiator.receive(in);
  EXPECT_EQ(initiator.take_output().size(), 2 + 48 + payload + 16);
}

TEST(NoiseHandshake, SameSecretsSameBytes) {
  const auto transcript = [] {
    Handshake initiator(identity_of(10), initiator_config({"/yamux/1.0.0"}));
    Handshake responder(identity_of(20), responder_config({"/yamux/1.0.0"}));
    Bytes all;
    for (Handshake* from : {&initiator, &responder, &initiator}) {
      const Bytes message = from->take_output();
      all.insert(all.end(), message.begin(), message.end());
      Rope in = rope(message);
      (from == &initiator ? responder : initiator).receive(in);
    }
    return all;
  };
  EXPECT_EQ(transcript(), transcript());
}

TEST(NoiseHandshake, EveryKeyTypeProvesItself) {
  for (const identity::vectors::KeyVector& vector : key_vectors) {
    const KeyPair pair = *KeyPair::decode(from_hex(vector.private_message));
    Handshake initiator(pair, initiator_config());
    HandshakeConfig expecting = responder_config();
    expecting.expected = *PeerId::parse(vector.peer_id);
    Handshake responder(identity_of(20), std::move(expecting));
    run(initiator, responder);
    ASSERT_EQ(responder.state(), HandshakeState::done) << vector.peer_id;
    EXPECT_EQ(responder.take_session().peer.to_string(), vector.peer_id);
  }
}

TEST(NoiseHandshake, AnotherPeerThanExpectedIsRefused) {
  HandshakeConfig config = initiator_config();
  config.expected = identity_of(99).peer_id();
  Handshake initiator(identity_of(10), std::move(config));
  Handshake responder(identity_of(20), responder_config());
  deliver(initiator, responder);
  deliver(responder, initiator);
  ASSERT_EQ(initiator.state(), HandshakeState::failed);
  EXPECT_EQ(initiator.error().code, ErrorCode::protocol);
  EXPECT_TRUE(initiator.take_output().empty()) << "who is not expected does not learn who asked";
}

TEST(NoiseHandshake, ExpectedPeerIsAccepted) {
  HandshakeConfig config = initiator_config();
  config.expected = identity_of(20).peer_id();
  Handshake initiator(identity_of(10), std::move(config));
  Handshake responder(identity_of(20), responder_config());
  run(initiator, responder);
  EXPECT_EQ(initiator.state(), HandshakeState::done);
  EXPECT_EQ(responder.state(), HandshakeState::done);
}

struct MuxerCase {
  std::vector<std::string> initiator, responder;
  std::string chosen;
};

TEST(NoiseHandshake, FirstMuxerOfTheInitiatorThatBothHave) {
  const MuxerCase cases[] = {
      {{"/yamux/1.0.0"}, {"/yamux/1.0.0"}, "/yamux/1.0.0"},
      {{"/a", "/b"}, {"/b", "/a"}, "/a"},
      {{"/x", "/b"}, {"/b", "/a"}, "/b"},
      {{"/x"}, {"/b"}, ""},
      {{}, {"/b"}, ""},
      {{"/x"}, {}, ""},
      {{}, {}, ""},
  };
  for (const MuxerCase& c : cases) {
    Handshake initiator(identity_of(10), initiator_config(c.initiator));
    Handshake responder(identity_of(20), responder_config(c.responder));
    run(initiator, responder);
    EXPECT_EQ(initiator.take_session().muxer, c.chosen);
    EXPECT_EQ(responder.take_session().muxer, c.chosen);
  }
}

TEST(NoiseHandshake, TransportFramesAfterTheLastMessageStay) {
  Handshake initiator(identity_of(10), initiator_config());
  Handshake responder(identity_of(20), responder_config());
  deliver(initiator, responder);
  deliver(responder, initiator);
  Bytes wire = initiator.take_output();
  Session session = initiator.take_session();
  Rope frames;
  ASSERT_TRUE(session.encryptor.seal(as_view("early data"), frames));
  Rope in = rope(wire);
  in.append(std::move(frames));
  responder.receive(in);
  ASSERT_EQ(responder.state(), HandshakeState::done);
  EXPECT_EQ(in.size(), 10 + frame_overhead_bytes);
  Rope out;
  ASSERT_TRUE(responder.take_session().decryptor.open(std::move(in), out));
  EXPECT_EQ(as_text(out.flatten().view()), "early data");
}

TEST(NoiseHandshake, ByteByByte) {
  Handshake initiator(identity_of(10), initiator_config({"/yamux/1.0.0"}));
  Handshake responder(identity_of(20), responder_config({"/yamux/1.0.0"}));
  for (Handshake* from : {&initiator, &responder, &initiator}) {
    Handshake& to = from == &initiator ? responder : initiator;
    for (const std::uint8_t byte : from->take_output()) {
      ASSERT_EQ(to.state(), HandshakeState::running);
      Rope in = rope(Bytes{byte});
      to.receive(in);
      EXPECT_TRUE(in.empty());
    }
  }
  EXPECT_EQ(initiator.state(), HandshakeState::done);
  EXPECT_EQ(responder.state(), HandshakeState::done);
}

TEST(NoiseHandshake, FirstMessageHasNoPayload) {
  XX raw(Role::initiator, secret(1), secret(2), {});
  const Bytes message = *raw.write(as_view("hello"));
  Bytes framed{0, static_cast<std::uint8_t>(message.size())};
  framed.insert(framed.end(), message.begin(), message.end());
  Handshake responder(identity_of(20), responder_config());
  Rope in = rope(framed);
  responder.receive(in);
  ASSERT_EQ(responder.state(), HandshakeState::failed);
  EXPECT_EQ(responder.error().code, ErrorCode::protocol);
  EXPECT_TRUE(responder.take_output().empty());
}

TEST(NoiseHandshake, LengthsOutOfRangeAreRefusedUnread) {
  for (const char* length : {"0000", "ffff", "4001"}) {
    Handshake responder(identity_of(20), responder_config());
    Rope in = rope(from_hex(length));
    responder.receive(in);
    ASSERT_EQ(responder.state(), HandshakeState::failed) << length;
    EXPECT_EQ(responder.error().code, ErrorCode::protocol);
  }
  Handshake responder(identity_of(20), responder_config());
  Rope in = rope(from_hex("4000"));
  responder.receive(in);
  EXPECT_EQ(responder.state(), HandshakeState::running);
}

// A responder that follows the pattern but sends any payload.
class ForgedPayload : public testing::Test {
 protected:
  // How the initiator ends when `payload` is what message 2 holds.
  HandshakeState answer(const Bytes& payload) {
    Handshake initiator(identity_of(10), initiator_config());
    const Bytes first = initiator.take_output();
    XX forger = forger_;
    EXPECT_TRUE(forger.read(View(first).subspan(length_bytes)));
    const Bytes message = *forger.write(payload);
    Bytes framed{static_cast<std::uint8_t>(message.size() >> 8), static_cast<std::uint8_t>(message.size())};
    framed.insert(framed.end(), message.begin(), message.end());
    Rope in = rope(framed);
    initiator.receive(in);
    if (initiator.state() == HandshakeState::failed) {
      EXPECT_EQ(initiator.error().code, ErrorCode::protocol);
    }
    return initiator.state();
  }
  static Bytes key_of(const KeyPair& pair) {
    return Bytes(pair.public_key().message().begin(), pair.public_key().message().end());
  }

  XX forger_{Role::responder, secret(3), secret(4), {}};
  const KeyPair pair_ = identity_of(20);
};

TEST_F(ForgedPayload, HonestOneIsAccepted) {
  EXPECT_EQ(answer(encode_payload({key_of(pair_), pair_.sign(signed_bytes(forger_.static_public())), {}})),
            HandshakeState::done);
}

TEST_F(ForgedPayload, SignatureOfAnotherConversation) {
  EXPECT_EQ(answer(encode_payload({key_of(pair_), pair_.sign(signed_bytes(dh_public(secret(9)))), {}})),
            HandshakeState::failed);
}

TEST_F(ForgedPayload, SignatureWithoutThePrefix) {
  EXPECT_EQ(answer(encode_payload({key_of(pair_), pair_.sign(forger_.static_public()), {}})), HandshakeState::failed);
}

TEST_F(ForgedPayload, KeyOfSomeoneElse) {
  EXPECT_EQ(answer(encode_payload({key_of(identity_of(21)), pair_.sign(signed_bytes(forger_.static_public())), {}})),
            HandshakeState::failed);
}

TEST_F(ForgedPayload, NothingGarbageAndTooMuch) {
  EXPECT_EQ(answer({}), HandshakeState::failed);
  EXPECT_EQ(answer(Bytes(100, 0xff)), HandshakeState::failed);
  EXPECT_EQ(answer(encode_payload({{}, {}, {}})), HandshakeState::failed);
  EXPECT_EQ(answer(Bytes(16'000, 0)), HandshakeState::failed);
  EXPECT_EQ(answer(encode_payload({key_of(pair_), pair_.sign(signed_bytes(forger_.static_public())),
                                   std::vector<std::string>(max_muxers + 1, "/m")})),
            HandshakeState::failed);
}

TEST_F(ForgedPayload, GiantRsaKey) {  // CVE-2023-39533
  Bytes key = from_hex(key_vectors[0].public_message);
  Bytes giant = from_hex("080012a60830820822300d06092a864886f70d01010105000382080f003082080a0282080100");
  giant.push_back(0xff);
  giant.resize(giant.size() + 2047, 0xff);
  const Bytes exponent = from_hex("0203010001");
  giant.insert(giant.end(), exponent.begin(), exponent.end());
  EXPECT_FALSE(identity::PublicKey::decode(giant));
  EXPECT_EQ(answer(encode_payload({giant, Bytes(2048, 1), {}})), HandshakeState::failed);
  EXPECT_EQ(answer(encode_payload({key, Bytes(512, 1), {}})), HandshakeState::failed);
}

TEST(NoiseHandshake, EveryFlippedByteEndsInFailure) {
  for (int message = 0; message < 3; ++message) {
    std::size_t size = length_bytes + 1;                       // until the message is seen
    for (std::size_t at = length_bytes; at < size; at += 7) {  // every byte would take a while; every region is met
      Handshake initiator(identity_of(10), initiator_config());
      Handshake responder(identity_of(20), responder_config());
      for (int i = 0; i < 3; ++i) {
        Handshake& from = i % 2 == 0 ? initiator : responder;
        Handshake& to = i % 2 == 0 ? responder : initiator;
        Bytes bytes = from.take_output();
        if (i == message) {
          size = bytes.size();
          bytes[at] ^= 4;
        }
        Rope in = rope(bytes);
        to.receive(in);
        if (to.state() == HandshakeState::failed) break;
      }
      EXPECT_TRUE(initiator.state() == HandshakeState::failed || responder.state() == HandshakeState::failed)
          << "message " << message << " byte " << at;
    }
  }
}

}  // namespace
}  // namespace myelin::libp2p::noise
