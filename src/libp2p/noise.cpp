#include "libp2p/noise.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "libp2p/multistream.hpp"
#include "libp2p/noise_payload.hpp"

#include <algorithm>
#include <utility>

namespace myelin::libp2p::noise {
namespace {

// The first of the initiator's list that the responder has too; empty if there is none.
std::string common_muxer(const std::vector<std::string>& initiator, const std::vector<std::string>& responder) {
  const auto found = std::find_if(initiator.begin(), initiator.end(), [&](const std::string& muxer) {
    return std::find(responder.begin(), responder.end(), muxer) != responder.end();
  });
  return found == initiator.end() ? std::string() : *found;
}

}  // namespace

Handshake::Handshake(const identity::KeyPair& identity, HandshakeConfig config)
    : xx_(config.role, config.static_secret, config.ephemeral_secret, {}), config_(std::move(config)) {
  MYELIN_CHECK(config_.muxers.size() <= max_muxers &&
                   std::all_of(config_.muxers.begin(), config_.muxers.end(), multistream::valid_protocol),
               "what we offer keeps within the limits that we hold others to");
  config_.static_secret = {};
  config_.ephemeral_secret = {};
  const View key = identity.public_key().message();
  payload_ =
      encode_payload({Bytes(key.begin(), key.end()), identity.sign(signed_bytes(xx_.static_public())), config_.muxers});
  if (config_.role == Role::responder) return;
  const Result<void> sent = send({});  // message 1 is not encrypted, so it says nothing
  MYELIN_CHECK(sent.has_value(), "the first message has no secret that could fail");
}

Bytes Handshake::take_output() { return std::exchange(output_, {}); }

void Handshake::receive(Rope& in) {
  while (state_ == HandshakeState::running) {
    const Result<bool> whole = fill(in);
    if (!whole) return fail_with(whole.error());
    if (!*whole) return;
    const Bytes message = std::exchange(input_, {});
    if (Result<void> stepped = step(View(message).subspan(length_bytes)); !stepped) return fail_with(stepped.error());
  }
}

// Moves bytes of the next message from `in` to `input_`; whether it is whole.
Result<bool> Handshake::fill(Rope& in) {
  std::size_t wanted = length_bytes;
  for (;;) {
    const std::size_t had = input_.size();
    const std::size_t taken = std::min(wanted - had, in.size());
    input_.resize(had + taken);
    in.copy_to(MutableView(input_).subspan(had));
    in.drop_front(taken);
    if (input_.size() < wanted) return false;
    if (wanted > length_bytes) return true;
    const std::size_t size = (std::size_t{input_[0]} << 8) | input_[1];
    if (size > max_handshake_message_bytes) return fail(ErrorCode::protocol, "Noise handshake message is too large");
    if (size == 0) return fail(ErrorCode::protocol, "Noise handshake message is empty");
    wanted += size;
  }
}

Result<void> Handshake::step(View message) {
  const Result<Bytes> payload = xx_.read(message);
  if (!payload) return fail(payload.error());
  if (config_.role == Role::responder && xx_.my_turn()) {
    if (!payload->empty()) return fail(ErrorCode::protocol, "the first Noise message has a payload");
    return send(payload_);
  }
  if (Result<void> checked = check_peer(*payload); !checked) return checked;
  if (config_.role == Role::initiator) {
    if (Result<void> sent = send(payload_); !sent) return sent;
  }
  finish();
  return {};
}

Result<void> Handshake::send(View payload) {
  const Result<Bytes> message = xx_.write(payload);
  if (!message) return fail(message.error());
  output_.push_back(static_cast<std::uint8_t>(message->size() >> 8));
  output_.push_back(static_cast<std::uint8_t>(message->size()));
  output_.insert(output_.end(), message->begin(), message->end());
  return {};
}

Result<void> Handshake::check_peer(View bytes) {
  Result<Payload> payload = decode_payload(bytes);
  if (!payload) return fail(payload.error());
  Result<identity::PublicKey> key = identity::PublicKey::decode(payload->identity_key);
  if (!key) return fail(ErrorCode::protocol, "the peer's identity key: " + key.error().message);
  if (config_.expected && *config_.expected != key->peer_id()) {
    return fail(ErrorCode::protocol, "another peer answers: " + key->peer_id().to_string());
  }
  if (!key->verify(signed_bytes(xx_.remote_static()), payload->identity_signature)) {
    return fail(ErrorCode::protocol, "the peer did not prove its identity");
  }
  remote_key_ = std::move(*key);
  remote_muxers_ = std::move(payload->muxers);
  return {};
}

void Handshake::finish() {
  const XX::Keys keys = xx_.split();
  const bool initiator = config_.role == Role::initiator;
  session_.emplace(Session{
      remote_key_->peer_id(),
      *remote_key_,
      initiator ? common_muxer(config_.muxers, remote_muxers_) : common_muxer(remote_muxers_, config_.muxers),
      Encryptor(keys.send),
      Decryptor(keys.receive),
  });
  state_ = HandshakeState::done;
}

void Handshake::fail_with(Error error) {
  state_ = HandshakeState::failed;
  error_ = std::move(error);
}

const Error& Handshake::error() const {
  MYELIN_CHECK(state_ == HandshakeState::failed, "there is an error once it has failed");
  return error_;
}

Session Handshake::take_session() {
  MYELIN_CHECK(session_.has_value(), "a session is taken once, when the handshake is done");
  Session session = std::move(*session_);
  session_.reset();
  return session;
}

}  // namespace myelin::libp2p::noise
