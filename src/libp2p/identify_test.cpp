#include "libp2p/identify.hpp"

#include "base/limits.hpp"
#include "base/varint.hpp"
#include "identify.pb.h"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>

namespace myelin::libp2p::identify {
namespace {

identity::KeyPair key_of(std::uint8_t number) {
  std::array<std::uint8_t, 32> seed{};
  seed.fill(number);
  return identity::KeyPair::ed25519(seed);
}

Multiaddr address(int number) { return *Multiaddr::parse("/ip4/10.0.0.1/tcp/" + std::to_string(number)); }

Bytes delimited(const wire::Identify& message) {
  const std::string body = message.SerializeAsString();
  Bytes bytes;
  put_varint(bytes, body.size());
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

Result<Identity> read(const identity::PeerId& peer, const Bytes& bytes) {
  Reader reader(peer);
  if (auto taken = reader.receive(Buffer::copy_of(bytes)); !taken) return fail(taken.error());
  return reader.finish();
}

TEST(Identify, RoundTrip) {
  const identity::KeyPair key = key_of(1);
  Identity own;
  own.addresses = {address(1), address(2)};
  own.protocols = {"/a", "/b"};
  own.observed = address(3);
  own.agent = "tester";
  const Bytes bytes = encode(own, key, 5);
  Reader reader(key.peer_id());
  for (const std::uint8_t byte : bytes) ASSERT_TRUE(reader.receive(Buffer::copy_of(Bytes{byte})));
  const auto got = reader.finish();
  ASSERT_TRUE(got) << to_string(got.error());
  EXPECT_EQ(got->addresses, own.addresses);
  EXPECT_EQ(got->protocols, own.protocols);
  EXPECT_EQ(got->observed, own.observed);
  EXPECT_EQ(got->agent, "tester");
  EXPECT_EQ(got->version, protocol_version);
  ASSERT_TRUE(got->record);
  EXPECT_EQ(got->record->sequence, 5u);
  EXPECT_EQ(got->record->addresses, own.addresses);
}

TEST(Identify, OwnMessageKeepsWithinItsSize) {
  Identity own;
  for (int i = 1; i < 500; ++i) own.addresses.push_back(address(i));
  for (int i = 0; i < 500; ++i) own.protocols.push_back("/some/protocol/" + std::to_string(i));
  const identity::KeyPair key = key_of(1);
  const Bytes bytes = encode(own, key, 1);
  EXPECT_LE(bytes.size(), max_own_message_bytes);
  const auto got = read(key.peer_id(), bytes);
  ASSERT_TRUE(got);
  EXPECT_GE(got->addresses.size(), 8u);
  EXPECT_GE(got->protocols.size(), 10u);
}

TEST(Identify, MessagesMerge) {
  wire::Identify first;
  first.add_protocols("/a");
  first.set_agent_version("old");
  wire::Identify second;
  second.add_protocols("/b");
  second.set_agent_version("new");
  Bytes bytes = delimited(first);
  const Bytes more = delimited(second);
  bytes.insert(bytes.end(), more.begin(), more.end());
  const auto got = read(key_of(1).peer_id(), bytes);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->protocols, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(got->agent, "new");
}

TEST(Identify, TooManyMessages) {
  wire::Identify message;
  message.add_protocols("/a");
  Bytes bytes;
  for (std::size_t i = 0; i <= max_messages; ++i) {
    const Bytes one = delimited(message);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  EXPECT_EQ(read(key_of(1).peer_id(), bytes).error().code, ErrorCode::too_large);
}

TEST(Identify, LengthsAreRefusedBeforeTheirBytes) {
  for (const std::uint64_t length : {std::uint64_t{limits::identify_message_bytes + 1}, std::uint64_t{1} << 62}) {
    Bytes bytes;
    put_varint(bytes, length);
    EXPECT_EQ(read(key_of(1).peer_id(), bytes).error().code, ErrorCode::too_large);
  }
  EXPECT_EQ(read(key_of(1).peer_id(), Bytes(11, 0xff)).error().code, ErrorCode::protocol);
}

TEST(Identify, CutAndEmptyStreams) {
  const identity::KeyPair key = key_of(1);
  Bytes bytes = encode({}, key, 1);
  bytes.pop_back();
  EXPECT_EQ(read(key.peer_id(), bytes).error().code, ErrorCode::protocol);
  EXPECT_EQ(read(key.peer_id(), {}).error().code, ErrorCode::protocol);
}

TEST(Identify, TheKeyOfAnotherPeer) {
  EXPECT_EQ(read(key_of(2).peer_id(), encode({}, key_of(1), 1)).error().code, ErrorCode::protocol);
}

TEST(Identify, ListsAreCapped) {
  wire::Identify message;
  for (std::size_t i = 0; i < 800; ++i) message.add_protocols("/" + std::to_string(i));
  const Bytes once = delimited(message);
  Bytes bytes = once;
  bytes.insert(bytes.end(), once.begin(), once.end());
  EXPECT_EQ(read(key_of(1).peer_id(), bytes)->protocols.size(), max_protocols);
  wire::Identify addresses;
  for (int i = 1; i < 200; ++i) {
    const Bytes raw = address(i).to_bytes();
    addresses.add_listen_addrs(raw.data(), raw.size());
  }
  addresses.add_listen_addrs("junk");
  addresses.add_listen_addrs("");
  EXPECT_EQ(read(key_of(1).peer_id(), delimited(addresses))->addresses.size(), max_addresses);
}

TEST(Identify, TextsAreCleaned) {
  wire::Identify message;
  message.set_agent_version(std::string("evil\n\x1b[2J") + std::string(1000, 'x'));
  message.add_protocols("/bad\nname");
  const auto got = read(key_of(1).peer_id(), delimited(message));
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->agent.starts_with("evil??[2J"));
  EXPECT_EQ(got->agent.size(), max_text_bytes);
  EXPECT_TRUE(got->protocols.empty());
}

// CVE-2023-40583: a record of somebody else is not believed, whoever signed it.
TEST(Identify, ForeignRecordsAreIgnored) {
  const identity::KeyPair peer = key_of(1);
  const identity::KeyPair other = key_of(2);
  wire::Identify message;
  const Bytes foreign = seal_peer_record({other.peer_id(), 9, {address(1)}}, other);
  message.set_signed_peer_record(foreign.data(), foreign.size());
  const auto got = read(peer.peer_id(), delimited(message));
  ASSERT_TRUE(got);
  EXPECT_FALSE(got->record);
}

Bytes reseal(const identity::KeyPair& signer, const identity::PeerId& named) {
  wire::PeerRecord record;
  record.set_peer_id(named.bytes().data(), named.bytes().size());
  record.set_seq(1);
  const std::string payload = record.SerializeAsString();
  Bytes covered;
  for (const std::string_view field :
       {std::string_view("libp2p-peer-record"), std::string_view("\x03\x01"), std::string_view(payload)}) {
    put_varint(covered, field.size());
    covered.insert(covered.end(), field.begin(), field.end());
  }
  const Bytes signature = signer.sign(covered);
  wire::Envelope envelope;
  envelope.set_public_key(signer.public_key().message().data(), signer.public_key().message().size());
  envelope.set_payload_type("\x03\x01");
  envelope.set_payload(payload);
  envelope.set_signature(signature.data(), signature.size());
  const std::string bytes = envelope.SerializeAsString();
  return Bytes(bytes.begin(), bytes.end());
}

TEST(PeerRecord, SealedByHandIsOpened) {
  const identity::KeyPair key = key_of(1);
  const auto record = open_peer_record(reseal(key, key.peer_id()));
  ASSERT_TRUE(record) << to_string(record.error());
  EXPECT_EQ(record->peer, key.peer_id());
}

TEST(PeerRecord, OfAnotherPeerThanItsSigner) {
  EXPECT_EQ(open_peer_record(reseal(key_of(1), key_of(2).peer_id())).error().code, ErrorCode::bad_request);
}

TEST(PeerRecord, EveryChangedByteIsNoticed) {
  const identity::KeyPair key = key_of(1);
  const PeerRecord record{key.peer_id(), 3, {address(1)}};
  const Bytes sealed = seal_peer_record(record, key);
  ASSERT_TRUE(open_peer_record(sealed));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    Bytes changed = sealed;
    changed[i] ^= 0x40;
    const auto opened = open_peer_record(changed);
    // A change in how protobuf frames the fields may leave the same content; a change of content must not pass.
    if (opened) {
      EXPECT_EQ(opened->peer, record.peer);
      EXPECT_EQ(opened->sequence, record.sequence);
      EXPECT_EQ(opened->addresses, record.addresses);
    }
  }
}

}  // namespace
}  // namespace myelin::libp2p::identify
