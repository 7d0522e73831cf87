// What the parts of Glia share: the host and the kernel between which they stand, configuration, budget and counters.
//
// Thread: the host's loop. Lifetime: owned by the Glia; everything referred to outlives it.
#pragma once

#include "glia/glia.hpp"
#include "glia/peer_budget.hpp"
#include "io/cancel.hpp"
#include "io/scope.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace myelin::glia {

struct Context {
  Context(libp2p::Host& h, kernel::Kernel& k, io::Loop& l, Config c)
      : host(h),
        kernel(k),
        loop(l),
        config(std::move(c)),
        budget(std::make_shared<PeerBudget>(config.calls_per_second_per_peer, config.burst_per_peer,
                                            config.calls_per_peer)),
        scope(l) {}

  libp2p::Host& host;
  kernel::Kernel& kernel;
  io::Loop& loop;
  Config config;
  // Shared: requests that the kernel still works on when we are gone give their place back.
  std::shared_ptr<PeerBudget> budget;
  Metrics metrics;
  io::Scope scope;  // all tasks; its token fires at stop
  bool stopping = false;
};

// One call's place in the budget of its peer, given back when it goes.
class Place {
 public:
  // Nothing, with the refusal counted, if the peer has used up its budget.
  static Result<Place> take(Context& context, const identity::PeerId& peer) {
    const auto answer = context.budget->enter(peer, context.loop.now());
    if (answer == PeerBudget::Answer::ok) return Place(context, peer);
    ++(answer == PeerBudget::Answer::too_fast ? context.metrics.refused_rate : context.metrics.refused_limit);
    return fail(to_error(answer));
  }
  Place(Place&& other) noexcept = default;
  Place& operator=(Place&&) = delete;
  ~Place() {
    if (budget_) budget_->leave(peer_, loop_->now());
  }

 private:
  Place(Context& context, identity::PeerId peer)
      : budget_(context.budget), loop_(&context.loop), peer_(std::move(peer)) {}
  std::shared_ptr<PeerBudget> budget_;
  io::Loop* loop_;
  identity::PeerId peer_;
};

// Resets a stream at a time, unless dropped before. The stream outlives it.
class ResetTimer {
 public:
  ResetTimer(io::Loop& loop, Instant when, io::Stream& stream) : loop_(loop) {
    id_ = loop.start_timer(when, [this, &stream] {
      id_ = 0;
      stream.reset();
    });
  }
  ResetTimer(const ResetTimer&) = delete;
  ResetTimer& operator=(const ResetTimer&) = delete;
  ~ResetTimer() {
    if (id_ != 0) loop_.cancel_timer(id_);
  }
  bool fired() const { return id_ == 0; }

 private:
  io::Loop& loop_;
  io::Loop::TimerId id_ = 0;
};

// How long a peer may take to send the request of a stream that it opened, and to close its half after a call's end.
inline constexpr Duration request_time = std::chrono::seconds(10);
inline constexpr Duration linger_time = std::chrono::seconds(5);

}  // namespace myelin::glia
