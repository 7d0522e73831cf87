// /v1/peers: list, connect, ping. The host lives on one loop; its answers come back to the connection's.
#include "http/json.hpp"
#include "http/services.hpp"
#include "io/scope.hpp"

#include <memory>

namespace myelin::http {
namespace {

constexpr std::string_view base_path = "/v1/peers";
constexpr std::size_t max_small_body = 64 * 1024;

// Runs a coroutine of the host on its loop and gives its value on the caller's; the host's scope owns it meanwhile.
template <typename T>
struct Errand {
  io::Loop* caller;
  std::optional<T> value;
  io::Event done;
  std::unique_ptr<io::Scope> scope;  // on the host's loop
  explicit Errand(io::Loop& loop) : caller(&loop), done(loop) {}
};

template <typename T>
io::Task<void> carry(std::shared_ptr<Errand<T>> errand, io::Loop* host_loop, io::Task<T> task) {
  auto value = std::make_shared<T>(co_await std::move(task));
  errand->caller->post([errand, host_loop, value] {
    errand->value.emplace(std::move(*value));
    errand->done.set();
    // In a later turn of the host's loop: the scope's only task has ended by then.
    host_loop->post([errand] { errand->scope.reset(); });
  });
}

template <typename T, typename F>
io::Task<T> on_host(node::Node* node, io::Loop* caller, F make_task) {
  auto errand = std::make_shared<Errand<T>>(*caller);  // shared between the two loops until both are done
  io::Loop* host_loop = &node->host_loop();
  host_loop->post([errand, host_loop, node, make_task = std::move(make_task)]() mutable {
    errand->scope = std::make_unique<io::Scope>(*host_loop);
    errand->scope->spawn(carry<T>(errand, host_loop, make_task(node->host())));
  });
  co_await errand->done.wait();
  co_return std::move(*errand->value);
}

io::Task<void> list(Services* services, Exchange* exchange) {
  node::Node* node = services->node;
  auto peers = co_await run_on<std::vector<libp2p::PeerInfo>>(&node->host_loop(), &exchange->loop(),
                                                              [node] { return node->host().peers(); });
  co_await exchange->respond_json(200, peers_json(peers));
}

io::Task<void> connect(Services* services, Exchange* exchange) {
  Result<Buffer> body = co_await exchange->read_whole(max_small_body);
  if (!body) {
    co_await exchange->respond_error(body.error());
    co_return;
  }
  const std::optional<std::string> text = string_member(as_text(body->view()), "address");
  Result<libp2p::Multiaddr> address = fail(ErrorCode::bad_request, "the body is {\"address\": \"/ip4/…/tcp/…/p2p/…\"}");
  if (text) address = libp2p::Multiaddr::parse(*text);
  if (!address) {
    co_await exchange->respond_error(address.error());
    co_return;
  }
  node::Node* node = services->node;
  Result<void> connected = co_await on_host<Result<void>>(
      node, &exchange->loop(), [to = *address](libp2p::Host& host) { return host.connect(to); });
  if (!connected) {
    co_await exchange->respond_error(connected.error());
    co_return;
  }
  auto peers = co_await run_on<std::vector<libp2p::PeerInfo>>(&node->host_loop(), &exchange->loop(),
                                                              [node] { return node->host().peers(); });
  const std::optional<identity::PeerId> id = address->peer();
  for (const libp2p::PeerInfo& peer : peers) {
    if (id && peer.id == *id) {
      co_await exchange->respond_json(200, peer_json(peer));
      co_return;
    }
  }
  co_await exchange->respond_error(Error{ErrorCode::link_lost, "the connection broke at once"});
}

io::Task<void> ping(Services* services, Exchange* exchange, std::string text) {
  Result<identity::PeerId> peer = identity::PeerId::parse(text);
  if (!peer) {
    co_await exchange->respond_error(peer.error());
    co_return;
  }
  Result<Duration> round_trip = co_await on_host<Result<Duration>>(
      services->node, &exchange->loop(), [to = *peer](libp2p::Host& host) { return host.ping(to); });
  if (!round_trip) {
    co_await exchange->respond_error(round_trip.error());
    co_return;
  }
  co_await exchange->respond_json(200, ping_json(*round_trip));
}

}  // namespace

io::Task<void> serve_peers(Services* services, Exchange* exchange) {
  const std::string method = exchange->request().method;
  const std::string path = exchange->request().path;
  if (path == base_path) {
    if (method == "GET") {
      co_await list(services, exchange);
    } else if (method == "POST") {
      co_await connect(services, exchange);
    } else {
      co_await refuse_method(exchange, "GET, POST");
    }
    co_return;
  }
  const std::string rest = path.substr(base_path.size() + 1);
  const std::size_t slash = rest.find('/');
  if (slash == std::string::npos || rest.substr(slash + 1) != "ping") {
    co_await refuse_path(exchange);
  } else if (method != "POST") {
    co_await refuse_method(exchange, "POST");
  } else {
    co_await ping(services, exchange, rest.substr(0, slash));
  }
}

}  // namespace myelin::http
