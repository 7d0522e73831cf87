// One yamux stream as its session keeps it: what may still be sent, what may still be received. Part of Session.
//
// Invariants: allowance + buffered <= window; queue holds nothing once `write` is `finished`. Thread: its session's.
#pragma once

#include "base/bytes.hpp"
#include "base/limits.hpp"
#include "base/time.hpp"

#include <cstdint>

namespace myelin::libp2p::yamux {

struct StreamState {
  enum class Write : std::uint8_t {
    open,
    closing,   // a FIN follows what is queued
    finished,  // the FIN was sent
  };

  bool inbound = false;

  // Sending.
  Rope queue;                                                 // written, not yet put into frames
  std::uint32_t credit = limits::yamux_initial_window_bytes;  // bytes the peer still takes
  Write write = Write::open;
  bool ready = false;         // stands in the session's round of senders
  bool acknowledged = false;  // outbound: the peer has answered our SYN

  // Receiving.
  std::uint32_t window = limits::yamux_initial_window_bytes;     // what we want the peer to be able to have under way
  std::uint32_t allowance = limits::yamux_initial_window_bytes;  // bytes the peer may still send
  std::uint64_t buffered = 0;                                    // given out as events and not yet consumed
  Instant epoch{};                                               // of the last window update
  bool ended = false;                                            // the peer's FIN has come
  bool abandoned = false;                                        // nobody reads any more; what comes is dropped

  // Frames that are due; update_due says that the stream stands in the session's list of them.
  bool syn_due = false;
  bool ack_due = false;
  bool credit_due = false;
  bool update_due = false;

  bool can_send() const { return (!queue.empty() && credit > 0) || (queue.empty() && write == Write::closing); }
  // Bytes that the peer could be allowed beyond what it has.
  std::uint32_t grantable() const {
    const std::uint64_t held = allowance + buffered;
    return held >= window ? 0 : static_cast<std::uint32_t>(window - held);
  }
};

}  // namespace myelin::libp2p::yamux
