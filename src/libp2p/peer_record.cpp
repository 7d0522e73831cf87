#include "libp2p/peer_record.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "base/varint.hpp"
#include "identify.pb.h"

#include <array>
#include <string>
#include <string_view>

namespace myelin::libp2p {

namespace {

constexpr std::string_view domain = "libp2p-peer-record";
constexpr std::array<std::uint8_t, 2> payload_type = {0x03, 0x01};

void put_field(Bytes& out, View field) {
  put_varint(out, field.size());
  out.insert(out.end(), field.begin(), field.end());
}

Bytes signed_bytes(View payload) {
  Bytes bytes;
  put_field(bytes, as_view(domain));
  put_field(bytes, payload_type);
  put_field(bytes, payload);
  return bytes;
}

}  // namespace

Bytes seal_peer_record(const PeerRecord& record, const identity::KeyPair& key) {
  MYELIN_CHECK(record.peer == key.peer_id(), "a peer signs records of itself only");
  wire::PeerRecord message;
  message.set_peer_id(to_text(record.peer.bytes()));
  message.set_seq(record.sequence);
  for (const Multiaddr& address : record.addresses) {
    message.add_addresses()->set_multiaddr(to_text(address.to_bytes()));
  }
  const std::string payload = message.SerializeAsString();
  wire::Envelope envelope;
  envelope.set_public_key(to_text(key.public_key().message()));
  envelope.set_payload_type(to_text(payload_type));
  envelope.set_payload(payload);
  envelope.set_signature(to_text(key.sign(signed_bytes(as_view(payload)))));
  const std::string bytes = envelope.SerializeAsString();
  return Bytes(bytes.begin(), bytes.end());
}

Result<PeerRecord> open_peer_record(View bytes) {
  if (bytes.size() > limits::identify_message_bytes) return fail(ErrorCode::bad_request, "peer record: too large");
  wire::Envelope envelope;
  if (!envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(ErrorCode::bad_request, "peer record: malformed envelope");
  }
  if (envelope.payload_type() != as_text(payload_type)) {
    return fail(ErrorCode::bad_request, "peer record: another payload type");
  }
  const auto key = identity::PublicKey::decode(as_view(envelope.public_key()));
  if (!key) return fail(key.error());
  if (!key->verify(signed_bytes(as_view(envelope.payload())), as_view(envelope.signature()))) {
    return fail(ErrorCode::bad_request, "peer record: wrong signature");
  }
  wire::PeerRecord message;
  if (!message.ParseFromString(envelope.payload())) return fail(ErrorCode::bad_request, "peer record: malformed");
  PeerRecord record;
  record.peer = key->peer_id();
  if (as_text(record.peer.bytes()) != message.peer_id()) {
    return fail(ErrorCode::bad_request, "peer record: of another peer than its signer");
  }
  record.sequence = message.seq();
  for (const auto& info : message.addresses()) {
    if (record.addresses.size() == max_record_addresses) break;
    auto address = Multiaddr::from_bytes(as_view(info.multiaddr()));
    if (address && !address->empty()) record.addresses.push_back(std::move(*address));
  }
  return record;
}

}  // namespace myelin::libp2p
