#include "http/server.hpp"

#include "base/check.hpp"
#include "base/log.hpp"
#include "base/units.hpp"
#include "http/connection.hpp"
#include "http/guard.hpp"
#include "http/services.hpp"
#include "io/scope.hpp"

#include <algorithm>
#include <list>
#include <vector>

namespace myelin::http {
namespace {

// "127.0.0.1:2080", "[::1]:2080", "localhost:2080".
Result<io::SocketAddress> listen_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return fail(ErrorCode::bad_request, "http.listen is host:port, not '" + text + "'");
  std::string host = text.substr(0, colon);
  const std::optional<std::uint64_t> port = parse_number(text.substr(colon + 1));
  if (host == "localhost") host = "127.0.0.1";
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const std::optional<io::IpAddress> ip = io::IpAddress::parse(host);
  if (!ip || !port || *port > 65535)
    return fail(ErrorCode::bad_request, "http.listen is host:port, not '" + text + "'");
  return io::SocketAddress{*ip, static_cast<std::uint16_t>(*port)};
}

// The connections of one shard. Everything on the shard's loop.
class Shard {
 public:
  Shard(io::Loop& loop, Services& services, const Guard& guard, std::uint32_t max_connections)
      : loop_(loop), services_(services), guard_(guard), max_connections_(max_connections), scope_(loop) {}

  io::Loop& loop() const { return loop_; }

  void take(std::unique_ptr<io::TcpStream> stream) {
    if (stopping_ || (connections_.size() >= max_connections_ && !evict())) {
      services_.figures.connections_refused.fetch_add(1, std::memory_order_relaxed);
      stream->reset();
      return;
    }
    connections_.push_back(std::make_unique<Connection>(loop_, std::move(stream), services_, guard_));
    scope_.spawn(serve(std::prev(connections_.end())));
  }

  // Idle connections go at once, busy ones after their answer, all at `deadline`.
  io::Task<void> stop(Instant deadline) {
    stopping_ = true;
    for (auto& connection : connections_) connection->finish();
    const io::Loop::TimerId timer = loop_.start_timer(deadline, [this] {
      for (auto& connection : connections_) connection->reset();
    });
    co_await scope_.join();
    loop_.cancel_timer(timer);
  }

  // The same from a post: `done` is called on this shard's loop when nothing is left.
  void stop_apart(Duration limit, io::Callback done) {
    stopper_ = std::make_unique<io::Scope>(loop_);
    stopper_->spawn(stop_and_tell(limit, std::move(done)));
  }

 private:
  io::Task<void> stop_and_tell(Duration limit, io::Callback done) {
    co_await stop(loop_.now() + limit);
    // In a later turn: this task, the stopper's only one, has ended by then.
    loop_.post([this, done = std::move(done)]() mutable {
      stopper_.reset();
      done();
    });
  }

  using Place = std::list<std::unique_ptr<Connection>>::iterator;

  io::Task<void> serve(Place place) {
    services_.figures.connections_opened.fetch_add(1, std::memory_order_relaxed);
    services_.figures.connections.fetch_add(1, std::memory_order_relaxed);
    co_await (*place)->run();
    connections_.erase(place);
    services_.figures.connections.fetch_sub(1, std::memory_order_relaxed);
  }

  // Makes room by closing the oldest connection that waits for a request: slow and half-open clients never keep others
  // out.
  bool evict() {
    for (auto& connection : connections_) {
      if (connection->idle()) {
        connection->finish();
        services_.figures.connections_refused.fetch_add(1, std::memory_order_relaxed);
        return true;
      }
    }
    return false;
  }

  io::Loop& loop_;
  Services& services_;
  const Guard& guard_;
  std::size_t max_connections_;
  std::list<std::unique_ptr<Connection>> connections_;
  bool stopping_ = false;
  io::Scope scope_;
  std::unique_ptr<io::Scope> stopper_;
};

// Counts the other shards that have stopped, on the first one's loop.
struct Rest {
  io::Loop& loop;
  std::size_t left;
  io::Event done;
  Rest(io::Loop& home, std::size_t count) : loop(home), left(count), done(home) {
    if (left == 0) done.set();
  }
  void one_stopped() {
    if (--left == 0) done.set();
  }
};

class ServerImpl : public Server {
 public:
  ServerImpl(node::Node& node, std::unique_ptr<io::TcpListener> listener)
      : services_{&node, {}},
        guard_(node.config().http, node.token()),
        listener_(std::move(listener)),
        accepting_(*node.shards().front()) {
    const auto count = static_cast<std::uint32_t>(node.shards().size());
    const std::uint32_t each = std::max<std::uint32_t>(1, (node.config().http.max_connections + count - 1) / count);
    for (io::Loop* loop : node.shards()) shards_.push_back(std::make_unique<Shard>(*loop, services_, guard_, each));
    accepting_.spawn(accept());
  }

  io::SocketAddress address() const override { return listener_->local(); }

  io::Task<void> stop(Duration limit) override {
    io::Loop& loop = shards_.front()->loop();
    listener_->close();
    co_await accepting_.join();
    auto rest = std::make_shared<Rest>(loop, shards_.size() - 1);  // shared with the posts between the loops
    for (std::size_t i = 1; i < shards_.size(); ++i) {
      Shard* shard = shards_[i].get();
      shard->loop().post([shard, limit, rest] {
        shard->stop_apart(limit, [rest] { rest->loop.post([rest] { rest->one_stopped(); }); });
      });
    }
    co_await shards_.front()->stop(loop.now() + limit);
    co_await rest->done.wait();
  }

 private:
  io::Task<void> accept() {
    io::Loop& loop = shards_.front()->loop();
    for (std::size_t next = 0;; ++next) {
      Result<std::unique_ptr<io::TcpStream>> stream = co_await listener_->accept();
      if (!stream) {
        if (stream.error().code == ErrorCode::cancelled) co_return;
        log::warn("http", "accept failed", {{"error", to_string(stream.error())}});
        (void)co_await io::sleep_for(loop, std::chrono::milliseconds(100));
        continue;
      }
      Shard* shard = shards_[next % shards_.size()].get();
      if (&shard->loop() == &loop) {
        shard->take(std::move(*stream));
        continue;
      }
      shard->loop().post([shard, socket = (*stream)->detach()]() mutable {
        Result<std::unique_ptr<io::TcpStream>> attached = shard->loop().network().attach(std::move(socket));
        if (attached) shard->take(std::move(*attached));
      });
    }
  }

  Services services_;
  Guard guard_;
  std::unique_ptr<io::TcpListener> listener_;
  std::vector<std::unique_ptr<Shard>> shards_;
  io::Scope accepting_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(node::Node& node) {
  Result<io::SocketAddress> at = listen_address(node.config().http.listen);
  if (!at) return fail(at.error());
  if (!at->ip.is_loopback() && !node.config().http.insecure_http) {
    return fail(ErrorCode::forbidden, "the HTTP API is not encrypted: to listen on " + at->to_string() +
                                          ", which others can reach, say --insecure-http");
  }
  Result<std::unique_ptr<io::TcpListener>> listener = node.shards().front()->network().listen(*at);
  if (!listener) return fail(listener.error());
  return std::make_unique<ServerImpl>(node, std::move(*listener));
}

}  // namespace myelin::http
