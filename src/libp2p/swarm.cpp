#include "libp2p/swarm.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <utility>

namespace myelin::libp2p {

namespace {

// A connection that another replaces stays for as long as the peer may still be opening streams on it.
constexpr Duration retire_grace = std::chrono::seconds(2);
// A dial ends by its own limits, which come long before.
constexpr Duration no_deadline = std::chrono::hours(24);

}  // namespace

Swarm::Swarm(io::Loop& loop, SwarmConfig config, SwarmHooks hooks, HostMetrics& metrics)
    : loop_(loop),
      config_(config),
      own_(config_.key->peer_id()),
      hooks_(std::move(hooks)),
      metrics_(metrics),
      budget_{0, config_.limits.streams},
      scope_(loop) {}

Swarm::~Swarm() = default;

// ---- inbound ----

void Swarm::accept(std::unique_ptr<io::TcpStream> socket) {
  const io::SocketAddress from = socket->remote();
  const auto of_ip = handshakes_by_ip_.find(from.ip);
  const std::uint32_t same_ip = of_ip == handshakes_by_ip_.end() ? 0 : of_ip->second;
  const HostLimits& limits = config_.limits;
  if (stopping_ || handshakes_ >= limits.handshakes || same_ip >= limits.handshakes_per_address ||
      connections_ >= limits.connections) {
    ++metrics_.handshakes_refused;
    socket->reset();
    return;
  }
  ++handshakes_;
  ++handshakes_by_ip_[from.ip];
  scope_.spawn(upgrade_inbound(std::move(socket), from));
}

io::Task<void> Swarm::upgrade_inbound(std::unique_ptr<io::TcpStream> socket, io::SocketAddress from) {
  UpgradeRequest request;
  request.dialer = false;
  request.key = config_.key;
  request.early_muxer = config_.early_muxer;
  request.deadline = loop_.now() + config_.limits.handshake_timeout;
  request.token = scope_.token();
  auto upgraded = co_await upgrade(&loop_, std::move(socket), std::move(request));
  --handshakes_;
  if (--handshakes_by_ip_[from.ip] == 0) handshakes_by_ip_.erase(from.ip);
  Result<void> done = upgraded ? establish(std::move(*upgraded), Multiaddr::tcp_address(from), true)
                               : Result<void>(fail(upgraded.error()));
  if (done) co_return;
  ++metrics_.handshakes_failed;
  log::debug("libp2p", "inbound handshake failed", {{"from", from.to_string()}, {"why", to_string(done.error())}});
}

// ---- outbound ----

io::Task<Result<std::shared_ptr<Link>>> Swarm::reach(identity::PeerId peer, std::vector<Multiaddr> addresses,
                                                     io::CancelToken token) {
  if (peer == own_) co_return fail(ErrorCode::bad_request, "a peer does not dial itself");
  if (auto known = link(peer)) co_return known;
  if (stopping_) co_return fail(ErrorCode::stopping, "the host is stopping");
  auto found = dials_.find(peer);
  if (found == dials_.end()) {
    if (addresses.empty()) co_return fail(ErrorCode::unknown_peer, "no address is known for " + peer.to_string());
    if (connections_ >= config_.limits.connections) co_return fail(ErrorCode::limit, "too many connections");
    found = dials_.emplace(peer, std::make_shared<Pending>(loop_)).first;
    scope_.spawn(dial_peer(peer, std::move(addresses), found->second));
  }
  const std::shared_ptr<Pending> pending = found->second;
  if (auto waited = co_await pending->done.wait_until(loop_.now() + no_deadline, token); !waited)
    co_return fail(waited.error());
  if (pending->error) co_return fail(*pending->error);
  if (auto known = link(peer)) co_return known;
  co_return fail(ErrorCode::link_lost, "the connection was lost as soon as it was there");
}

io::Task<void> Swarm::dial_peer(identity::PeerId peer, std::vector<Multiaddr> addresses,
                                std::shared_ptr<Pending> pending) {
  ++metrics_.dials;
  Result<void> done;
  auto candidates = co_await resolve(&loop_, std::move(addresses), peer, scope_.token());
  if (!candidates) {
    done = fail(candidates.error());
  } else {
    DialRequest request{config_.key, peer, config_.early_muxer, config_.limits.handshake_timeout, scope_.token()};
    auto dialed = co_await dial(&loop_, std::move(*candidates), std::move(request));
    done = dialed ? establish(std::move(dialed->upgraded), dialed->address, false) : Result<void>(fail(dialed.error()));
  }
  dials_.erase(peer);
  if (!done && current(peer) == nullptr) {  // if the peer came to us meanwhile, that does as well
    ++metrics_.dials_failed;
    pending->error = done.error();
    log::debug("libp2p", "dial failed", {{"peer", peer.to_string()}, {"why", to_string(done.error())}});
  }
  pending->done.set();
}

// ---- connections ----

Result<void> Swarm::establish(Upgraded upgraded, Multiaddr remote, bool inbound) {
  const identity::PeerId id = upgraded.session.peer;
  if (stopping_) return fail(ErrorCode::stopping, "the host is stopping");
  if (id == own_) return fail(ErrorCode::protocol, "the peer is ourselves");
  if (connections_ >= config_.limits.connections) return fail(ErrorCode::limit, "too many connections");
  Peer& peer = peers_[id];
  if (peer.sessions.size() >= config_.limits.connections_per_peer) {
    // The peer has lost what we still hold, or is hostile: the newest stays, the oldest goes.
    const auto oldest = std::ranges::min_element(peer.sessions, {}, &Session::number);
    (*oldest)->connection->close({ErrorCode::link_lost, "replaced by a newer connection"}, false);
  }
  const bool first = peer.sessions.empty();
  auto session = std::make_unique<Session>();
  session->connection =
      std::make_unique<Connection>(loop_, std::move(upgraded), config_.limits, hooks_.streams, budget_, metrics_);
  session->remote = std::move(remote);
  session->inbound = inbound;
  session->number = next_number_++;
  Session* raw = session.get();
  peer.sessions.push_back(std::move(session));
  ++connections_;
  ++metrics_.connections_opened;
  choose(peer);
  scope_.spawn(serve(raw));
  if (first) hooks_.peer(id, true);
  hooks_.established(*raw);
  return {};
}

bool Swarm::preferred(const Session& a, const Session& b) const {
  if (a.connection->usable() != b.connection->usable()) return a.connection->usable();
  if (a.inbound != b.inbound) {
    // Dialled by the peer with the smaller id. Both ends see it alike.
    const bool we_are_smaller = own_ < a.connection->peer();
    return a.inbound != we_are_smaller;
  }
  return a.number > b.number;
}

void Swarm::choose(Peer& peer) {
  Session* best = nullptr;
  for (const auto& session : peer.sessions) {
    if (session->connection->closed()) continue;
    if (best == nullptr || preferred(*session, *best)) best = session.get();
  }
  peer.current = best;
  for (const auto& session : peer.sessions) {
    if (session.get() == best) {
      session->retired = false;
    } else if (!std::exchange(session->retired, true) && !session->connection->closed()) {
      scope_.spawn(retire(session->connection->link()));
    }
  }
}

io::Task<void> Swarm::retire(std::shared_ptr<Link> link) {
  Duration wait = retire_grace;
  while (link->connection != nullptr) {
    auto closed = co_await link->closed.wait_until(loop_.now() + wait, scope_.token());
    if (closed || closed.error().code == ErrorCode::cancelled || link->connection == nullptr) co_return;
    const Session* in_use = current(link->peer);
    if (in_use != nullptr && in_use->connection.get() == link->connection) co_return;
    if (link->connection->streams() == 0) {
      link->connection->close({ErrorCode::link_lost, "another connection to the peer is in use"}, true);
    }
    wait = std::chrono::seconds(1);
  }
}

io::Task<void> Swarm::serve(Session* session) {
  co_await session->connection->run();
  forget(session);
}

void Swarm::forget(Session* session) {
  const identity::PeerId id = session->connection->peer();
  Peer& peer = peers_.at(id);
  std::erase_if(peer.sessions, [session](const auto& owned) { return owned.get() == session; });
  --connections_;
  ++metrics_.connections_closed;
  choose(peer);
  if (!peer.sessions.empty()) return;
  peers_.erase(id);
  hooks_.peer(id, false);
}

const Session* Swarm::current(const identity::PeerId& peer) const {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return nullptr;
  const Session* best = found->second.current;
  if (best != nullptr && best->connection->usable()) return best;
  // It has just closed, or the peer is going away: another one may be there.
  for (const auto& session : found->second.sessions) {
    if (session->connection->usable()) return session.get();
  }
  return nullptr;
}

std::shared_ptr<Link> Swarm::link(const identity::PeerId& peer) const {
  const Session* session = current(peer);
  return session == nullptr ? nullptr : session->connection->link();
}

void Swarm::disconnect(const identity::PeerId& peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  for (const auto& session : found->second.sessions) {
    session->connection->close({ErrorCode::link_lost, "disconnected here"}, true);
  }
}

std::vector<identity::PeerId> Swarm::peers() const {
  std::vector<identity::PeerId> result;
  for (const auto& [id, peer] : peers_) {
    if (current(id) != nullptr) result.push_back(id);
  }
  return result;
}

std::uint32_t Swarm::streams() const {
  std::uint32_t count = 0;
  for (const auto& [id, peer] : peers_) {
    for (const auto& session : peer.sessions) count += session->connection->streams();
  }
  return count;
}

io::Task<void> Swarm::stop() {
  stopping_ = true;
  scope_.cancel();
  for (const auto& [id, peer] : peers_) {
    for (const auto& session : peer.sessions) {
      session->connection->close({ErrorCode::stopping, "the host is stopping"}, true);
    }
  }
  co_await scope_.join();
}

}  // namespace myelin::libp2p
