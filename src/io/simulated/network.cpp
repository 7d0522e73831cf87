#include "io/simulated/network.hpp"

#include "io/simulated/tcp.hpp"
#include "io/sync.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

namespace myelin::io::simulated {

namespace {

constexpr std::uint16_t first_listen_port = 49152;
constexpr int listen_ports = 65536 - first_listen_port;

// A time-out may be as long as a Duration can be.
Instant deadline(Instant now, Duration timeout) {
  return timeout > Instant::max() - now ? Instant::max() : now + timeout;
}

// A dial that its frame leaves, for whatever reason, tells the connection nothing any more.
class Opening {
 public:
  Opening(std::shared_ptr<Connection> connection, Event& done) : socket_(std::move(connection), End::dialer) {
    socket_.connection()->on_opened([&done] { done.set(); });
  }
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  ~Opening() {
    if (socket_) socket_.connection()->on_opened({});
  }
  std::optional<Result<void>> outcome() const { return socket_.connection()->opened(); }
  Socket take() { return std::move(socket_); }

 private:
  Socket socket_;
};

std::optional<std::uint16_t> free_port(Machine& machine, const IpAddress& ip) {
  for (int tries = 0; tries < listen_ports; ++tries) {
    const std::uint16_t port = machine.next_listen_port;
    machine.next_listen_port = port == UINT16_MAX ? first_listen_port : static_cast<std::uint16_t>(port + 1);
    if (!machine.in_use({ip, port})) return port;
  }
  return std::nullopt;
}

}  // namespace

Task<Result<std::unique_ptr<TcpStream>>> SimulatedNetwork::dial(SocketAddress to, Duration timeout, CancelToken token) {
  if (token.fired()) co_return fail(ErrorCode::cancelled, "the dial was cancelled");
  Event done(loop_);
  Opening opening(Connection::dial(fabric_, machine_, loop_, to), done);
  const auto waited = co_await done.wait_until(deadline(loop_.now(), timeout), std::move(token));
  const auto outcome = opening.outcome();
  if (!waited && (waited.error().code == ErrorCode::cancelled || !outcome)) {
    co_return fail(waited.error().code, "dial " + to.to_string() + ": " + waited.error().message);
  }
  if (!*outcome) co_return fail(outcome->error().code, "dial " + to.to_string() + ": " + outcome->error().message);
  co_return std::make_unique<SimulatedStream>(opening.take(), loop_);
}

Result<std::unique_ptr<TcpListener>> SimulatedNetwork::listen(SocketAddress at) {
  if (machine_.crashed) return fail(ErrorCode::io, "the host has crashed");
  if (!machine_.owns(at.ip)) {
    return fail(ErrorCode::io, "listen " + at.to_string() + ": not an address of this host", EADDRNOTAVAIL);
  }
  if (at.port == 0) {
    const auto port = free_port(machine_, at.ip);
    if (!port) return fail(ErrorCode::io, "listen " + at.to_string() + ": no port is free", EADDRINUSE);
    at.port = *port;
  } else if (machine_.in_use(at)) {
    return fail(ErrorCode::conflict, "listen " + at.to_string() + ": in use", EADDRINUSE);
  }
  auto state = std::make_shared<ListenerState>();
  state->loop = &loop_;
  state->machine = &machine_;
  state->local = at;
  machine_.listeners.emplace(at, state);
  fabric_.note(machine_.name, "listens " + at.to_string());
  return std::make_unique<SimulatedListener>(std::move(state));
}

Result<std::unique_ptr<TcpStream>> SimulatedNetwork::attach(std::unique_ptr<DetachedSocket> socket) {
  auto* detached = dynamic_cast<SimulatedDetached*>(socket.get());
  if (detached == nullptr || !detached->socket()) return fail(ErrorCode::io, "not a socket of this world");
  if (detached->socket().connection()->machine(detached->socket().end()) != &machine_) {
    return fail(ErrorCode::io, "a socket of another host");
  }
  return std::make_unique<SimulatedStream>(std::move(detached->socket()), loop_);
}

Task<Result<void>> SimulatedNetwork::ask_resolver(Duration timeout, CancelToken token) {
  auto waited = co_await sleep_for(loop_, std::min(timeout, resolve_delay), std::move(token));
  if (!waited) co_return fail(ErrorCode::cancelled, "the look-up was cancelled");
  if (timeout < resolve_delay) co_return fail(ErrorCode::timeout, "the resolver did not answer in time");
  co_return Result<void>{};
}

Task<Result<std::vector<IpAddress>>> SimulatedNetwork::resolve(std::string host, Duration timeout, CancelToken token) {
  const auto asked = co_await ask_resolver(timeout, std::move(token));
  if (!asked) co_return fail(asked.error());
  co_return names_.addresses(host);
}

Task<Result<std::vector<std::string>>> SimulatedNetwork::resolve_txt(std::string name, Duration timeout,
                                                                     CancelToken token) {
  const auto asked = co_await ask_resolver(timeout, std::move(token));
  if (!asked) co_return fail(asked.error());
  co_return names_.txt(name);
}

std::vector<IpAddress> SimulatedNetwork::interfaces() {
  const bool v4 = machine_.address.family == IpAddress::Family::v4;
  return {v4 ? IpAddress::loopback_v4() : IpAddress::loopback_v6(), machine_.address};
}

}  // namespace myelin::io::simulated
