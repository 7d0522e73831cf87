// Channel: how one runtime's messages reach other hosts. Session wire over TCP (session_channel.hpp), libp2p streams
// (libp2p_channel.hpp), and the simulator's whole messages (sim/).
//
// Invariants: a host has at most one session at a time as told to ChannelEvents: connected and disconnected alternate,
// and messages of a host come between them; failed and given_up come only while there is none. Messages of one host
// keep their order. No event is told inside the call that brings it about. Every send that was accepted ends in exactly
// one of sent or failed. Thread: the runtime's. Lifetime: the ChannelEvents outlive the channel's last event, which
// comes before stop()'s callback.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "myelin/protocol/message.hpp"
#include "myelin/protocol/protocol.hpp"

#include <cstdint>
#include <functional>
#include <string_view>

namespace myelin::protocol {

// Names one accepted send; chosen by the caller; 0: nobody wants to know.
using SendId = std::uint64_t;

// What a channel tells. `from` is the logical host of the session.
class ChannelEvents {
 public:
  virtual ~ChannelEvents() = default;
  // Around messages that are told one after another, in a turn of the channel's own: what is told between the two may
  // be handled at once. They are not nested.
  virtual void batch_begins() {}
  virtual void batch_ends() {}
  virtual void session_connected(const Host& host) = 0;
  virtual void session_disconnected(const Host& host, const Error& why) = 0;
  virtual void session_failed(const Host& host, const Error& why) = 0;
  virtual void session_given_up(const Host& host, unsigned attempts) = 0;
  virtual void session_blocked(const Host& host) = 0;   // its queue is full
  virtual void session_writable(const Host& host) = 0;  // half of it is free again
  virtual void transport_event(TransportEvent event) = 0;

  // A message from `from`. False: the target's mailbox is full, or it had its share of a turn; nothing was taken, and
  // the channel offers the same message again after Channel::resume(), and no other of that host before. What cannot be
  // dispatched (unknown id, malformed) is taken, counted and told to the dead-letter callback.
  virtual bool message(const Host& from, ProtocolId to, const MessageBox& box) = 0;       // whole, by the simulator
  virtual bool message(const Host& from, ProtocolId to, MessageId id, View payload) = 0;  // W0
  virtual bool message(const Host& from, WireId id, View payload) = 0;                    // W3
  // What the channel itself dropped ("unknown_layer", "truncated_header", …).
  virtual void dropped(std::string_view why, const Host& from) = 0;

  virtual void sent(SendId id) = 0;
  virtual void failed(SendId id, const Error& why) = 0;
};

// What a message looks like when it leaves: the channel encodes it into its own buffer, or takes the box as it is.
struct Outgoing {
  ProtocolId protocol = 0;
  MessageBox box;
  const Codec* codec = nullptr;  // outlives the call; null only where whole() channels are used
  SendId id = 0;
};

class Channel {
 public:
  virtual ~Channel() = default;
  // "tcp", "libp2p", "simulated".
  virtual std::string_view name() const = 0;
  // Whether boxes travel whole, so that no serializer runs.
  virtual bool whole() const { return false; }
  // Whether send() has no more use for the box once it returns.
  virtual bool encodes_at_once() const { return false; }
  // Listens and begins to tell. Errors: conflict (port in use), forbidden, bad_request, io.
  virtual Result<void> start(ChannelEvents& events) = 0;
  // The host under which others reach this one (after start: with the real port).
  virtual Host self() const = 0;

  virtual void connect(const Host& to) = 0;
  virtual void disconnect(const Host& from) = 0;
  // Never blocks. Errors: offline (no session), mailbox_full, too_large, what the serializer gave. Nothing is queued on
  // an error.
  virtual Result<void> send(const Host& to, Outgoing message) = 0;
  // A mailbox that was full has room again.
  virtual void resume() = 0;
  // Before a graceful stop(): reads nothing more of the sessions that stand. What has been read is still told.
  virtual void read_no_more() {}
  // Whether messages that have been read are still to be told, without a resume() that is yet to come.
  virtual bool tells_more() const { return false; }
  // Ends everything; `graceful`: what is queued is written first, for as long as the caller lets it: stop(false) may
  // follow. `done` is called once, when nothing is left. No event follows it.
  virtual void stop(bool graceful, std::function<void()> done) = 0;
};

}  // namespace myelin::protocol
