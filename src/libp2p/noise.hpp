// libp2p's Noise handshake, `/noise` (libp2p specs, noise/README.md): XX with an empty prologue, each message behind a
// u16 big-endian length, and a payload in messages 2 and 3 that proves the identity key and offers muxers.
//
// How it is driven (both roles; the same loop as multistream):
//
//   for (;;) {
//     write(handshake.take_output());           // one write, may be empty
//     if (handshake.state() is done or failed) break;
//     in.append(read());
//     handshake.receive(in);                    // takes from the front of `in` what belongs to the handshake
//   }
//   Session session = handshake.take_session(); // only after the last output was taken and queued
//
// Invariants: no byte of a message is interpreted before all of it is there, at most one message is buffered; once
// done, nothing more is taken from `in`: what stands there are the peer's first transport frames. A Session exists only
// for a peer that proved its identity and, where one was expected, is that peer. Secrets are wiped. Thread: one thread
// at a time; may be moved to another.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "identity/keys.hpp"
#include "identity/peer_id.hpp"
#include "libp2p/noise_cipher.hpp"
#include "libp2p/noise_transport.hpp"
#include "libp2p/noise_xx.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::libp2p::noise {

inline constexpr std::string_view protocol_id = "/noise";
// Longest handshake message that is read. The framing allows 65535 bytes; the largest identity key and its signature,
// with all extensions within their limits, stay far below this.
inline constexpr std::size_t max_handshake_message_bytes = 16 * limits::kib;

struct HandshakeConfig {
  Role role = Role::initiator;
  // 32 fresh random bytes each, from the loop's entropy: X25519 secrets for this connection alone.
  Key static_secret;
  Key ephemeral_secret;
  // The peer that must be there; the initiator knows it from the address. Nothing: whoever proves to be someone.
  std::optional<identity::PeerId> expected;
  // Muxers offered inside the handshake, most wanted first; empty: none are offered and none is chosen. At most 32.
  std::vector<std::string> muxers;
};

// What the handshake leaves.
struct Session {
  identity::PeerId peer;
  identity::PublicKey key;
  // The first of the initiator's list that both offered. Empty: agree by multistream-select.
  std::string muxer;
  Encryptor encryptor;
  Decryptor decryptor;
};

enum class HandshakeState : std::uint8_t { running, done, failed };

class Handshake {
 public:
  // `identity` signs here and is not kept. REQUIRES: at most 32 muxers, no longer than a multistream protocol.
  Handshake(const identity::KeyPair& identity, HandshakeConfig config);

  // Bytes to write now, each given once, length prefixes included. The initiator has its first at once.
  Bytes take_output();
  void receive(Rope& in);

  HandshakeState state() const { return state_; }
  // REQUIRES: failed. protocol (broken message, wrong signature, not the expected peer).
  const Error& error() const;
  // Once. REQUIRES: done.
  Session take_session();

 private:
  Result<bool> fill(Rope& in);
  Result<void> step(View message);
  Result<void> send(View payload);
  Result<void> check_peer(View payload);
  void finish();
  void fail_with(Error error);

  HandshakeState state_ = HandshakeState::running;
  XX xx_;
  HandshakeConfig config_;
  Bytes payload_;  // ours, for message 2 or 3
  Bytes input_;    // the peer's next message as far as it has come, length included
  Bytes output_;
  std::optional<identity::PublicKey> remote_key_;
  std::vector<std::string> remote_muxers_;
  std::optional<Session> session_;
  Error error_{};
};

}  // namespace myelin::libp2p::noise
