// Upgrade: a bare byte stream becomes an authenticated, encrypted, multiplexed connection.
//
//   multistream(/noise) → Noise XX → yamux, agreed inside the Noise handshake (early muxer negotiation) or, where the
//   peer does not do that, by multistream over the encrypted channel (libp2p specs, connections/README.md).
//
// Invariant: whatever the peer sends ends in an Upgraded or an Error, before the deadline, in memory of a few frames.
// Thread: the loop's.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "identity/keys.hpp"
#include "identity/peer_id.hpp"
#include "io/cancel.hpp"
#include "io/loop.hpp"
#include "io/stream.hpp"
#include "libp2p/noise.hpp"

#include <memory>
#include <optional>

namespace myelin::libp2p {

struct UpgradeRequest {
  bool dialer = true;
  const identity::KeyPair* key = nullptr;    // outlives the upgrade
  std::optional<identity::PeerId> expected;  // the peer that must be there
  bool early_muxer = true;
  Instant deadline;
  io::CancelToken token;
};

struct Upgraded {
  std::unique_ptr<io::Stream> socket;
  noise::Session session;
  Rope early;  // decrypted bytes of the muxer that arrived with the handshake's last
  bool dialer = true;
  bool early_muxer = false;  // the muxer was agreed inside the Noise handshake
};

// Errors: protocol (broken handshake, wrong peer), unsupported (no Noise, no yamux), link_lost, timeout, cancelled. The
// socket is closed on error. REQUIRES: `loop` outlives the task.
io::Task<Result<Upgraded>> upgrade(io::Loop* loop, std::unique_ptr<io::Stream> socket, UpgradeRequest request);

}  // namespace myelin::libp2p
