#include "interop/conversation.hpp"

#include <array>
#include <utility>
#include <vector>

namespace myelin::interop {

using libp2p::multistream::Dialer;
using libp2p::multistream::State;

namespace {

identity::KeyPair own_key() {
  std::array<std::uint8_t, 32> seed{};
  seed.fill(10);
  return identity::KeyPair::ed25519(seed);
}

libp2p::noise::Key secret(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return libp2p::noise::Key(bytes);
}

libp2p::noise::HandshakeConfig config(const identity::PeerId& peer) {
  std::vector<std::string> muxers;
  muxers.emplace_back(libp2p::yamux::protocol_id);
  return {libp2p::noise::Role::initiator, secret(1), secret(2), peer, std::move(muxers)};
}

Dialer dialer(std::string_view protocol) {
  std::vector<std::string> protocols;
  protocols.emplace_back(protocol);
  return *Dialer::create(std::move(protocols));
}

void append(Bytes& out, const Rope& bytes) {
  for (const Buffer& piece : bytes.segments()) {
    const View view = piece.view();
    out.insert(out.end(), view.begin(), view.end());
  }
}

}  // namespace

Conversation::Conversation(identity::PeerId peer)
    : peer_(peer),
      negotiation_(dialer(libp2p::noise::protocol_id)),
      handshake_(own_key(), config(peer)),
      reader_(std::move(peer)) {}

Bytes Conversation::open() { return negotiation_->take_output(); }

Result<Bytes> Conversation::receive(Bytes chunk) {
  Bytes out;
  Rope heard(Buffer::copy_of(chunk));
  if (session_) {
    if (auto opened = decrypt(std::move(heard)); !opened) return fail(opened.error());
  } else {
    wire_.append(std::move(heard));
  }
  if (auto done = advance(out); !done) return fail(done.error());
  return out;
}

Result<void> Conversation::advance(Bytes& out) {
  if (stage_ == Stage::security) {
    auto agreed = negotiate(wire_, out);
    if (!agreed || !*agreed) return agreed ? Result<void>{} : fail(agreed.error());
    stage_ = Stage::handshake;
  }
  if (stage_ == Stage::handshake) {
    if (auto taken = handshake(out); !taken || stage_ == Stage::handshake) return taken;
  }
  if (stage_ == Stage::muxer) {
    Bytes said;
    auto agreed = negotiate(plain_, said);
    if (!agreed) return fail(agreed.error());
    if (!said.empty()) {
      if (auto sealed = say(Buffer::copy_of(said), out); !sealed) return sealed;
    }
    if (!*agreed) return {};
    stage_ = Stage::identify;
  }
  if (stream_ == 0) {
    if (auto started = start_identify(); !started) return started;
  }
  if (auto taken = take_streams(); !taken) return taken;
  while (streams_.has_output()) {
    if (auto sealed = say(streams_.collect(libp2p::noise::max_plaintext_bytes), out); !sealed) return sealed;
  }
  return {};
}

Result<void> Conversation::handshake(Bytes& out) {
  handshake_.receive(wire_);
  const Bytes said = handshake_.take_output();
  out.insert(out.end(), said.begin(), said.end());
  if (handshake_.state() == libp2p::noise::HandshakeState::failed) return fail(handshake_.error());
  if (handshake_.state() != libp2p::noise::HandshakeState::done) return {};
  session_ = handshake_.take_session();
  early_muxer_ = !session_->muxer.empty();
  stage_ = early_muxer_ ? Stage::identify : Stage::muxer;
  if (!early_muxer_) negotiation_ = dialer(libp2p::yamux::protocol_id);
  return decrypt(std::exchange(wire_, {}));
}

Result<void> Conversation::decrypt(Rope sealed) { return session_->decryptor.open(std::move(sealed), plain_); }

Result<void> Conversation::say(Rope plaintext, Bytes& out) {
  Rope sealed;
  if (auto done = session_->encryptor.seal(std::move(plaintext), sealed); !done) return done;
  append(out, sealed);
  return {};
}

// Whether the protocol under negotiation is agreed. What the negotiation says goes to `out`.
Result<bool> Conversation::negotiate(Rope& in, Bytes& out) {
  negotiation_->receive(in);
  const Bytes said = negotiation_->take_output();
  out.insert(out.end(), said.begin(), said.end());
  if (negotiation_->state() == State::failed) return fail(negotiation_->error());
  return negotiation_->state() == State::agreed;
}

Result<void> Conversation::start_identify() {
  const auto opened = streams_.open(Instant{});
  if (!opened) return fail(opened.error());
  stream_ = *opened;
  negotiation_ = dialer(libp2p::identify::protocol_id);
  streams_.write(stream_, Buffer::copy_of(negotiation_->take_output()));
  return {};
}

Result<void> Conversation::take_streams() {
  while (!plain_.empty()) {
    if (auto taken = streams_.receive(plain_.pop_front(), Instant{}); !taken) return taken;
    while (auto event = streams_.next_event()) {
      if (event->stream != stream_) continue;  // the peer's own streams are left to wait
      switch (event->kind) {
        case libp2p::yamux::Event::Kind::data:
          streams_.consume(stream_, event->data.size(), Instant{});
          if (auto taken = take_identify(Rope(std::move(event->data))); !taken) return taken;
          break;
        case libp2p::yamux::Event::Kind::finished: {
          auto whole = reader_.finish();
          if (!whole) return fail(whole.error());
          identity_ = std::move(*whole);
          streams_.finish(stream_);
          break;
        }
        case libp2p::yamux::Event::Kind::reset:
          return fail(ErrorCode::link_lost, "the peer reset the stream of identify");
        default:
          break;
      }
    }
  }
  return {};
}

Result<void> Conversation::take_identify(Rope bytes) {
  inner_.append(std::move(bytes));
  if (negotiation_->state() != State::agreed) {
    Bytes said;
    if (auto agreed = negotiate(inner_, said); !agreed || !*agreed) {
      return agreed ? Result<void>{} : fail(agreed.error());
    }
  }
  return reader_.receive(std::exchange(inner_, {}));
}

}  // namespace myelin::interop
