// What the tests of the host share: nodes in a simulated world, with handlers that echo, swallow or stay silent.
#pragma once

#include "base/check.hpp"
#include "io/scope.hpp"
#include "io/simulated.hpp"
#include "io/simulated/testing.hpp"
#include "io/sync.hpp"
#include "libp2p/host.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace myelin::libp2p::testing {

using namespace std::chrono_literals;
using io::simulated::testing::complete;
using io::simulated::testing::Pending;
using StreamResult = Result<std::unique_ptr<Stream>>;

inline constexpr std::uint16_t port = 4001;

inline identity::KeyPair key_of(std::uint8_t number) {
  std::array<std::uint8_t, 32> seed{};
  seed.fill(number);
  return identity::KeyPair::ed25519(seed);
}

inline std::vector<std::string> one(std::string protocol) {
  std::vector<std::string> list;
  list.push_back(std::move(protocol));
  return list;
}

inline Buffer pattern(std::size_t size, std::uint8_t salt) { return io::simulated::testing::pattern(size, salt); }

// Writes back what comes until the end.
inline io::Task<void> echo(std::unique_ptr<Stream> stream) {
  for (;;) {
    auto bytes = co_await stream->read(64 * 1024);
    if (!bytes) co_return;
    if (bytes->empty()) break;
    if (auto written = co_await stream->write(std::move(*bytes)); !written) co_return;
  }
  (void)co_await stream->close_write();
}

inline io::Task<void> send_all(Stream* stream, Buffer bytes, Result<void>* outcome) {
  *outcome = co_await stream->write(std::move(bytes));
  if (*outcome) *outcome = co_await stream->close_write();
}

// Sends `bytes` and the end, reads at the same time, and gives what came back until the end.
inline io::Task<Result<Buffer>> round_trip(io::Loop* loop, Stream* stream, Buffer bytes) {
  io::Scope scope(*loop);
  Result<void> sent;
  scope.spawn(send_all(stream, std::move(bytes), &sent));
  auto answer = co_await io::simulated::testing::read_all(stream);
  co_await scope.join();
  if (!sent) co_return fail(sent.error());
  co_return answer;
}

// One node of the simulated world.
struct Node {
  Node(io::SimulatedWorld& world, std::uint8_t number, HostConfig config = {})
      : address(*io::IpAddress::parse("10.0.0." + std::to_string(number))),
        machine(world.add_host("node" + std::to_string(number), address)),
        loop(machine.add_loop()),
        host(make(loop, number, std::move(config))),
        scope(loop) {}

  static std::unique_ptr<Host> make(io::Loop& loop, std::uint8_t number, HostConfig config) {
    config.key = key_of(number);
    return Host::create(loop, std::move(config));
  }

  void listen() {
    const auto at = Multiaddr::tcp_address({io::IpAddress::any_v4(), port});
    MYELIN_CHECK(host->listen(at).has_value(), "the test's node listens");
  }
  Multiaddr reachable_at() const { return Multiaddr::tcp_address({address, port}).with_peer(host->id()); }
  void serve_echo(std::string protocol = "/echo") {
    host->handle(std::move(protocol), [this](std::unique_ptr<Stream> stream) { scope.spawn(echo(std::move(stream))); });
  }
  // Keeps what comes and never reads it.
  void serve_silence(std::string protocol = "/silence") {
    host->handle(std::move(protocol), [this](std::unique_ptr<Stream> stream) { kept.push_back(std::move(stream)); });
  }

  io::IpAddress address;
  io::SimulatedWorld::Host& machine;
  io::Loop& loop;
  std::unique_ptr<Host> host;
  std::vector<std::unique_ptr<Stream>> kept;
  io::Scope scope;
};

// A world with nodes 1 (a) and 2 (b, listening); both are stopped at the end unless they have crashed.
struct Two {
  explicit Two(std::uint64_t seed = 1, HostConfig of_a = {}, HostConfig of_b = {})
      : world(io::SimulatedWorld::create(seed)), a(*world, 1, std::move(of_a)), b(*world, 2, std::move(of_b)) {
    b.listen();
  }
  Two(const Two&) = delete;
  Two& operator=(const Two&) = delete;
  ~Two() {
    for (Node* node : {&a, &b}) stop(*node);
  }

  void stop(Node& node) {
    if (node.loop.crashed()) return;
    node.kept.clear();
    Pending<bool> stopping(node.loop, stop_host(node.host.get()));
    MYELIN_CHECK(world->run_until([&] { return stopping.scope().running() == 0; }, 1min), "a host did not stop");
    MYELIN_CHECK(world->run_until([&] { return node.scope.running() == 0; }, 1min), "a handler did not end");
  }
  static io::Task<bool> stop_host(Host* host) {
    co_await host->stop();
    co_return true;
  }

  template <typename T>
  T on_a(io::Task<T> task) {
    return complete(*world, a.loop, std::move(task));
  }
  template <typename T>
  T on_b(io::Task<T> task) {
    return complete(*world, b.loop, std::move(task));
  }
  Result<void> connect() { return on_a(a.host->connect(b.reachable_at())); }
  StreamResult open(std::string protocol = "/echo") {
    return on_a(a.host->open(b.host->id(), one(std::move(protocol))));
  }
  bool until(const std::function<bool()>& done, Duration limit = 1min) { return world->run_until(done, limit); }

  std::unique_ptr<io::SimulatedWorld> world;
  Node a;
  Node b;
};

}  // namespace myelin::libp2p::testing
