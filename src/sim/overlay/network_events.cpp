// Network's events: what happens when something arrives.
#include "base/check.hpp"
#include "sim/overlay/network.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>

namespace myelin::sim::overlay {
namespace {

Error error_of(std::uint8_t code) { return {static_cast<ErrorCode>(code), {}}; }

}  // namespace

void Network::handle(NodeIndex node, EventBody body) {
  switch (body.kind) {
    case EventKind::message:
      return on_message(node, body);
    case EventKind::dial:
      return on_dial(node, body);
    case EventKind::accept:
      return on_accept(node, body);
    case EventKind::refuse:
    case EventKind::expire:
      if (const Session* session = valid(body); session != nullptr && session->state[0] == State::dialling)
        dial_failed(node, body.session, body.kind == EventKind::refuse ? ErrorCode::offline : ErrorCode::timeout);
      return;
    case EventKind::end:
      return on_end(node, body);
    case EventKind::writable:
      return on_writable(node, body);
    case EventKind::stall:
      return on_stall(node, body);
    case EventKind::told:
      return on_told(node, body);
    case EventKind::retry:
      return on_retry(node, body);
    case EventKind::wake:
    case EventKind::node:
      break;
  }
  MYELIN_CHECK(false, "an event of the engine's was given to the network");
}

void Network::connected(NodeIndex node, NodeIndex peer) {
  retries_.erase({node, peer});
  ++records_.counters.link_events;
  if (records_.trace.on()) records_.trace.session("connected", host(node).to_string(), host(peer).to_string());
  nodes_[node].events->session_connected(host(peer));
}

void Network::disconnected(NodeIndex node, NodeIndex peer, ErrorCode why) {
  ++records_.counters.link_events;
  if (records_.trace.on())
    records_.trace.session("disconnected", host(node).to_string(), host(peer).to_string(), myelin::name(why));
  nodes_[node].events->session_disconnected(host(peer), {why, {}});
}

void Network::failed(NodeIndex node, NodeIndex peer, ErrorCode why) {
  ++records_.counters.link_events;
  if (records_.trace.on())
    records_.trace.session("failed", host(node).to_string(), host(peer).to_string(), myelin::name(why));
  nodes_[node].events->session_failed(host(peer), {why, {}});
}

void Network::given_up(NodeIndex node, NodeIndex peer, unsigned attempts) {
  ++records_.counters.link_events;
  if (records_.trace.on()) records_.trace.session("given_up", host(node).to_string(), host(peer).to_string());
  nodes_[node].events->session_given_up(host(peer), attempts);
}

void Network::on_dial(NodeIndex node, const EventBody& body) {
  Session* session = valid(body);
  if (session == nullptr) return;  // the dialler has thought better of it
  const NodeIndex peer = session->node[0];
  if (!is_open(node)) {
    if (cut(node, peer)) {
      push(body.session, 0, EventKind::expire, now_ + options_.dial_timeout.count(), {});
    } else {
      signal(body.session, 0, EventKind::refuse);
    }
    return;
  }
  const std::uint32_t other = nodes_[node].table.find(peer);
  if (other != PeerTable::none) {
    const unsigned side = side_of(sessions_[other], node);
    if (sessions_[other].state[side] == State::dialling) {
      if (node < peer) {  // ours is kept; should it be lost, both dials end in time
        push(body.session, 0, EventKind::expire, now_ + options_.dial_timeout.count(), {});
        return;
      }
      close_side(other, side);
    } else {  // the peer has lost that one, or it would not dial
      close_side(other, side);
      disconnected(node, peer, ErrorCode::link_lost);
    }
  }
  accept(node, peer, body.session);
}

void Network::accept(NodeIndex node, NodeIndex peer, std::uint32_t index) {
  sessions_[index].state[1] = State::up;
  nodes_[node].table.set(peer, index);
  if (cut(node, peer)) {
    push(index, 0, EventKind::expire, now_ + options_.dial_timeout.count(), {});
  } else {
    signal(index, 0, EventKind::accept);
  }
  connected(node, peer);
}

void Network::on_accept(NodeIndex node, const EventBody& body) {
  Session* session = valid(body);
  if (session == nullptr) return;
  if (session->state[0] == State::dialling) {
    session->state[0] = State::up;
    connected(node, session->node[1]);
  } else {
    end_other(body.session, 1, ErrorCode::link_lost);
  }
}

void Network::dial_failed(NodeIndex node, std::uint32_t index, ErrorCode why) {
  const NodeIndex dialled = sessions_[index].node[1];
  end_other(index, 1, ErrorCode::link_lost);
  close_side(index, 0);
  const NodeIndex peer = number(Host(host(dialled)));  // it may be there by now
  Retry& retry = retries_[{node, peer}];
  ++retry.attempts;
  const unsigned attempts = retry.attempts;
  const bool again = options_.retry.max_attempts == 0 || attempts < options_.retry.max_attempts;
  if (again) {
    plan_retry(node, peer, retry);
  } else {
    retries_.erase({node, peer});
  }
  failed(node, peer, why);
  if (!again) {
    given_up(node, peer, attempts);
  }
}

void Network::plan_retry(NodeIndex node, NodeIndex peer, Retry& retry) {
  double delay = static_cast<double>(options_.retry.initial.count());
  const auto most = static_cast<double>(options_.retry.maximum.count());
  for (unsigned i = 1; i < retry.attempts && delay < most; ++i) delay *= options_.retry.factor;
  delay = std::min(delay, most);
  const double unit = static_cast<double>(random_.next() >> 11) * 0x1p-53;
  delay *= 1 + options_.retry.jitter * (unit - 0.5);
  retry.ticket = ++tickets_;
  EventBody body;
  body.kind = EventKind::retry;
  body.generation = nodes_[node].life;
  body.peer = peer;
  body.id = retry.ticket;
  const std::int64_t at = now_ + std::max<std::int64_t>(static_cast<std::int64_t>(delay), 1);
  queue_.push(at, salt(peer, node, at), node, std::move(body));
}

void Network::on_retry(NodeIndex node, const EventBody& body) {
  if (!is_open(node) || body.generation != nodes_[node].life) return;
  const NodeIndex peer = number(Host(host(body.peer)));
  const auto retry = retries_.find({node, peer});
  if (retry == retries_.end() || retry->second.ticket != body.id) return;
  retry->second.ticket = 0;
  if (nodes_[node].table.find(peer) == PeerTable::none) dial(node, peer);
}

void Network::on_end(NodeIndex node, const EventBody& body) {
  const Session* session = valid(body);
  if (session == nullptr || session->state[body.side] != State::up) return;
  const NodeIndex peer = session->node[1 - body.side];
  const bool dialled = body.side == 0;
  close_side(body.session, body.side);
  if (options_.retry.after_disconnect && dialled) plan_retry(node, peer, retries_[{node, peer}]);
  disconnected(node, peer, static_cast<ErrorCode>(body.error));
}

void Network::on_writable(NodeIndex node, const EventBody& body) {
  Session* session = valid(body);
  if (session == nullptr || session->state[body.side] != State::up) return;
  session->flow[body.side] = Session::Flow::open;
  nodes_[node].events->session_writable(host(session->node[1 - body.side]));
}

void Network::on_stall(NodeIndex node, const EventBody& body) {
  Session* session = valid(body);
  if (session == nullptr || !session->stalling[body.side]) return;
  session->stalling[body.side] = false;
  const NodeIndex peer = session->node[1 - body.side];
  if (session->state[body.side] != State::up || (!cut(node, peer) && !cut(peer, node))) return;
  end_other(body.session, 1 - body.side, ErrorCode::link_lost);
  const bool dialled = body.side == 0;
  close_side(body.session, body.side);
  if (options_.retry.after_disconnect && dialled) plan_retry(node, peer, retries_[{node, peer}]);
  disconnected(node, peer, ErrorCode::timeout);
}

void Network::on_told(NodeIndex node, const EventBody& body) {
  Node& at = nodes_[node];
  if (!is_open(node) || body.generation != at.life) return;
  ChannelEvents& events = *at.events;
  const Host& peer = host(body.peer);
  switch (body.told) {
    case Told::disconnected:
      return disconnected(node, body.peer, static_cast<ErrorCode>(body.error));
    case Told::failed:
      return failed(node, body.peer, static_cast<ErrorCode>(body.error));
    case Told::given_up:
      return given_up(node, body.peer, static_cast<unsigned>(body.id));
    case Told::blocked:
      return events.session_blocked(peer);
    case Told::sent:
      return events.sent(body.id);
    case Told::unsent:
      return events.failed(body.id, error_of(body.error));
    case Told::stopped: {
      const auto done = std::move(stopped_[body.id - 1]);
      close(node);
      if (done) done();
      return;
    }
    case Told::resumed:
      return offer_waiting(node);
  }
}

// The first that is taken; each is an event of its own. What stands behind one that is refused waits with it.
void Network::offer_waiting(NodeIndex node) {
  if (nodes_[node].waiting == nullptr) return;
  std::deque<EventBody>& waiting = *nodes_[node].waiting;
  std::set<NodeIndex> full;
  for (auto each = waiting.begin(); each != waiting.end(); ++each) {
    if (full.contains(each->peer)) continue;
    if (offer(node, *each, true)) {
      waiting.erase(each);
      if (!waiting.empty()) tell(node, node, Told::resumed);
      return;
    }
    full.insert(each->peer);
  }
}

}  // namespace myelin::sim::overlay
