// StreamChannel: a Channel whose sessions run over streams; what the TCP and the libp2p channel share.
//
// It owns the links, asks the SessionTable what to do, and tells what happens, in order, in later turns. The two that
// derive from it know how a stream to a host is opened and how streams come in.
//
// Thread: the loop's. Lifetime: stop() has called back before it is destroyed, unless the loop has crashed.
#pragma once

#include "base/error.hpp"
#include "io/cancel.hpp"
#include "io/loop.hpp"
#include "io/network.hpp"
#include "io/scope.hpp"
#include "myelin/protocol/runtime.hpp"
#include "protocol/channel.hpp"
#include "protocol/session_link.hpp"
#include "protocol/session_table.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace myelin::protocol {

// Where a channel's log goes: (component, protocol: empty, level, event, fields), the form of CoreConfig::log.
// `enabled` is asked first. Empty: nowhere.
struct ChannelLog {
  std::function<bool(std::string_view component, LogLevel level)> enabled;
  std::function<void(std::string_view component, std::string_view protocol, LogLevel level, std::string_view event,
                     LogFields fields)>
      write;
};

struct StreamChannelMetrics {
  std::uint64_t messages_in = 0, messages_out = 0, dropped = 0;
  std::uint64_t connections_in = 0, connections_out = 0, handshakes_failed = 0, handshakes_refused = 0;
};

class StreamChannel : public Channel, private LinkOwner {
 public:
  ~StreamChannel() override;

  Result<void> start(ChannelEvents& events) override;
  bool encodes_at_once() const override { return true; }
  void connect(const Host& to) override;
  void disconnect(const Host& from) override;
  Result<void> send(const Host& to, Outgoing message) override;
  void resume() override;
  void read_no_more() override;
  bool tells_more() const override;
  void stop(bool graceful, std::function<void()> done) override;

  // What is spoken to hosts of which nothing is known.
  Wire first_wire() const { return wire_; }
  const StreamChannelMetrics& metrics() const { return metrics_; }
  std::size_t sessions() const { return table_.sessions(); }
  std::size_t connections() const { return links_.size(); }
  // Bytes that wait for that host.
  std::size_t queued_bytes(const Host& host) const;

 protected:
  StreamChannel(io::Loop& loop, Wire wire, ChannelOptions options, ChannelLog log);

  // A stream and what its link begins with.
  struct Opened {
    std::unique_ptr<io::Stream> stream;
    io::TcpStream* tcp = nullptr;
    Host remote;  // as the transport names it
  };
  // Begins to take streams in. Errors: as Channel::start.
  virtual Result<void> listen() = 0;
  // No more streams come in.
  virtual void close_listener() = 0;
  // Errors: bad_request (no such host can be: it is given up), others (it is tried again).
  virtual io::Task<Result<Opened>> open(Host to, io::CancelToken token) = 0;
  // Whether the peer may take it for a session before open() has ended.
  virtual bool open_is_seen() const = 0;
  // The machine of a stream that was opened to `to`, or came in.
  virtual SessionMachine outbound_machine(const Host& to, Wire wire) = 0;
  virtual SessionMachine inbound_machine(const Opened& opened) = 0;

  // For those who derive: a stream has come in. Closed at once if too many are in their handshake.
  void adopt(Opened opened);
  void log(std::string_view component, LogLevel level, std::string_view event, LogFields fields);
  void spawn(io::Task<void> task) { scope_.spawn(std::move(task)); }
  io::CancelToken token() const { return scope_.token(); }
  io::Loop& loop() { return loop_; }
  const ChannelOptions& options() const { return options_; }
  Instant handshake_deadline() const { return loop_.now() + options_.handshake_timeout; }
  bool stopping() const { return stopping_; }

 private:
  bool link_established(SessionLink& link) override;
  void link_batch_begins() override { events_->batch_begins(); }
  void link_batch_ends() override { events_->batch_ends(); }
  bool link_message(SessionLink& link, const SessionMachine::Step& message) override;
  void link_merge(SessionLink& link, Merge what) override;
  void link_dropped(SessionLink& link, std::string_view why) override;
  void link_closed(SessionLink& link, const Error& why) override;
  void link_blocked(SessionLink& link) override;
  void link_writable(SessionLink& link) override;
  void link_sent(SendId id) override;
  void link_failed(SendId id, const Error& why) override;

  io::Task<void> dial(Host to, DialId id, Wire wire, io::CancelToken token);
  io::Task<void> serve(ConnectionId id, std::unique_ptr<SessionLink> link);
  void add_link(Opened opened, SessionMachine machine, DialId dial);
  void act();
  void act_on(SessionAction& action);
  void cancel_dial(DialId dial);
  void watch_retries();
  // Tells it in a later turn, after what was told before.
  void tell(std::function<void(ChannelEvents&)> what);
  void tell_transport(TransportEvent::Kind kind, const Host& host, bool inbound, Error error);
  void flush();
  io::Task<void> finish();

  io::Loop& loop_;
  Wire wire_;
  ChannelOptions options_;
  ChannelLog log_;
  ChannelEvents* events_ = nullptr;
  SessionTable table_;
  StreamChannelMetrics metrics_;
  std::map<DialId, io::CancelSource> dials_;         // until their stream is there
  std::map<DialId, SessionLink*> greetings_;         // from then on, until established
  std::map<ConnectionId, SessionLink*> links_;       // all that run
  std::unordered_map<Host, SessionLink*> sessions_;  // those that carry what is sent; looked up only
  SessionLink* last_ = nullptr;  // of sessions_: whom was sent to last, so that a run of sends looks nothing up
  ConnectionId resumed_first_ = 0;
  std::size_t handshakes_ = 0;  // inbound
  ConnectionId next_connection_ = 1;
  std::deque<std::function<void(ChannelEvents&)>> told_;
  bool flush_posted_ = false;
  bool flushing_ = false;
  io::Loop::TimerId retry_timer_ = 0;
  bool stopping_ = false;
  std::function<void()> done_;
  io::Scope scope_;
  std::unique_ptr<io::Scope> finishing_;
};

}  // namespace myelin::protocol
