// A yamux session: many streams with flow control over one ordered stream of bytes (hashicorp/yamux spec.md; libp2p
// specs, yamux/README.md).
//
// A pure machine. In: the peer's bytes, `now`, commands. Out: events, and bytes to send when the caller has room:
//
//   session.receive(bytes, now);  while (auto event = session.next_event()) …;
//   while (session.has_output()) write(session.collect(max));
//
// On the wire it behaves as go-yamux does: SYN, ACK and FIN ride on window updates, a window grows while a reader keeps
// pace with a round trip (doubling up to `max_window_bytes`), credit is granted once half a window was consumed.
//
// Invariants: payload bytes are sliced, never copied. A peer cannot make the session hold more than
// `receive_memory_bytes` of unread payload (the stream that would is reset), nor more than `pending_frames` control
// frames (the session fails: a flood, or a peer that does not read). Every frame costs O(1). Senders take turns, one
// frame each. After an error nothing more is taken. Bytes for streams that are gone are dropped, up to what their
// windows had allowed and some slack.
// Thread: one loop.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/fifo.hpp"
#include "base/limits.hpp"
#include "base/time.hpp"
#include "libp2p/yamux_frame.hpp"
#include "libp2p/yamux_stream.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace myelin::libp2p::yamux {

inline constexpr std::string_view protocol_id = "/yamux/1.0.0";

// Codes of a GoAway.
inline constexpr std::uint32_t go_away_normal = 0;
inline constexpr std::uint32_t go_away_protocol_error = 1;
inline constexpr std::uint32_t go_away_internal_error = 2;
// Codes of a reset, in its length field; advisory (libp2p specs, draft on error codes).
inline constexpr std::uint32_t reset_none = 0;
inline constexpr std::uint32_t reset_resource_limit = 0x1001;

// Payload of the largest data frame that we send: with its header it fills one Noise frame.
inline constexpr std::size_t max_payload_bytes = limits::noise_frame_bytes - 16 - header_bytes;

struct Config {
  bool dialer = true;                    // dialers have odd stream ids
  std::uint32_t inbound_streams = 1024;  // open at a time; more are reset
  std::uint32_t unacknowledged = 256;    // outbound streams without the peer's ACK
  std::uint32_t max_window_bytes = limits::yamux_max_window_bytes;
  std::uint64_t receive_memory_bytes = 64 << 20;
  std::size_t send_queue_bytes = limits::pipe_bytes;  // `writable` is told when a stream's queue falls to this
  std::size_t pending_frames = 4096;                  // control frames waiting for output
};

struct Event {
  enum class Kind : std::uint8_t {
    opened,    // the peer opened `stream`
    data,      // `data` arrived on `stream`; to be consumed
    finished,  // the peer's half of `stream` has ended
    reset,     // `stream` is gone, with `code`; no further event of it follows
    writable,  // the queue of `stream` has fallen to send_queue_bytes
    can_open,  // open() had failed for the ACK backlog, and has room again
    pong,      // our ping was answered after `round_trip`
    go_away,   // the peer opens and takes no more streams, with `code`
  };
  Kind kind;
  StreamId stream = 0;
  std::uint32_t code = 0;
  Duration round_trip{};
  Buffer data{};
};

class Session {
 public:
  explicit Session(Config config) : config_(config), next_id_(config.dialer ? 1 : 2) {}

  // Takes bytes from the peer. Errors: protocol (for good); the caller sends what is left as output (a GoAway) and
  // closes.
  Result<void> receive(Buffer bytes, Instant now);
  std::optional<Event> next_event();

  // A new stream; its SYN is sent with the next output. Errors: limit (ACK backlog full: wait for can_open; or ids used
  // up), stopping (the peer or we have sent a GoAway).
  Result<StreamId> open(Instant now);
  // Queues bytes. No effect if the stream is gone. REQUIRES: finish() was not called.
  void write(StreamId stream, Rope bytes);
  // Ends our half after what is queued. Idempotent.
  void finish(StreamId stream);
  // Ends both halves at once; what is queued is dropped. No event follows. Idempotent.
  void reset(StreamId stream, std::uint32_t code = reset_none);
  // Nobody holds the stream any more: reset() if our half is open; otherwise what is queued is still sent, and what
  // comes is dropped.
  void release(StreamId stream);
  // `bytes` of the data events of `stream` were taken by its reader.
  void consume(StreamId stream, std::uint64_t bytes, Instant now);
  // REQUIRES: no ping is under way.
  void ping(std::uint32_t opaque, Instant now);
  bool ping_under_way() const { return ping_.has_value(); }
  // Tells the peer that we take no more streams.
  void go_away(std::uint32_t code);

  bool has_output() const { return ping_due_ || !control_.empty() || !updates_.empty() || !senders_.empty(); }
  // The next frames, at most `max_bytes` but at least one; empty if has_output() was wrong about it.
  Rope collect(std::size_t max_bytes);

  bool has(StreamId stream) const { return streams_.contains(stream); }
  // Bytes written to the stream and not yet collected.
  std::size_t queued_bytes(StreamId stream) const;
  std::size_t stream_count() const { return streams_.size(); }
  std::uint32_t inbound_count() const { return inbound_; }
  std::uint64_t buffered_bytes() const { return buffered_; }
  std::uint64_t refused_streams() const { return refused_; }
  bool peer_going_away() const { return peer_going_away_; }
  // Smoothed over pings; 0 until known.
  Duration round_trip() const { return round_trip_; }

 private:
  struct Ping {
    std::uint32_t opaque;
    Instant sent;
  };

  Result<void> fail_with(std::string_view why);
  Result<void> on_header(const Header& header, Instant now);
  Result<void> on_data(const Header& header, Instant now);
  Result<void> on_window_update(const Header& header, Instant now);
  Result<void> on_ping(const Header& header, Instant now);
  Result<void> on_unknown_data(const Header& header);
  // Creates the stream of a SYN, or refuses it (then it is not in the table).
  Result<void> on_syn(StreamId id, Instant now);
  void on_reset(StreamId id, std::uint32_t code);
  void on_acknowledged(StreamState& stream);
  void deliver(Buffer piece, Instant now);
  void end_of_payload();
  void finished_by_peer(StreamId id, StreamState& stream);

  void emit(Event event) { events_.push_back(std::move(event)); }
  void queue_control(const Header& header) { control_.push_back(header); }
  void queue_update(StreamId id, StreamState& stream);
  void queue_sender(StreamId id, StreamState& stream);
  void maybe_grant(StreamId id, StreamState& stream, Instant now);
  void remove_if_over(StreamId id, StreamState& stream);
  void remove(StreamId id);
  void remember_abandoned(StreamId id);
  // Whether it was remembered.
  bool forget_abandoned(StreamId id);
  StreamState* find(StreamId id);

  void collect_update(StreamId id, Rope& out);
  void collect_data(StreamId id, std::size_t room, Rope& out);

  Config config_;
  std::unordered_map<StreamId, StreamState> streams_;  // looked up only, never iterated
  Fifo<Event> events_;
  Fifo<Header> control_;
  Fifo<StreamId> updates_;
  Fifo<StreamId> senders_;
  // Finished by us and abandoned; the first data for one is answered with a reset. The oldest are forgotten.
  std::unordered_set<StreamId> abandoned_;
  Fifo<StreamId> abandoned_order_;

  std::array<std::uint8_t, header_bytes> header_{};
  std::size_t header_size_ = 0;
  std::uint32_t payload_left_ = 0;
  StreamId payload_stream_ = 0;
  bool payload_ends_stream_ = false;

  StreamId next_id_;
  std::uint32_t inbound_ = 0;
  std::uint32_t unacknowledged_ = 0;
  bool open_waits_ = false;
  std::uint64_t buffered_ = 0;
  std::uint64_t windows_ = 0;
  std::uint64_t droppable_ = 1 << 20;  // bytes that may still come for streams that are gone
  std::uint64_t refused_ = 0;
  std::uint32_t pongs_pending_ = 0;
  bool going_away_ = false;
  bool peer_going_away_ = false;
  std::optional<Ping> ping_;
  std::optional<std::uint32_t> ping_due_;  // goes before everything else
  Duration round_trip_{};
  std::optional<Error> error_;
};

}  // namespace myelin::libp2p::yamux
