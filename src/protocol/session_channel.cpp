#include "protocol/session_channel.hpp"

#include "io/sync.hpp"
#include "protocol/wire_w0.hpp"

#include <utility>
#include <vector>

namespace myelin::protocol {

namespace {

// After an accept that failed for want of descriptors.
constexpr Duration accept_pause = std::chrono::milliseconds(50);

Host host_of(const io::SocketAddress& address) { return {address.ip.to_string(), address.port}; }

// The port may still be 0; it does not matter for what can be named.
Wire namable_wire(const Host& self, Wire configured) {
  return configured == Wire::w0 && !w0::can_name(Host{self.name, 1}) ? Wire::w3 : configured;
}

}  // namespace

SessionChannel::SessionChannel(io::Loop& loop, Host self, ChannelOptions options, ChannelLog log)
    : StreamChannel(loop, namable_wire(self, options.wire), options, std::move(log)), self_(std::move(self)) {}

SessionChannel::~SessionChannel() = default;

Result<void> SessionChannel::listen() {
  const auto ip = io::IpAddress::parse(self_.name);
  if (!ip) return fail(ErrorCode::bad_request, "self is '" + self_.to_string() + "', which is no IP address");
  if (ip->is_unspecified()) return fail(ErrorCode::bad_request, "self is an address that others can't reach");
  auto listener = loop().network().listen({*ip, self_.port});
  if (!listener) return fail(std::move(listener.error()));
  listener_ = std::move(*listener);
  self_ = {ip->to_string(), listener_->local().port};
  log("transport", LogLevel::info, "listening", {{"self", self_}, {"transport", "tcp"}});
  spawn(accept_all());
  return {};
}

void SessionChannel::close_listener() {
  if (listener_) listener_->close();
}

io::Task<void> SessionChannel::accept_all() {
  while (!stopping()) {
    auto socket = co_await listener_->accept();
    if (!socket) {
      if (socket.error().code == ErrorCode::cancelled) break;
      log("transport", LogLevel::error, "accept failed", {{"why", to_string(socket.error())}});
      (void)co_await io::sleep_for(loop(), accept_pause, token());
      continue;
    }
    io::TcpStream* tcp = socket->get();
    Host remote = host_of(tcp->remote());
    adopt({std::move(*socket), tcp, std::move(remote)});
  }
  listener_.reset();
}

io::Task<Result<StreamChannel::Opened>> SessionChannel::open(Host to, io::CancelToken token) {
  const Instant deadline = loop().now() + options().dial_timeout;
  if (to.port == 0) co_return fail(ErrorCode::bad_request, "'" + to.to_string() + "' has no port");
  std::vector<io::IpAddress> addresses;
  if (const auto ip = io::IpAddress::parse(to.name)) {
    addresses.push_back(*ip);
  } else {
    auto found = co_await loop().network().resolve(to.name, options().dial_timeout, token);
    if (!found) co_return fail(std::move(found.error()));
    addresses = std::move(*found);
  }
  Error why{ErrorCode::offline, "'" + to.name + "' has no address"};
  for (const io::IpAddress& address : addresses) {
    const Duration left = deadline - loop().now();
    if (left <= Duration::zero()) co_return fail(ErrorCode::timeout, "the dial took too long");
    auto socket = co_await loop().network().dial({address, to.port}, left, token);
    if (socket) {
      io::TcpStream* tcp = socket->get();
      Host remote = host_of(tcp->remote());
      co_return Opened{std::move(*socket), tcp, std::move(remote)};
    }
    why = std::move(socket.error());
    if (why.code == ErrorCode::cancelled) break;
  }
  co_return fail(std::move(why));
}

SessionMachine SessionChannel::outbound_machine(const Host& to, Wire wire) {
  return SessionMachine::dialler(wire, self_, to, handshake_deadline());
}

SessionMachine SessionChannel::inbound_machine(const Opened&) { return SessionMachine::acceptor(handshake_deadline()); }

}  // namespace myelin::protocol
