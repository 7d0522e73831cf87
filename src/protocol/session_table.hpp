// SessionTable: the sessions of one node, by logical host: who is dialled when, on which wire, when it is given up, and
// what of it is told.
//
// However many connections two hosts have, they have one session. When both dial at once, two connections stand, both
// are read, and the one that stood first carries what we send, so that order is kept. A peer that merges (merge.hpp)
// and we move to the connection that the smaller host has dialled; the other is retired once the last of it is read.
// With one that does not, both stay: the original programs end a session as soon as either closes. A session ends when
// any of its connections does, but for the retired; the others are closed with it. A peer that dials again while its
// last connection seems to stand has lost it: its session ends and a new one begins.
//
// Pure: what happened, `now` and 64 random bits in; actions out. Invariants: of one host connected and disconnected
// alternate in what is told, failed and given_up come only while there is no session. Thread: values.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "myelin/protocol/host.hpp"
#include "myelin/protocol/runtime.hpp"
#include "protocol/merge.hpp"

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
    merge,         // write `merge` on `connection`
    move,          // `connection` carries what is sent from now on
    hold,          // read no message of `connection` until
    release,       // it is released
    retire,        // nothing is read of `connection` any more; it ends once what is queued is read by the peer
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
  Merge merge{};
  Error error{ErrorCode::link_lost, {}};
  unsigned attempts = 0;
};

class SessionTable {
 public:
  SessionTable(Wire wire, RetryPolicy retry, std::size_t max_sessions)
      : wire_(wire), retry_(retry), max_sessions_(max_sessions) {}

  // Who we are: the host that our dials name. Until it is known nothing is merged.
  void name_self(Host self) { self_ = std::move(self); }

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
  // A merge frame has come. False: it makes no sense here.
  bool merge(ConnectionId connection, const Host& host, Merge what);
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
  // Of a session with two connections, from crossing dials.
  struct Merging {
    ConnectionId going = 0;    // the one that is to go; 0: there are not two
    ConnectionId crossed = 0;  // the peer has said so on this one
    bool moved = false;        // we have sent `last` on it
    bool followed = false;     // the peer has sent `follows` on the other
    bool held = false;
    ConnectionId retired = 0;  // it is done, and gone as soon as the peer has read it
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
    Merging merging{};
  };
  using Entries = std::map<Host, Entry>;

  void dial(const Host& host, Entry& entry);
  void cancel_dial(Entry& entry);
  // Closes all connections but `ended`, and tells it, if there is a session.
  void end_session(const Host& host, Entry& entry, const Error& why, bool flush, ConnectionId ended = 0);
  // Whether a connection is the one that goes when two stand.
  bool goes(const Connection& connection, const Host& host) const { return connection.inbound == (self_ < host); }
  void begin_merge(const Host& host, Entry& entry);
  void move(const Host& host, Entry& entry);
  bool end_merge(Entry& entry);
  void retry_later(Entry& entry, Instant now, std::uint64_t random);
  void forget_if_done(const Host& host);
  Wire wire_of(const Host& host) const;
  void learn(const Host& host, Wire wire);

  Wire wire_;
  Host self_{};
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
