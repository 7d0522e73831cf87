// What the tests of the simulated world share: running a task to its end, two hosts with a connection, payloads.
#pragma once

#include "io/files.hpp"
#include "io/network.hpp"
#include "io/scope.hpp"
#include "io/simulated.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace myelin::io::simulated::testing {

using namespace std::chrono_literals;

using StreamPtr = std::unique_ptr<TcpStream>;
using Accepted = Result<StreamPtr>;

template <typename T>
Task<void> keep(Task<T> task, std::optional<T>* result) {
  result->emplace(co_await std::move(task));
}

// Runs `task` on `loop` until it ends; aborts the test program if it has not within `limit` of virtual time.
template <typename T>
T complete(SimulatedWorld& world, Loop& loop, Task<T> task, Duration limit = std::chrono::hours(1)) {
  std::optional<T> result;
  Scope scope(loop);
  scope.spawn(keep(std::move(task), &result));
  MYELIN_CHECK(world.run_until([&] { return scope.running() == 0; }, limit), "a task of the test has not ended");
  return std::move(*result);
}

// A task under way, whose end is looked at later.
template <typename T>
class Pending {
 public:
  Pending(Loop& loop, Task<T> task) : scope_(loop) { scope_.spawn(keep(std::move(task), &result_)); }
  bool done() const { return result_.has_value(); }
  T& result() { return *result_; }
  Scope& scope() { return scope_; }

 private:
  std::optional<T> result_;
  Scope scope_;
};

inline Buffer text(std::string_view content) { return Buffer::copy_of(content); }

// `size` bytes that depend on their place.
inline Buffer pattern(std::size_t size, std::uint8_t salt = 0) {
  Buffer bytes = Buffer::allocate(size);
  auto out = bytes.writable();
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 131 + i / 251 + salt);
  return bytes;
}

// All bytes up to the end of the stream.
inline Task<Result<Buffer>> read_all(Stream* stream, std::size_t step = 64 * 1024) {
  Rope all;
  while (true) {
    auto piece = co_await stream->read(step);
    if (!piece) co_return fail(std::move(piece.error()));
    if (piece->empty()) co_return all.flatten();
    all.append(std::move(*piece));
  }
}

inline IpAddress ip(std::string_view textual) { return *IpAddress::parse(textual); }

// Hosts a and b, a loop each, and a listener on b's port 80.
struct Pair {
  explicit Pair(std::uint64_t seed = 1, LinkModel model = {}) : world(SimulatedWorld::create(seed)) {
    world->set_default_link(model);
    host_a = &world->add_host("a", ip("10.0.0.1"));
    host_b = &world->add_host("b", ip("10.0.0.2"));
    a = &host_a->add_loop();
    b = &host_b->add_loop();
    listener = std::move(*b->network().listen({IpAddress::any_v4(), 80}));
  }

  // Fills `near` (on a) and `far` (on b).
  void connect(Duration timeout = std::chrono::minutes(5)) {
    Pending<Accepted> dialing(*a, a->network().dial(server, timeout));
    Pending<Accepted> accepting(*b, listener->accept());
    MYELIN_CHECK(world->run_until([&] { return dialing.done() && accepting.done(); }, std::chrono::hours(1)),
                 "the connection of the test did not open");
    MYELIN_CHECK(dialing.result().has_value() && accepting.result().has_value(), "the test's dial failed");
    near = std::move(*dialing.result());
    far = std::move(*accepting.result());
  }

  template <typename T>
  T on_a(Task<T> task) {
    return complete(*world, *a, std::move(task));
  }
  template <typename T>
  T on_b(Task<T> task) {
    return complete(*world, *b, std::move(task));
  }
  Duration elapsed() const { return world->now().time_since_epoch(); }

  std::unique_ptr<SimulatedWorld> world;
  SimulatedWorld::Host* host_a = nullptr;
  SimulatedWorld::Host* host_b = nullptr;
  Loop* a = nullptr;
  Loop* b = nullptr;
  const SocketAddress server{ip("10.0.0.2"), 80};
  std::unique_ptr<TcpListener> listener;
  StreamPtr near;
  StreamPtr far;
};

}  // namespace myelin::io::simulated::testing
