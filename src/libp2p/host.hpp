// Host: one node's libp2p as the rest of Myelin sees it: listen, dial, open streams, handle streams.
//
// A Host owns its connections, at most one in use per peer. Behind it stand the sans-IO machines (multistream, noise,
// yamux, identify, ping) and the swarm that decides dials, limits and re-dials.
//
// Thread: the loop it was made on; all of it. Lifetime: stop() must have ended before it is destroyed.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "identity/keys.hpp"
#include "identity/peer_id.hpp"
#include "io/cancel.hpp"
#include "io/loop.hpp"
#include "io/stream.hpp"
#include "libp2p/multiaddr.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::libp2p {

struct HostLimits {
  std::uint32_t connections = 512;              // established, in all
  std::uint32_t connections_per_peer = 2;       // crossing dials may briefly make two
  std::uint32_t handshakes = 128;               // inbound, not yet upgraded; more are closed at once
  std::uint32_t handshakes_per_address = 32;    // the same, from one IP address
  std::uint32_t streams_per_connection = 1024;  // inbound, open at a time; more are reset
  std::uint32_t streams = 8192;                 // inbound, in all
  Duration handshake_timeout = std::chrono::seconds(15);
  Duration negotiation_timeout = std::chrono::seconds(10);  // protocol of one stream
  Duration keepalive_interval = std::chrono::seconds(15);   // muxer ping
  Duration keepalive_timeout = std::chrono::seconds(10);    // no answer for so long: link_lost
  std::uint64_t receive_memory_bytes = 64 << 20;            // windows of one connection, autotuned up to here
};

struct HostConfig {
  identity::KeyPair key;
  std::string agent_version = "myelin";
  HostLimits limits;
  bool early_muxer = true;  // offer yamux inside the Noise handshake
  // Peers that are dialled at start and again with back-off (1 s doubling to 5 min, with jitter) whenever the link is
  // lost.
  std::vector<Multiaddr> static_peers;
};

// A libp2p stream after protocol negotiation.
class Stream : public io::Stream {
 public:
  virtual const identity::PeerId& peer() const = 0;  // authenticated
  virtual std::string_view protocol() const = 0;
};

struct PeerInfo {
  identity::PeerId id;
  std::vector<Multiaddr> addresses;  // known; connected or not
  bool connected = false;
  bool inbound = false;
  Multiaddr remote;                    // of the connection in use
  std::string agent_version;           // from identify; empty until known
  std::vector<std::string> protocols;  // from identify
  Duration round_trip{};               // last measured; 0 until known
  std::uint32_t streams = 0;
};

struct HostMetrics {
  std::uint64_t connections_opened = 0, connections_closed = 0, handshakes_failed = 0, handshakes_refused = 0;
  std::uint64_t streams_opened = 0, streams_refused = 0, bytes_in = 0, bytes_out = 0, dials = 0, dials_failed = 0;
  std::uint32_t connections = 0, streams = 0;
};

class Host {
 public:
  static std::unique_ptr<Host> create(io::Loop& loop, HostConfig config);
  virtual ~Host() = default;

  virtual const identity::PeerId& id() const = 0;
  // Errors: bad_request (not a TCP address), conflict, io.
  virtual Result<void> listen(Multiaddr at) = 0;
  // Where it listens, wildcards expanded to interfaces, with /p2p/<id>.
  virtual std::vector<Multiaddr> addresses() const = 0;

  // Each inbound stream that negotiates `protocol` is given to `handler`, which starts its own tasks. Replaces an
  // earlier one.
  using Handler = std::function<void(std::unique_ptr<Stream>)>;
  virtual void handle(std::string protocol, Handler handler) = 0;
  // The same for all protocols that `matches` says yes to; identify advertises `advertised`.
  virtual void handle_match(std::string advertised, std::function<bool(std::string_view)> matches, Handler handler) = 0;

  // Adds addresses to the peerstore. `pinned` ones do not expire.
  virtual void add_addresses(const identity::PeerId& peer, std::vector<Multiaddr> addresses, bool pinned) = 0;
  // Connects to the peer named in `address`, or does nothing if it is connected.
  // Errors: bad_request (no /p2p), offline, timeout, protocol (wrong peer, bad handshake), limit, cancelled.
  virtual io::Task<Result<void>> connect(Multiaddr address, io::CancelToken token = {}) = 0;
  virtual void disconnect(const identity::PeerId& peer) = 0;

  // A stream with the first of `protocols` that the peer speaks. Dials if needed.
  // Errors: unknown_peer, offline, timeout, link_lost, unsupported (it speaks none of them), limit, cancelled.
  virtual io::Task<Result<std::unique_ptr<Stream>>> open(identity::PeerId peer, std::vector<std::string> protocols,
                                                         io::CancelToken token = {}) = 0;
  // The same, but if the peer has told (by identify) that it speaks the first of them, nothing waits for its answer,
  // and the proposal goes out with what is written first. Should the peer refuse all the same, or take no more streams,
  // the first read fails: unsupported, link_lost.
  virtual io::Task<Result<std::unique_ptr<Stream>>> open_ahead(identity::PeerId peer,
                                                               std::vector<std::string> protocols,
                                                               io::CancelToken token = {}) = 0;
  // Round trip of one ping. Errors as open.
  virtual io::Task<Result<Duration>> ping(identity::PeerId peer, io::CancelToken token = {}) = 0;

  virtual std::vector<PeerInfo> peers() const = 0;
  virtual HostMetrics metrics() const = 0;
  // Called on this loop when a peer's first connection is up and when its last is gone.
  virtual void on_peer(std::function<void(const identity::PeerId&, bool connected)> callback) = 0;

  // Stops listening, resets all connections, ends all tasks.
  virtual io::Task<void> stop() = 0;
};

}  // namespace myelin::libp2p
