#include "libp2p/identify.hpp"

#include "base/limits.hpp"
#include "base/varint.hpp"
#include "identify.pb.h"

#include <algorithm>
#include <utility>

namespace myelin::libp2p::identify {

namespace {

// Text of a peer as it may be logged and shown: bounded, control characters replaced.
std::string clean(std::string_view text) {
  std::string result(text.substr(0, max_text_bytes));
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return result;
}

void add_address(std::vector<Multiaddr>& addresses, View bytes) {
  if (addresses.size() >= max_addresses) return;
  auto address = Multiaddr::from_bytes(bytes);
  if (!address || address->empty() || std::ranges::find(addresses, *address) != addresses.end()) return;
  addresses.push_back(std::move(*address));
}

wire::Identify build(const Identity& own, const identity::KeyPair& key, std::uint64_t sequence, bool with_record) {
  wire::Identify message;
  message.set_public_key(to_text(key.public_key().message()));
  for (const Multiaddr& address : own.addresses) message.add_listen_addrs(to_text(address.to_bytes()));
  for (const std::string& protocol : own.protocols) message.add_protocols(protocol);
  if (own.observed) message.set_observed_addr(to_text(own.observed->to_bytes()));
  message.set_protocol_version(std::string(protocol_version));
  message.set_agent_version(own.agent.substr(0, max_text_bytes));
  if (with_record) {
    const PeerRecord record{key.peer_id(), sequence, own.addresses};
    message.set_signed_peer_record(to_text(seal_peer_record(record, key)));
  }
  return message;
}

}  // namespace

Bytes encode(const Identity& own, const identity::KeyPair& key, std::uint64_t sequence) {
  constexpr std::size_t room = max_own_message_bytes - max_varint_size;
  wire::Identify message = build(own, key, sequence, true);
  if (message.ByteSizeLong() > room) message.clear_signed_peer_record();
  while (message.ByteSizeLong() > room && message.listen_addrs_size() > 8) {
    message.mutable_listen_addrs()->RemoveLast();
  }
  while (message.ByteSizeLong() > room && message.protocols_size() > 0) message.mutable_protocols()->RemoveLast();
  while (message.ByteSizeLong() > room && message.listen_addrs_size() > 0) {
    message.mutable_listen_addrs()->RemoveLast();
  }
  const std::string body = message.SerializeAsString();
  Bytes bytes;
  put_varint(bytes, body.size());
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

Result<void> Reader::receive(Rope in) {
  while (!in.empty()) {
    const Buffer piece = in.pop_front();
    const View view = piece.view();
    pending_.insert(pending_.end(), view.begin(), view.end());
    for (;;) {
      const Varint length = get_varint_strict(pending_);
      if (length.state == Varint::State::truncated) break;
      if (length.state != Varint::State::ok) return fail(ErrorCode::protocol, "identify: bad length");
      if (length.value > limits::identify_message_bytes)
        return fail(ErrorCode::too_large, "identify: message too large");
      const std::size_t size = static_cast<std::size_t>(length.value);
      if (pending_.size() < length.size + size) break;
      if (++messages_ > max_messages) return fail(ErrorCode::too_large, "identify: too many messages");
      if (auto merged = merge(View(pending_).subspan(length.size, size)); !merged) return merged;
      pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(length.size + size));
    }
  }
  return {};
}

Result<void> Reader::merge(View bytes) {
  wire::Identify message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(ErrorCode::protocol, "identify: malformed message");
  }
  if (message.has_public_key()) {
    const auto key = identity::PublicKey::decode(as_view(message.public_key()));
    if (!key || key->peer_id() != peer_) return fail(ErrorCode::protocol, "identify: the key of another peer");
  }
  for (const std::string& address : message.listen_addrs()) add_address(identity_.addresses, as_view(address));
  for (const std::string& protocol : message.protocols()) {
    if (identity_.protocols.size() >= max_protocols) break;
    if (protocol.empty() || protocol.size() > limits::multistream_token_bytes) continue;
    if (clean(protocol) != protocol.substr(0, max_text_bytes)) continue;
    identity_.protocols.push_back(protocol);
  }
  if (message.has_observed_addr()) {
    auto observed = Multiaddr::from_bytes(as_view(message.observed_addr()));
    if (observed && !observed->empty()) identity_.observed = std::move(*observed);
  }
  if (message.has_protocol_version()) identity_.version = clean(message.protocol_version());
  if (message.has_agent_version()) identity_.agent = clean(message.agent_version());
  if (message.has_signed_peer_record()) {
    auto record = open_peer_record(as_view(message.signed_peer_record()));
    if (record && record->peer == peer_) identity_.record = std::move(*record);  // others are ignored
  }
  return {};
}

Result<Identity> Reader::finish() {
  if (!pending_.empty()) return fail(ErrorCode::protocol, "identify: the stream ended inside a message");
  if (messages_ == 0) return fail(ErrorCode::protocol, "identify: no message came");
  return std::move(identity_);
}

}  // namespace myelin::libp2p::identify
