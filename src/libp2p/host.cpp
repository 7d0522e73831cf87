#include "libp2p/host.hpp"

#include "base/log.hpp"
#include "io/sync.hpp"
#include "libp2p/host_impl.hpp"
#include "libp2p/ping.hpp"

#include <algorithm>
#include <utility>

namespace myelin::libp2p {

namespace {

// How long addresses that a peer told, or that led to it, are kept without being renewed.
constexpr Duration address_lifetime = std::chrono::hours(1);
// After a failed accept (no descriptors): the pause before the next.
constexpr Duration accept_pause = std::chrono::milliseconds(100);

}  // namespace

std::unique_ptr<Host> Host::create(io::Loop& loop, HostConfig config) {
  return std::make_unique<HostImpl>(loop, std::move(config));
}

HostImpl::HostImpl(io::Loop& loop, HostConfig config)
    : loop_(loop),
      config_(std::move(config)),
      id_(config_.key.peer_id()),
      swarm_(loop, SwarmConfig{&config_.key, config_.limits, config_.early_muxer}, swarm_hooks(), metrics_),
      scope_(loop),
      identify_(loop, scope_, swarm_, config_.key, identify_hooks()),
      static_peers_(loop, scope_, swarm_) {
  add_services();
  for (const Multiaddr& address : config_.static_peers) {
    const auto peer = address.peer();
    if (!peer || *peer == id_) {
      log::warn("libp2p", "a static peer is left out: its address names no other peer",
                {{"address", address.to_string()}});
      continue;
    }
    add_addresses(*peer, {address}, true);
    static_peers_.keep(address);
  }
}

HostImpl::~HostImpl() = default;

SwarmHooks HostImpl::swarm_hooks() {
  SwarmHooks hooks;
  hooks.streams.speaks = [this](std::string_view protocol) { return protocols_.speaks(protocol); };
  hooks.streams.accept = [this](std::unique_ptr<Stream> stream) { protocols_.accept(std::move(stream)); };
  hooks.established = [this](const Session& session) {
    if (!session.inbound) remember(session.connection->peer(), {session.remote});
    identify_.ask(session.connection->link());
  };
  hooks.peer = [this](const identity::PeerId& peer, bool connected) { on_peer_changed(peer, connected); };
  return hooks;
}

IdentifyService::Hooks HostImpl::identify_hooks() {
  IdentifyService::Hooks hooks;
  hooks.own = [this] {
    identify::Identity own;
    for (const Multiaddr& address : addresses()) own.addresses.push_back(address.without_peer());
    own.protocols = protocols_.advertised();
    own.agent = config_.agent_version;
    return own;
  };
  hooks.learned = [this](const identity::PeerId& peer, const identify::Identity& identity) {
    // What the peer signed is worth more than what it merely said.
    remember(peer, identity.record ? identity.record->addresses : identity.addresses);
  };
  return hooks;
}

void HostImpl::add_services() {
  protocols_.add(std::string(identify::protocol_id),
                 [this](std::unique_ptr<Stream> stream) { identify_.answer(std::move(stream)); });
  protocols_.add(std::string(identify::push_protocol_id),
                 [this](std::unique_ptr<Stream> stream) { identify_.take_push(std::move(stream)); });
  protocols_.add(std::string(ping::protocol_id), [this](std::unique_ptr<Stream> stream) {
    scope_.spawn(ping::serve(&loop_, std::move(stream), scope_.token()));
  });
}

void HostImpl::on_peer_changed(const identity::PeerId& peer, bool connected) {
  if (!connected) {
    // Its addresses live on from here, so that it can be reached again.
    if (const identify::Identity* known = identify_.find(peer)) remember(peer, known->addresses);
    identify_.forget(peer);
  }
  const auto callbacks = callbacks_;  // one may add another
  for (const auto& callback : callbacks) callback(peer, connected);
}

void HostImpl::remember(const identity::PeerId& peer, const std::vector<Multiaddr>& addresses) {
  const Instant now = loop_.now();
  peerstore_.add(peer, addresses, now + address_lifetime, now);
}

// ---- listening ----

Result<void> HostImpl::listen(Multiaddr at) {
  const auto socket = at.tcp_socket();
  if (!socket) return fail(ErrorCode::bad_request, "not a TCP address to listen at: " + at.to_string());
  if (stopping_) return fail(ErrorCode::stopping, "the host is stopping");
  auto listener = loop_.network().listen(*socket);
  if (!listener) return fail(listener.error());
  listeners_.push_back(std::move(*listener));
  scope_.spawn(accept_loop(listeners_.back().get()));
  identify_.push_soon();
  return {};
}

io::Task<void> HostImpl::accept_loop(io::TcpListener* listener) {
  for (;;) {
    auto socket = co_await listener->accept();
    if (socket) {
      swarm_.accept(std::move(*socket));
      continue;
    }
    if (socket.error().code == ErrorCode::cancelled || stopping_) co_return;
    log::warn("libp2p", "accepting failed", {{"why", to_string(socket.error())}});
    if (auto slept = co_await io::sleep_for(loop_, accept_pause, scope_.token()); !slept) co_return;
  }
}

std::vector<Multiaddr> HostImpl::addresses() const {
  std::vector<Multiaddr> result;
  for (const auto& listener : listeners_) {
    const io::SocketAddress local = listener->local();
    if (!local.ip.is_unspecified()) {
      result.push_back(Multiaddr::tcp_address(local).with_peer(id_));
      continue;
    }
    for (const io::IpAddress& ip : loop_.network().interfaces()) {
      if (ip.family == local.ip.family) result.push_back(Multiaddr::tcp_address({ip, local.port}).with_peer(id_));
    }
  }
  return result;
}

void HostImpl::handle(std::string protocol, Handler handler) {
  protocols_.add(std::move(protocol), std::move(handler));
  identify_.push_soon();
}

void HostImpl::handle_match(std::string advertised, std::function<bool(std::string_view)> matches, Handler handler) {
  protocols_.add_match(std::move(advertised), std::move(matches), std::move(handler));
  identify_.push_soon();
}

// ---- peers ----

void HostImpl::add_addresses(const identity::PeerId& peer, std::vector<Multiaddr> addresses, bool pinned) {
  const Instant now = loop_.now();
  const std::optional<Instant> expires = pinned ? std::nullopt : std::optional(now + address_lifetime);
  peerstore_.add(peer, addresses, expires, now);
}

io::Task<Result<void>> HostImpl::connect(Multiaddr address, io::CancelToken token) {
  const auto peer = address.peer();
  if (!peer) co_return fail(ErrorCode::bad_request, "the address names no peer: " + address.to_string());
  std::vector<Multiaddr> addresses;
  addresses.push_back(std::move(address));
  auto link = co_await swarm_.reach(*peer, std::move(addresses), std::move(token));
  if (!link) co_return fail(link.error());
  co_return Result<void>{};
}

bool HostImpl::speaks(const identity::PeerId& peer, std::string_view protocol) const {
  const identify::Identity* told = identify_.find(peer);
  return told != nullptr && std::ranges::find(told->protocols, protocol) != told->protocols.end();
}

io::Task<Result<std::unique_ptr<Stream>>> HostImpl::open(identity::PeerId peer, std::vector<std::string> protocols,
                                                         io::CancelToken token) {
  return open_stream_to(std::move(peer), std::move(protocols), std::move(token), false);
}

io::Task<Result<std::unique_ptr<Stream>>> HostImpl::open_ahead(identity::PeerId peer,
                                                               std::vector<std::string> protocols,
                                                               io::CancelToken token) {
  return open_stream_to(std::move(peer), std::move(protocols), std::move(token), true);
}

io::Task<Result<std::unique_ptr<Stream>>> HostImpl::open_stream_to(identity::PeerId peer,
                                                                   std::vector<std::string> protocols,
                                                                   io::CancelToken token, bool ahead) {
  for (bool retried = false;; retried = true) {
    auto link = co_await swarm_.reach(peer, peerstore_.addresses(peer, loop_.now()), token);
    if (!link) co_return fail(link.error());
    const bool known = ahead && !protocols.empty() && speaks(peer, protocols.front());
    auto stream =
        co_await (known ? open_known_stream(*link, protocols.front(), config_.limits.negotiation_timeout, token)
                        : open_stream(*link, protocols, config_.limits.negotiation_timeout, token));
    // The peer took no more streams on that connection: once, on a new one.
    const bool again = !stream && stream.error().code == ErrorCode::stopping && !retried && !stopping_;
    if (!again) co_return stream;
  }
}

io::Task<Result<Duration>> HostImpl::ping(identity::PeerId peer, io::CancelToken token) {
  std::vector<std::string> protocols;
  protocols.emplace_back(ping::protocol_id);
  auto stream = co_await open(std::move(peer), std::move(protocols), token);
  if (!stream) co_return fail(stream.error());
  co_return co_await ping::measure(&loop_, std::move(*stream), std::move(token));
}

PeerInfo HostImpl::describe(const identity::PeerId& peer) const {
  PeerInfo info;
  info.id = peer;
  info.addresses = peerstore_.addresses(peer, loop_.now());
  if (const Session* session = swarm_.current(peer)) {
    info.connected = true;
    info.inbound = session->inbound;
    info.remote = session->remote;
    info.round_trip = session->connection->round_trip();
    info.streams = session->connection->streams();
  }
  if (const identify::Identity* identity = identify_.find(peer)) {
    info.agent_version = identity->agent;
    info.protocols = identity->protocols;
  }
  return info;
}

std::vector<PeerInfo> HostImpl::peers() const {
  std::vector<identity::PeerId> ids = peerstore_.peers(loop_.now());
  for (const identity::PeerId& peer : swarm_.peers()) ids.push_back(peer);
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  std::vector<PeerInfo> result;
  for (const identity::PeerId& peer : ids) result.push_back(describe(peer));
  return result;
}

HostMetrics HostImpl::metrics() const {
  HostMetrics result = metrics_;
  result.connections = swarm_.connections();
  result.streams = swarm_.streams();
  return result;
}

void HostImpl::on_peer(std::function<void(const identity::PeerId&, bool)> callback) {
  callbacks_.push_back(std::move(callback));
}

io::Task<void> HostImpl::stop() {
  stopping_ = true;
  for (const auto& listener : listeners_) listener->close();
  scope_.cancel();
  co_await swarm_.stop();
  co_await scope_.join();
}

}  // namespace myelin::libp2p
