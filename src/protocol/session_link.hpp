// SessionLink: the shell around a SessionMachine: one stream, read and written in large pieces by two tasks.
//
// The reader takes up to 64 KiB at a time and hands message after message to the owner without a suspension between
// them; what is sent within one turn of the loop is written by one call. The connection is not read while the owner
// refuses a message, and not while our own queue to the peer is over its mark (read_gate.hpp). A peer that takes
// nothing of its queue for `stall_timeout` has failed.
//
// Lifetime: run() is awaited once, by the owner; it ends when nothing of the link is left running. The owner, and the
// loop, outlive it. Thread: one loop.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "io/loop.hpp"
#include "io/network.hpp"
#include "io/scope.hpp"
#include "io/stream.hpp"
#include "io/sync.hpp"
#include "protocol/channel.hpp"
#include "protocol/out_queue.hpp"
#include "protocol/read_gate.hpp"
#include "protocol/session_machine.hpp"
#include "protocol/session_table.hpp"

#include <memory>
#include <string_view>
#include <utility>

namespace myelin::protocol {

class SessionLink;

// What a link tells its owner, each in a turn of the link's own tasks, never inside a call of the owner's. After closed
// nothing comes but `failed` of what was not sent.
class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  // False: the connection is not wanted; it has been closed.
  virtual bool link_established(SessionLink& link) = 0;
  // Around messages that are handed over one after another.
  virtual void link_batch_begins() {}
  virtual void link_batch_ends() {}
  // False: offer it again after resume().
  virtual bool link_message(SessionLink& link, const SessionMachine::Step& message) = 0;
  virtual void link_merge(SessionLink& link, Merge what) = 0;
  virtual void link_dropped(SessionLink& link, std::string_view why) = 0;
  // It has ended by itself; not told after close().
  virtual void link_closed(SessionLink& link, const Error& why) = 0;
  virtual void link_blocked(SessionLink& link) = 0;
  virtual void link_writable(SessionLink& link) = 0;
  virtual void link_sent(SendId id) = 0;
  virtual void link_failed(SendId id, const Error& why) = 0;
};

struct LinkConfig {
  std::size_t queue_bytes = 4 << 20;
  Duration stall_timeout = std::chrono::seconds(30);  // 0: never
};

class SessionLink {
 public:
  // `tcp`: the same stream, if it is one: it tells how far a long write has come.
  SessionLink(io::Loop& loop, std::unique_ptr<io::Stream> stream, io::TcpStream* tcp, SessionMachine machine,
              LinkConfig config, LinkOwner& owner);
  SessionLink(const SessionLink&) = delete;
  SessionLink& operator=(const SessionLink&) = delete;
  ~SessionLink();

  io::Task<void> run();

  // Errors: offline (not established, or closed), mailbox_full, too_large, what the serializer gave.
  Result<void> send(const Outgoing& message);
  // A message that the owner refused may be offered again.
  void resume();
  // Ends it. With `flush`, what is queued is written first, for at most `limit`. What is not written has failed with
  // `why`. Again, without flush: at once.
  void close(const Error& why, bool flush, Duration limit = std::chrono::seconds(5));

  // Takes nothing more from the stream, but for its end once it is closed.
  void read_no_more() { reads_ = false; }
  // Whether what has been read is being handed over, or will be without another call of the owner's.
  bool tells_more() const {
    if (closed_ || held_) return false;
    return stage_ == Stage::delivering || stage_ == Stage::gated || (stage_ == Stage::refused && resumed_.is_set());
  }
  // Writes a merge frame after what is queued.
  void send(Merge what);
  // While held, messages are refused in the owner's name.
  void hold() { held_ = true; }
  void release();
  // Nothing of it is read or told any more, and nothing is sent. It ends once the peer has closed its half too, which
  // it does when it has read all that is queued here; or by close().
  void retire(const Error& why);
  // Whether the owner is to be told that it is writable; no more, as nothing more is sent.
  bool take_blocked() { return std::exchange(blocked_, false); }

  const SessionMachine& machine() const { return machine_; }
  const Host& peer() const { return machine_.peer(); }
  std::size_t queued_bytes() const { return out_.size(); }
  bool closed() const { return closed_; }
  // Whether the handshake has ended well, ever.
  bool was_established() const { return was_established_; }

  // The owner's own notes.
  ConnectionId id = 0;
  DialId dial = 0;  // 0: the peer dialled
  Host remote;      // as the transport names it
  std::uint64_t dropped = 0;

 private:
  io::Task<void> read_loop();
  io::Task<void> write_loop();
  // Waits until the gate is open. False: the link has ended.
  io::Task<bool> may_read();
  enum class Delivery : std::uint8_t { done, refused, gated };
  // Hands over what has arrived, until all is done, the owner refuses a message, or the gate shuts.
  Delivery deliver();
  Delivery deliver_steps();
  void send_output();
  void fail_with(const Error& why);
  void start_farewell();
  void end_at_once();
  void tell_written();
  void settle(const Error& why);
  std::uint64_t taken() const;
  void watch_stall();
  void on_stall_tick();
  void start_handshake_timer();

  io::Loop& loop_;
  std::unique_ptr<io::Stream> stream_;
  io::TcpStream* tcp_;
  SessionMachine machine_;
  LinkConfig config_;
  LinkOwner& owner_;
  OutQueue out_;
  ReadGate gate_;
  std::size_t let_in_ = 0;     // bytes of messages that the gate lets in
  std::size_t under_way_ = 0;  // bytes of the write that is under way
  // Where the reader is: it waits for the stream, hands over, or holds what it has read until it may.
  enum class Stage : std::uint8_t { reading, delivering, gated, refused };
  Stage stage_ = Stage::reading;
  bool reads_ = true;
  bool blocked_ = false;
  bool was_established_ = false;
  bool closed_ = false;     // nothing more is taken or told
  bool finishing_ = false;  // what is queued is still written
  bool retired_ = false;    // and the peer has all the time it needs
  bool finished_ = false;   // our half is closed
  bool held_ = false;
  bool broken_ = false;  // the stream is reset
  Error why_{ErrorCode::link_lost, {}};
  io::Event wake_writer_;
  io::Event resumed_;  // the owner has room again
  io::Event room_;     // the queue has shrunk
  io::Loop::TimerId handshake_timer_ = 0;
  io::Loop::TimerId stall_timer_ = 0;
  io::Loop::TimerId linger_timer_ = 0;
  std::uint64_t stall_taken_ = 0;
  Instant stall_since_{};
  io::Scope scope_;
};

}  // namespace myelin::protocol
