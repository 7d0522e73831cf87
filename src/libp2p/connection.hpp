// Connection: the shell around Noise and yamux over one socket, and the streams on it.
//
// One task reads the socket, one writes it, one pings. The reader decrypts in place and hands slices to the streams;
// the writer gathers whatever is pending into full Noise frames and one write of the socket, so that back-pressure runs
// from the socket through the session to each stream's writer. A peer that has been silent for `keepalive_timeout`
// after a ping is lost.
//
// Lifetime: run() is awaited once, by the owner; the Connection may be destroyed when it has ended. Streams, and those
// who open one, hold a Link, which outlives the Connection and says why it ended. Thread: one loop.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "identity/peer_id.hpp"
#include "io/loop.hpp"
#include "io/scope.hpp"
#include "io/sync.hpp"
#include "libp2p/host.hpp"
#include "libp2p/mux_stream.hpp"
#include "libp2p/upgrade.hpp"
#include "libp2p/yamux.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace myelin::libp2p {

class Connection;

// Inbound streams of all connections of a host together.
struct StreamBudget {
  std::uint32_t open = 0;
  std::uint32_t limit = 0;
};

// What a Connection leaves behind. Shared by the Connection, its streams and those who wait to open one, since each may
// end first.
struct Link {
  Link(io::Loop& l, identity::PeerId id) : loop(l), peer(std::move(id)), can_open(l), closed(l) {}
  io::Loop& loop;
  identity::PeerId peer;
  Connection* connection = nullptr;  // null once closed
  Error why{ErrorCode::link_lost, "the connection is closed"};
  io::Event can_open;
  io::Event closed;
};

struct ConnectionHooks {
  // Whether a stream of that protocol is taken.
  std::function<bool(std::string_view)> speaks;
  // A stream that the peer opened and negotiated.
  std::function<void(std::unique_ptr<Stream>)> accept;
};

class Connection {
 public:
  // `budget` and `metrics` outlive the Connection.
  Connection(io::Loop& loop, Upgraded upgraded, const HostLimits& limits, ConnectionHooks hooks, StreamBudget& budget,
             HostMetrics& metrics);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Serves the connection until it is closed and nothing of it is left running.
  io::Task<void> run();
  // Ends all streams with `why`. With `farewell`, what is pending and a GoAway are still sent, for at most a second.
  // Idempotent.
  void close(Error why, bool farewell);

  const std::shared_ptr<Link>& link() const { return link_; }
  const identity::PeerId& peer() const { return link_->peer; }
  bool dialer() const { return dialer_; }
  bool early_muxer() const { return early_muxer_; }
  bool closed() const { return closed_; }
  // Whether new streams may be opened as far as the peer says.
  bool usable() const { return !closed_ && !session_.peer_going_away(); }
  std::uint32_t streams() const { return static_cast<std::uint32_t>(streams_.size()); }
  Duration round_trip() const { return session_.round_trip(); }
  std::uint64_t buffered_bytes() const { return session_.buffered_bytes(); }

  // For MuxStream and open_stream: commands to the session, followed by output if any is due.
  Result<std::unique_ptr<MuxStream>> open_raw();
  void write(StreamCore& stream, Rope bytes);
  std::size_t queued_bytes(const StreamCore& stream) const { return session_.queued_bytes(stream.id); }
  void finish(StreamCore& stream);
  void reset(StreamCore& stream);
  void release(StreamCore& stream);
  void consumed(StreamCore& stream, std::size_t bytes);

 private:
  io::Task<void> read_loop();
  io::Task<void> write_loop();
  io::Task<void> keep_alive();
  io::Task<void> negotiate_inbound(std::unique_ptr<MuxStream> stream);
  void take_plaintext(Rope plaintext);
  void dispatch();
  void on_opened(yamux::StreamId id);
  void on_stream_event(yamux::Event event);
  std::shared_ptr<StreamCore> add_core(yamux::StreamId id, bool inbound);
  void forget(yamux::StreamId id);
  void wake_writer();

  io::Loop& loop_;
  std::unique_ptr<io::Stream> socket_;
  noise::Encryptor encryptor_;
  noise::Decryptor decryptor_;
  Rope early_;
  bool dialer_;
  bool early_muxer_;
  HostLimits limits_;
  ConnectionHooks hooks_;
  StreamBudget& budget_;
  HostMetrics& metrics_;
  yamux::Session session_;
  std::shared_ptr<Link> link_;
  std::unordered_map<yamux::StreamId, std::shared_ptr<StreamCore>> streams_;
  bool closed_ = false;
  bool farewell_ = false;
  Instant last_received_{};
  io::Event output_;
  io::Event pong_;
  io::Event closing_;
  io::Event reader_ended_;
  io::Scope scope_;
};

// Opens a stream and negotiates the first of `protocols` that the peer takes. Errors: unsupported (it takes none),
// timeout, cancelled, link_lost, limit, stopping (no more streams on this connection), protocol.
io::Task<Result<std::unique_ptr<Stream>>> open_stream(std::shared_ptr<Link> link, std::vector<std::string> protocols,
                                                      Duration timeout, io::CancelToken token = {});
// The same for one protocol that the peer is known to speak, without waiting for its answer: the proposal goes out with
// what is written first. A refusal (unsupported) is the error of the first read.
io::Task<Result<std::unique_ptr<Stream>>> open_known_stream(std::shared_ptr<Link> link, std::string protocol,
                                                            Duration timeout, io::CancelToken token = {});

}  // namespace myelin::libp2p
