// SessionTable: the sessions of one node, by logical host: who is dialled when, on which wire, when it is given up, and
// what of it is told.
//
// However many connections two hosts have, they have one session. When both dial at once, both connections stay and are
// read, since the original programs end a session as soon as either closes, and the wire does not say what program the
// peer is; the one that stood first carries what we send, so that order is kept. A session ends when any of its
// connections does; the others are closed with it. A peer that dials again while its last connection seems to stand has
// lost it: its session ends and a new one begins.
//
// Pure: what happened, `now` and 64 random bits in; actions out. Invariants: of one host connected and disconnected
// alternate in what is told, failed and given_up come only while there is no session. Thread: values.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "myelin/protocol/host.hpp"
#include "myelin/protocol/runtime.hpp"

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace myelin::protocol {

using ConnectionId = std::uint64_t;  // never 0
using DialId = std::uint64_t;        // never 0

struct SessionAction {
  enum class Kind : std::uint8_t {
    dial,          // begin `dial` to `host` on `wire`
    cancel_dial,   // end `dial`; nothing of it is told any more
    close,         // end `connection`, after what is queued if `flush`
    connected,     // `connection` carries what is sent
    disconnected,  // `error`
    failed,        // `error`
    given_up,      // `attempts`
  };
  Kind kind;
  Host host{};
  DialId dial = 0;
  Wire wire = Wire::w0;
  ConnectionId connection = 0;
  bool flush = false;
  Error error{ErrorCode::link_lost, {}};
  unsigned attempts = 0;
};

class SessionTable {
 public:
  SessionTable(Wire wire, RetryPolicy retry, std::size_t max_sessions)
      : wire_(wire), retry_(retry), max_sessions_(max_sessions) {}

  void connect(const Host& to);
  void disconnect(const Host& from);
  // Ends every session and dial; nothing begins afterwards.
  void stop();

  // The dial's connection stands and its Hello goes out: it can't be taken back unseen.
  void greeting(DialId dial);
  void dial_failed(DialId dial, Error why, bool rejected, Instant now, std::uint64_t random);
  // A handshake has ended well. `dial`: 0 if the peer dialled. Gives whether the connection is wanted; otherwise `why`
  // says why not, and it is to be closed.
  Result<void> established(ConnectionId connection, DialId dial, const Host& host, Wire wire);
  // An established connection has ended by itself.
  void closed(ConnectionId connection, const Host& host, Error why, Instant now, std::uint64_t random);

  // When expire() is due; Instant::max() if never.
  Instant deadline() const;
  void expire(Instant now);
  std::vector<SessionAction> take_actions() { return std::exchange(actions_, {}); }

  std::size_t sessions() const { return sessions_; }
  // Hosts whose generation of the wire is remembered.
  std::size_t taught() const { return taught_.size(); }
  // Hosts that are known: connected, dialled or waited for.
  std::size_t size() const { return entries_.size(); }

 private:
  enum class Phase : std::uint8_t { idle, waiting, dialing };
  struct Connection {
    ConnectionId id;
    bool inbound;
  };
  struct Entry {
    bool wanted = false;  // connect() was called, and nothing has ended it since
    Phase phase = Phase::idle;
    DialId dial = 0;
    Wire dial_wire = Wire::w0;
    bool greeted = false;
    unsigned attempts = 0;
    Instant retry_at{};
    std::vector<Connection> connections;  // the first one carries what we send
  };
  using Entries = std::map<Host, Entry>;

  void dial(const Host& host, Entry& entry);
  void cancel_dial(Entry& entry);
  // Closes all connections but `ended`, and tells it, if there is a session.
  void end_session(const Host& host, Entry& entry, const Error& why, bool flush, ConnectionId ended = 0);
  void retry_later(Entry& entry, Instant now, std::uint64_t random);
  void forget_if_done(const Host& host);
  Wire wire_of(const Host& host) const;
  void learn(const Host& host, Wire wire);

  Wire wire_;
  RetryPolicy retry_;
  std::size_t max_sessions_;
  Entries entries_;
  std::map<DialId, Host> dials_;
  std::map<Host, Wire> taught_;  // what hosts speak, where it is not what we would begin with
  std::vector<SessionAction> actions_;
  DialId next_dial_ = 1;
  std::size_t sessions_ = 0;
  bool stopped_ = false;
};

}  // namespace myelin::protocol
