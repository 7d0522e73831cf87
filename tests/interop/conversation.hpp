// Conversation: our whole side of one connection up to identify, as a pure machine with fixed secrets: Noise, yamux
// (inside Noise or by multistream, as the peer has it), one stream, /ipfs/id/1.0.0. What it says depends on nothing but
// what it hears, so that a conversation with a real peer, once recorded, can be replayed: the same chunks in must give
// the same chunks out.
//
// Thread: one at a time. Invariant: after an error nothing more is taken.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "libp2p/identify.hpp"
#include "libp2p/multistream.hpp"
#include "libp2p/noise.hpp"
#include "libp2p/yamux.hpp"

#include <memory>
#include <optional>
#include <string>

namespace myelin::interop {

class Conversation {
 public:
  explicit Conversation(identity::PeerId peer);

  // What the dialer says first.
  Bytes open();
  // Takes a chunk from the peer and gives what is said to it. Errors: whatever the machines find wrong.
  Result<Bytes> receive(Bytes chunk);

  bool done() const { return identity_.has_value(); }
  // REQUIRES: done.
  const libp2p::identify::Identity& identity() const { return *identity_; }
  bool early_muxer() const { return early_muxer_; }

 private:
  enum class Stage : std::uint8_t { security, handshake, muxer, identify };

  Result<void> advance(Bytes& out);
  Result<void> handshake(Bytes& out);
  Result<void> decrypt(Rope sealed);
  Result<bool> negotiate(Rope& in, Bytes& out);
  Result<void> start_identify();
  Result<void> take_streams();
  Result<void> take_identify(Rope bytes);
  Result<void> say(Rope plaintext, Bytes& out);

  identity::PeerId peer_;
  Stage stage_ = Stage::security;
  std::optional<libp2p::multistream::Dialer> negotiation_;
  libp2p::noise::Handshake handshake_;
  std::optional<libp2p::noise::Session> session_;
  libp2p::yamux::Session streams_{{}};
  libp2p::yamux::StreamId stream_ = 0;
  libp2p::identify::Reader reader_;
  std::optional<libp2p::identify::Identity> identity_;
  Rope wire_;   // heard, not yet taken
  Rope plain_;  // decrypted, not yet taken
  Rope inner_;  // of the stream, while its protocol is being agreed
  bool early_muxer_ = false;
};

}  // namespace myelin::interop
