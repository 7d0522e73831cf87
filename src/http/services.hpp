// What the handlers of a server share: the node, its token, the figures. And how they reach another loop of the node.
//
// Thread: the figures any; the rest is constant. Lifetime: the server's.
#pragma once

#include "http/exchange.hpp"
#include "io/cancel.hpp"
#include "io/loop.hpp"
#include "io/sync.hpp"
#include "io/task.hpp"
#include "node/node.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace myelin::http {

struct Figures {
  std::atomic<std::uint64_t> connections_opened{0}, connections_refused{0}, requests{0}, bytes_in{0}, bytes_out{0};
  std::array<std::atomic<std::uint64_t>, 6> answers{};  // by the status's first digit
  std::atomic<std::uint32_t> connections{0};
};

struct Services {
  node::Node* node;
  Figures figures;
};

// Runs `work` on `target` and gives its value on `caller` (at once where they are the same). `work` is a plain function
// object.
template <typename T, typename F>
io::Task<T> run_on(io::Loop* target, io::Loop* caller, F work) {
  if (target == caller) co_return work();
  struct Shared {
    std::optional<T> value;
    io::Event done;
    explicit Shared(io::Loop& loop) : done(loop) {}
  };
  auto shared = std::make_shared<Shared>(*caller);  // shared: the posts outlive a frame that is destroyed meanwhile
  target->post([shared, caller, work = std::move(work)]() mutable {
    auto value = std::make_shared<T>(work());
    caller->post([shared, value] {
      shared->value.emplace(std::move(*value));
      shared->done.set();
    });
  });
  co_await shared->done.wait();
  co_return std::move(*shared->value);
}

// The handlers; each answers `exchange` in full. Pointers outlive the task (the connection awaits it).
io::Task<void> serve_call(Services* services, Exchange* exchange);
io::Task<void> serve_open(Services* services,
                          Exchange* exchange);  // /version /status /info /root /healthz /readyz /metrics
io::Task<void> serve_processes(Services* services, Exchange* exchange);  // /v1/processes…
io::Task<void> serve_peers(Services* services, Exchange* exchange);      // /v1/peers…

// Finds the handler of the request and answers 404, 405 or 401 where there is none for it.
io::Task<void> route(Services* services, Exchange* exchange);

// 405 with the verbs that there are.
io::Task<void> refuse_method(Exchange* exchange, std::string allow);
// Answers a request for a path that there is not.
io::Task<void> refuse_path(Exchange* exchange);

// Prometheus text exposition 0.0.4.
io::Task<std::string> metrics_text(Services* services, io::Loop* loop);

}  // namespace myelin::http
