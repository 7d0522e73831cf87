// Swarm: the connections of a host, at most one in use per peer, and the ways to get one: dial, accept.
//
// When two peers dial each other at once, both keep the connection dialled by the peer with the smaller id, and close
// the other once its streams are done; of several in one direction the newest is in use. Limits on connections and on
// inbound handshakes, in all and per IP address, are kept here.
//
// Thread: one loop. Lifetime: stop() must have ended before it is destroyed.
#pragma once

#include "base/error.hpp"
#include "identity/keys.hpp"
#include "io/cancel.hpp"
#include "io/loop.hpp"
#include "io/network.hpp"
#include "io/scope.hpp"
#include "io/sync.hpp"
#include "libp2p/connection.hpp"
#include "libp2p/dial.hpp"
#include "libp2p/host.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

namespace myelin::libp2p {

struct SwarmConfig {
  const identity::KeyPair* key = nullptr;  // outlives the swarm
  HostLimits limits;
  bool early_muxer = true;
};

// One established connection, as others see it.
struct Session {
  std::unique_ptr<Connection> connection;
  Multiaddr remote;
  bool inbound = false;
  std::uint64_t number = 0;  // in the order of establishing
  bool retired = false;      // another one is in use; closes when its streams are done
};

struct SwarmHooks {
  ConnectionHooks streams;
  std::function<void(const Session&)> established;
  // The peer's first connection is up, or its last is gone.
  std::function<void(const identity::PeerId&, bool connected)> peer;
};

class Swarm {
 public:
  // `metrics` outlives the swarm.
  Swarm(io::Loop& loop, SwarmConfig config, SwarmHooks hooks, HostMetrics& metrics);
  ~Swarm();

  // An inbound socket: upgraded in a task of its own, or closed at once if a limit is reached.
  void accept(std::unique_ptr<io::TcpStream> socket);
  // The connection in use, or null.
  const Session* current(const identity::PeerId& peer) const;
  std::shared_ptr<Link> link(const identity::PeerId& peer) const;
  // The connection in use; dials the addresses if there is none. Dials of one peer are shared.
  // Errors: unknown_peer (no addresses), bad_request (ourselves), limit, stopping, as resolve() and dial().
  io::Task<Result<std::shared_ptr<Link>>> reach(identity::PeerId peer, std::vector<Multiaddr> addresses,
                                                io::CancelToken token);
  void disconnect(const identity::PeerId& peer);
  // Connected peers, ordered.
  std::vector<identity::PeerId> peers() const;
  std::uint32_t connections() const { return connections_; }
  std::uint32_t inbound_streams() const { return budget_.open; }
  std::uint32_t streams() const;
  std::uint32_t handshakes() const { return handshakes_; }

  // Closes every connection, with a GoAway, and ends all tasks.
  io::Task<void> stop();

 private:
  struct Peer {
    std::vector<std::unique_ptr<Session>> sessions;
    Session* current = nullptr;
  };
  // A dial that may have several waiters. Shared with them: each may leave before it ends.
  struct Pending {
    explicit Pending(io::Loop& loop) : done(loop) {}
    io::Event done;
    std::optional<Error> error;
  };

  io::Task<void> upgrade_inbound(std::unique_ptr<io::TcpStream> socket, io::SocketAddress from);
  io::Task<void> dial_peer(identity::PeerId peer, std::vector<Multiaddr> addresses, std::shared_ptr<Pending> pending);
  io::Task<void> serve(Session* session);
  io::Task<void> retire(std::shared_ptr<Link> link);
  Result<void> establish(Upgraded upgraded, Multiaddr remote, bool inbound);
  void choose(Peer& peer);
  bool preferred(const Session& a, const Session& b) const;
  void forget(Session* session);

  io::Loop& loop_;
  SwarmConfig config_;
  identity::PeerId own_;
  SwarmHooks hooks_;
  HostMetrics& metrics_;
  StreamBudget budget_;
  std::map<identity::PeerId, Peer> peers_;
  std::map<identity::PeerId, std::shared_ptr<Pending>> dials_;
  std::map<io::IpAddress, std::uint32_t> handshakes_by_ip_;
  std::uint32_t handshakes_ = 0;
  std::uint32_t connections_ = 0;
  std::uint64_t next_number_ = 1;
  bool stopping_ = false;
  io::Scope scope_;
};

}  // namespace myelin::libp2p
