#include "libp2p/dial.hpp"

#include "io/network.hpp"
#include "io/scope.hpp"
#include "io/sync.hpp"

#include <optional>
#include <utility>

namespace myelin::libp2p {

namespace {

// Attempts end by their own limits, which come long before.
constexpr Duration no_deadline = std::chrono::hours(24);

// How far an attempt came, for choosing which error to tell.
int progress(ErrorCode code) {
  switch (code) {
    case ErrorCode::protocol:
      return 5;
    case ErrorCode::unsupported:
      return 4;
    case ErrorCode::link_lost:
      return 3;
    case ErrorCode::timeout:
      return 2;
    case ErrorCode::offline:
      return 1;
    default:
      return 0;
  }
}

// The attempts of one dial. Lives in the frame of dial(), which joins the scope before it ends.
struct Race {
  Race(io::Loop& l, DialRequest r) : loop(l), request(std::move(r)), changed(l), attempts(l) {}

  io::Loop& loop;
  DialRequest request;
  std::optional<Dialed> winner;
  std::optional<Error> error;
  std::size_t running = 0;
  io::Event changed;
  io::Scope attempts;

  void failed(Error why) {
    if (!error || progress(why.code) > progress(error->code)) error = std::move(why);
  }
};

io::Task<void> attempt(Race* race, Candidate candidate) {
  auto socket = co_await race->loop.network().dial(candidate.socket, connect_timeout, race->attempts.token());
  if (!socket) {
    race->failed(socket.error());
  } else {
    UpgradeRequest request;
    request.key = race->request.key;
    request.expected = race->request.peer;
    request.early_muxer = race->request.early_muxer;
    request.deadline = race->loop.now() + race->request.handshake_timeout;
    request.token = race->attempts.token();
    auto upgraded = co_await upgrade(&race->loop, std::move(*socket), std::move(request));
    if (!upgraded) {
      race->failed(upgraded.error());
    } else if (!race->winner) {
      race->winner = Dialed{std::move(*upgraded), std::move(candidate.address)};
    }
  }
  --race->running;
  race->changed.set();
}

}  // namespace

io::Task<Result<Dialed>> dial(io::Loop* loop, std::vector<Candidate> candidates, DialRequest request) {
  const io::CancelToken token = request.token;
  Race race(*loop, std::move(request));
  bool cancelled = false;
  for (std::size_t next = 0; !race.winner && !cancelled && (next < candidates.size() || race.running > 0);) {
    race.changed.reset();
    const bool more = next < candidates.size();
    if (more) {
      ++race.running;
      race.attempts.spawn(attempt(&race, std::move(candidates[next++])));
    }
    const Instant until = more && next < candidates.size() ? loop->now() + attempt_delay : loop->now() + no_deadline;
    auto waited = co_await race.changed.wait_until(until, token);
    cancelled = !waited && waited.error().code == ErrorCode::cancelled;
  }
  race.attempts.cancel();
  co_await race.attempts.join();
  if (race.winner) co_return std::move(*race.winner);
  if (cancelled) co_return fail(ErrorCode::cancelled, "cancelled");
  co_return fail(race.error.value_or(Error{ErrorCode::offline, "no address answers"}));
}

}  // namespace myelin::libp2p
