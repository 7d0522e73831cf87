// SessionMachine: one connection of the session wire, from the first byte on: handshake, then messages.
//
// Pure: bytes and `now` in; bytes, steps and a deadline out. The dialler sends Hello and waits for Ack; the acceptor
// waits for Hello, answers Ack, or Reject where it speaks no such version, and closes. What belongs to no state (a
// second Hello, an Ack that nobody waits for, unknown layers and handshake types, empty frames, cut headers) is dropped
// and told; messages before the handshake's end, a Hello that names no host, and frames that are too long end the
// connection.
//
// Invariants: `established` comes once, before any message; after `closed` nothing comes. Thread: values.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "myelin/protocol/host.hpp"
#include "myelin/protocol/message.hpp"
#include "myelin/protocol/runtime.hpp"
#include "protocol/frame.hpp"
#include "protocol/merge.hpp"
#include "protocol/wire_w3.hpp"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace myelin::protocol {

class SessionMachine {
 public:
  enum class State : std::uint8_t { awaiting_ack, awaiting_hello, established, closed };

  // We dialled `peer`; the connection stands. REQUIRES: the wire can name `self`.
  static SessionMachine dialler(Wire wire, const Host& self, Host peer, Instant deadline);
  static SessionMachine acceptor(Instant deadline);
  // The stream below has authenticated the peer: no handshake, W3's messages.
  static SessionMachine authenticated(Host peer);

  struct Step {
    enum class Kind : std::uint8_t {
      more,         // all bytes are done
      established,  // wire() and peer() are known
      message,      // stays until pop()
      merge,        // `merge`
      dropped,      // `why`
      closed,       // error() says why
    };
    Kind kind = Kind::more;
    ProtocolId protocol = 0;  // W0
    MessageId id = 0;         // W0
    WireId wire_id = 0;       // W3
    View payload{};           // good until pop()
    Merge merge{};
    std::string_view why{};
  };

  // REQUIRES: next() said `more` last, or was not called yet.
  void receive(Buffer piece);
  Step next() {
    // What nearly every frame is comes first.
    if (state_ == State::established && wire_ == Wire::w3 && frames_.next_whole()) {
      const View frame = frames_.frame();
      if (frame.size() > w3::header_bytes && frame[0] == static_cast<std::uint8_t>(Layer::application)) {
        Step step{.kind = Step::Kind::message, .payload = frame.subspan(1 + w3::header_bytes)};
        std::memcpy(&step.wire_id, frame.data() + 1, sizeof step.wire_id);
        return step;
      }
    }
    return next_of_any_kind();
  }
  void pop() { frames_.pop(); }
  // What is to be sent now, before any message.
  Bytes take_output() { return std::exchange(output_, {}); }

  // When expire() is due; Instant::max() if never.
  Instant deadline() const { return deadline_; }
  // Ends a handshake that has taken too long: `closed` is next.
  void expire(Instant now);

  State state() const { return state_; }
  Wire wire() const { return wire_; }
  const Host& peer() const { return peer_; }
  const Error& error() const { return error_; }
  // The acceptor does not speak our version.
  bool rejected() const { return rejected_; }

 private:
  SessionMachine(State state, Wire wire, Host peer, Instant deadline);
  Step next_of_any_kind();
  Step on_frame(View frame);
  Step on_message(View body);
  Step on_handshake(View body);
  Step on_merge(View body);
  Step on_hello(View data);
  Step established();
  Step drop(std::string_view why);
  Step close(ErrorCode code, std::string why);

  FrameReader frames_;
  State state_;
  Wire wire_;
  Host peer_;
  Instant deadline_;
  Bytes output_;
  Error error_{ErrorCode::link_lost, {}};
  bool rejected_ = false;
};

}  // namespace myelin::protocol
