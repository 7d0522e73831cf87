// Dialling one peer at several addresses: the first that leads to an upgraded connection wins. The next one is tried
// when the one before has failed, or after attempt_delay (RFC 8305, "Happy Eyeballs").
//
// Thread: the loop's.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "io/cancel.hpp"
#include "io/loop.hpp"
#include "libp2p/resolve.hpp"
#include "libp2p/upgrade.hpp"

#include <vector>

namespace myelin::libp2p {

inline constexpr Duration attempt_delay = std::chrono::milliseconds(250);
inline constexpr Duration connect_timeout = std::chrono::seconds(10);

struct DialRequest {
  const identity::KeyPair* key = nullptr;  // outlives the dial
  identity::PeerId peer;
  bool early_muxer = true;
  Duration handshake_timeout{};  // of each attempt, after TCP has connected
  io::CancelToken token;
};

struct Dialed {
  Upgraded upgraded;
  Multiaddr address;
};

// Errors: that of the attempt that came furthest: protocol (wrong peer, bad handshake), unsupported, link_lost,
// timeout, offline; cancelled. REQUIRES: candidates are not empty; `loop` outlives the task.
io::Task<Result<Dialed>> dial(io::Loop* loop, std::vector<Candidate> candidates, DialRequest request);

}  // namespace myelin::libp2p
