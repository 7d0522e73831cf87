#include "sim/overlay/network.hpp"

#include <algorithm>
#include <string>

namespace myelin::sim::overlay {
namespace {

constexpr NodeIndex first_stranger = 0x80000000u;
constexpr std::size_t most_strangers = 4096;
constexpr std::int64_t least_latency_ns = 1;

}  // namespace

Network::Network(const Options& options, Records& records, EventQueue& queue, SizeOf size_of)
    : options_(options),
      records_(records),
      queue_(queue),
      size_of_(std::move(size_of)),
      random_(io::simulated::derive_seed(options.seed, io::simulated::Purpose::devices, 0)),
      latency_(options.latency),
      noise_(options.noise) {}

Host Network::name_of(NodeIndex node) { return {"n" + std::to_string(node), 0}; }

std::optional<NodeIndex> Network::parse(const Host& host) {
  if (host.port != 0 || host.name.size() < 2 || host.name.size() > 10 || host.name[0] != 'n') return std::nullopt;
  std::uint64_t number = 0;
  for (std::size_t i = 1; i < host.name.size(); ++i) {
    const char c = host.name[i];
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  if (host.name[1] == '0' && host.name.size() > 2) return std::nullopt;
  return static_cast<NodeIndex>(number);
}

NodeIndex Network::number(const Host& host) {
  if (const auto node = parse(host); node && *node < nodes_.size()) return *node;
  const auto found = std::find(strangers_.begin(), strangers_.end(), host);
  if (found != strangers_.end()) return first_stranger + static_cast<NodeIndex>(found - strangers_.begin());
  // More names that exist nowhere than this are one: nobody can tell them apart but by their failures.
  if (strangers_.size() < most_strangers) strangers_.push_back(host);
  return first_stranger + static_cast<NodeIndex>(strangers_.size() - 1);
}

const Host& Network::host(NodeIndex node) const {
  return node >= first_stranger ? strangers_[node - first_stranger] : hosts_[node];
}

void Network::add_node() {
  const auto node = static_cast<NodeIndex>(hosts_.size());
  hosts_.push_back(name_of(node));
  nodes_.emplace_back();
  const auto known = std::find(strangers_.begin(), strangers_.end(), hosts_.back());
  if (known == strangers_.end()) return;
  // It was dialled before it was there: what is to be tried again is tried with it.
  const NodeIndex before = first_stranger + static_cast<NodeIndex>(known - strangers_.begin());
  std::vector<std::pair<NodeIndex, Retry>> moved;
  for (const auto& [pair, retry] : retries_)
    if (pair.second == before) moved.emplace_back(pair.first, retry);
  for (const auto& [from, retry] : moved) {
    retries_.erase({from, before});
    retries_.emplace(std::pair{from, node}, retry);
  }
}

void Network::open(NodeIndex node, ChannelEvents& events) { nodes_[node].events = &events; }

void Network::close(NodeIndex node) {
  Node& closed = nodes_[node];
  closed.events = nullptr;
  ++closed.life;
  std::vector<std::uint32_t> had;
  closed.table.for_each([&](NodeIndex, std::uint32_t session) { had.push_back(session); });
  for (const std::uint32_t session : had) {
    const unsigned side = side_of(sessions_[session], node);
    end_other(session, 1 - side, ErrorCode::link_lost);
    close_side(session, side);
  }
  closed.waiting.reset();
  closed.table.clear();
  retries_.erase(retries_.lower_bound({node, 0}), retries_.lower_bound({node + 1, 0}));
}

std::uint16_t Network::salt(NodeIndex from, NodeIndex to, std::int64_t at) const {
  std::uint64_t x = options_.seed ^ (std::uint64_t{from} << 32 | to) * 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 29) ^ static_cast<std::uint64_t>(at)) * 0xbf58476d1ce4e5b9U;
  return static_cast<std::uint16_t>(x >> 48 | 1);
}

std::int64_t Network::latency(NodeIndex from, NodeIndex to) {
  Duration latency = latency_.low;
  switch (latency_.kind) {
    case simulation::Latency::Kind::constant:
      break;
    case simulation::Latency::Kind::uniform:
      latency += random_.up_to(latency_.high - latency_.low);
      break;
    case simulation::Latency::Kind::matrix: {
      const auto& row = latency_.rows[from % latency_.rows.size()];
      latency = row[to % row.size()];
      break;
    }
  }
  if (!any_slow_) return std::max(latency.count(), least_latency_ns);
  float factor = from < nodes_.size() ? nodes_[from].factor : 1;
  if (to < nodes_.size()) factor = std::max(factor, nodes_[to].factor);
  if (factor != 1) latency = Duration(static_cast<std::int64_t>(static_cast<double>(latency.count()) * factor));
  return std::max(latency.count(), least_latency_ns);
}

const Noise& Network::noise(NodeIndex from, NodeIndex to) const {
  if (!noises_.empty())
    if (const auto found = noises_.find({from, to}); found != noises_.end()) return found->second;
  return noise_;
}

void Network::set_noise(NodeIndex from, NodeIndex to, std::optional<Noise> noise) {
  if (noise) {
    noises_[{from, to}] = *noise;
  } else {
    noises_.erase({from, to});
  }
}

void Network::slow(NodeIndex node, double factor) {
  nodes_[node].factor = static_cast<float>(factor);
  any_slow_ = any_slow_ || factor != 1;
}

// -- Sessions.

std::uint32_t Network::new_session(NodeIndex from, NodeIndex to) {
  std::uint32_t index = 0;
  if (free_sessions_.empty()) {
    index = static_cast<std::uint32_t>(sessions_.size());
    sessions_.emplace_back();
  } else {
    index = free_sessions_.back();
    free_sessions_.pop_back();
  }
  Session& session = sessions_[index];
  const std::uint32_t generation = session.generation + 1;
  session = Session{};
  session.generation = generation;
  session.node = {from, to};
  return index;
}

void Network::free_if_dead(std::uint32_t index) {
  Session& session = sessions_[index];
  for (const State state : session.state)
    if (state == State::up || state == State::dialling) return;
  ++session.generation;
  free_sessions_.push_back(index);
}

Network::Session* Network::valid(const EventBody& body) {
  Session& session = sessions_[body.session];
  return session.generation == body.generation ? &session : nullptr;
}

void Network::push(std::uint32_t index, unsigned side, EventKind kind, std::int64_t at, EventBody body) {
  const Session& session = sessions_[index];
  body.kind = kind;
  body.side = static_cast<std::uint8_t>(side);
  body.session = index;
  body.generation = session.generation;
  const NodeIndex to = session.node[side];
  // What happens at once happens before what else arrives now.
  queue_.push(at, at == now_ ? 0 : salt(session.node[1 - side], to, at), to, std::move(body));
}

std::int64_t Network::arrival(std::uint32_t index, unsigned side) {
  Session& session = sessions_[index];
  const std::int64_t at = now_ + latency(session.node[1 - side], session.node[side]);
  return session.last_arrival[side] = std::max(at, session.last_arrival[side]);
}

void Network::signal(std::uint32_t index, unsigned side, EventKind kind, ErrorCode why) {
  EventBody body;
  body.error = static_cast<std::uint8_t>(why);
  push(index, side, kind, arrival(index, side), std::move(body));
}

void Network::tell(NodeIndex node, NodeIndex peer, Told told, ErrorCode why, std::uint64_t id) {
  EventBody body;
  body.kind = EventKind::told;
  body.told = told;
  body.error = static_cast<std::uint8_t>(why);
  body.generation = nodes_[node].life;
  body.peer = peer;
  body.id = id;
  queue_.push(now_, 0, node, std::move(body));  // before all else of this time
}

void Network::connect(NodeIndex from, const Host& host) {
  const NodeIndex to = number(host);
  if (nodes_[from].table.find(to) != PeerTable::none) return;
  if (const auto retry = retries_.find({from, to}); retry != retries_.end() && retry->second.ticket != 0) return;
  if (to == from) {
    tell(from, to, Told::failed, ErrorCode::bad_request);
    tell(from, to, Told::given_up, ErrorCode::bad_request, 1);
    return;
  }
  dial(from, to);
}

void Network::dial(NodeIndex from, NodeIndex to) {
  const std::uint32_t session = new_session(from, to);
  sessions_[session].state[0] = State::dialling;
  nodes_[from].table.set(to, session);
  if (cut(from, to)) {
    push(session, 0, EventKind::expire, now_ + options_.dial_timeout.count(), {});
  } else if (to >= nodes_.size()) {
    push(session, 0, EventKind::refuse, now_ + latency(from, to), {});
  } else {
    signal(session, 1, EventKind::dial);
  }
}

void Network::disconnect(NodeIndex from, const Host& host) {
  const NodeIndex to = number(host);
  retries_.erase({from, to});
  const std::uint32_t index = nodes_[from].table.find(to);
  if (index == PeerTable::none) return;
  const Session& session = sessions_[index];
  const unsigned side = side_of(session, from);
  const bool was_up = session.state[side] == State::up;
  end_other(index, 1 - side, ErrorCode::link_lost);
  if (was_up) tell(from, to, Told::disconnected, ErrorCode::cancelled);
  close_side(index, side);
}

void Network::end_other(std::uint32_t index, unsigned side, ErrorCode why) {
  Session& session = sessions_[index];
  if (session.state[side] != State::up || session.ending[side]) return;
  if (cut(session.node[1 - side], session.node[side])) return;
  session.ending[side] = true;
  signal(index, side, EventKind::end, why);
}

void Network::drop_held(std::uint32_t index, unsigned side) {
  const auto found = held_.find({index, side});
  if (found == held_.end()) return;
  const Session& session = sessions_[index];
  for (const protocol::Outgoing& message : found->second) {
    lost(message.box, session.node[1 - side], session.node[side], "session gone");
    if (message.id != 0)
      tell(session.node[1 - side], session.node[side], Told::unsent, ErrorCode::link_lost, message.id);
  }
  held_.erase(found);
}

void Network::close_side(std::uint32_t index, unsigned side) {
  Session& session = sessions_[index];
  session.state[side] = State::closed;
  drop_held(index, 1 - side);
  Node& node = nodes_[session.node[side]];
  if (node.table.find(session.node[1 - side]) == index) node.table.erase(session.node[1 - side]);
  if (node.waiting != nullptr) {
    const NodeIndex peer = session.node[1 - side];
    std::erase_if(*node.waiting, [&](const EventBody& each) {
      if (each.peer != peer) return false;
      lost(each.box, peer, session.node[side], "session gone");
      return true;
    });
  }
  free_if_dead(index);
}

void Network::stop(NodeIndex node, std::function<void()> done) {
  std::vector<NodeIndex> peers;
  nodes_[node].table.for_each([&](NodeIndex peer, std::uint32_t) { peers.push_back(peer); });
  for (const NodeIndex peer : peers) disconnect(node, host(peer));
  retries_.erase(retries_.lower_bound({node, 0}), retries_.lower_bound({node + 1, 0}));
  stopped_.push_back(std::move(done));
  tell(node, node, Told::stopped, ErrorCode::stopping, stopped_.size());
}

void Network::reset_session(NodeIndex a, NodeIndex b) {
  const std::uint32_t index = nodes_[a].table.find(b);
  if (index == PeerTable::none) return;
  const Session& session = sessions_[index];
  for (const unsigned side : {0U, 1U})
    if (session.state[side] == State::up) {
      EventBody body;
      body.error = static_cast<std::uint8_t>(ErrorCode::link_lost);
      push(index, side, EventKind::end, now_, std::move(body));
    }
}

void Network::cuts_changed(const Cuts& cuts) {
  cuts_ = cuts;
  std::vector<Place> free;
  for (const auto& [place, messages] : held_) {
    const Session& session = sessions_[place.first];
    if (!cut(session.node[1 - place.second], session.node[place.second])) free.push_back(place);
  }
  for (const Place& place : free) {
    auto messages = std::move(held_.extract(place).mapped());
    for (auto& message : messages) transmit(place.first, place.second, std::move(message));
  }
}

// -- Messages.

Result<void> Network::send(NodeIndex from, const Host& host, protocol::Outgoing message) {
  const auto to = parse(host);
  const std::uint32_t index = to ? nodes_[from].table.find(*to) : PeerTable::none;
  if (index == PeerTable::none) return fail(ErrorCode::offline, "no session");
  Session& session = sessions_[index];
  const unsigned side = side_of(session, from);
  if (session.state[side] != State::up) return fail(ErrorCode::offline, "no session");
  const std::size_t held = held_.empty() || !held_.contains({index, 1 - side}) ? 0 : held_[{index, 1 - side}].size();
  const bool closed = session.flow[side] != Session::Flow::open;
  if (closed || session.in_flight[1 - side] + held >= options_.session_queue) {
    if (!closed) {
      session.flow[side] = Session::Flow::blocked;
      tell(from, *to, Told::blocked);
    }
    return fail(ErrorCode::mailbox_full, "the session's queue is full");
  }
  ++records_.counters.sent;
  transmit(index, 1 - side, std::move(message));
  return {};
}

void Network::transmit(std::uint32_t index, unsigned side, protocol::Outgoing message) {
  Session& session = sessions_[index];
  const NodeIndex from = session.node[1 - side];
  const NodeIndex to = session.node[side];
  if (cuts_.any()) {
    const bool there = cuts_.cut(from, to);
    if ((there || cuts_.cut(to, from)) && !session.stalling[1 - side]) {
      session.stalling[1 - side] = true;
      push(index, 1 - side, EventKind::stall, now_ + options_.session_timeout.count(), {});
    }
    if (there) {
      held_[{index, side}].push_back(std::move(message));
      return;
    }
  }
  if (message.id != 0) tell(from, to, Told::sent, ErrorCode::link_lost, message.id);
  const Noise& noise = this->noise(from, to);
  if (random_.chance(noise.loss)) {
    return lost(message.box, from, to, "loss");
  }
  const bool reorder = random_.chance(noise.reordering);
  if (reorder) ++records_.counters.reordered;
  launch(index, side, message, reorder, reorder ? random_.up_to(noise.reordering_delay) : Duration{0});
  if (random_.chance(noise.duplication)) {
    ++records_.counters.duplicated;
    launch(index, side, message, reorder, Duration{0});
  }
}

void Network::launch(std::uint32_t index, unsigned side, const protocol::Outgoing& message, bool reorder,
                     Duration late) {
  Session& session = sessions_[index];
  const std::int64_t at =
      reorder ? now_ + latency(session.node[1 - side], session.node[side]) + late.count() : arrival(index, side);
  ++session.in_flight[side];
  EventBody body;
  body.protocol = message.protocol;
  body.peer = session.node[1 - side];
  body.box = message.box;
  push(index, side, EventKind::message, at, std::move(body));
}

void Network::lost(const protocol::MessageBox& box, NodeIndex from, NodeIndex to, std::string_view why) {
  ++records_.counters.lost;
  if (!records_.trace.on()) return;
  records_.trace.drop(host(from).to_string(), host(to).to_string(), box.type().name, bytes_of(box, from, to), why);
}

// By the sender's serializer, or, if it does not run any more, by the receiver's.
Trace::Bytes Network::bytes_of(const protocol::MessageBox& box, NodeIndex from, NodeIndex to) const {
  if (!size_of_) return std::nullopt;
  const Trace::Bytes bytes = size_of_(from, box);
  return bytes ? bytes : size_of_(to, box);
}

void Network::on_message(NodeIndex node, EventBody& body) {
  const Session* session = valid(body);
  if (session == nullptr) return lost(body.box, body.peer, node, "session gone");
  if (session->state[body.side] != State::up) {
    lost(body.box, body.peer, node, "session gone");
    left_flight(body, false);
    end_other(body.session, 1 - body.side, ErrorCode::link_lost);
    return;
  }
  Node& at = nodes_[node];
  if (at.waiting != nullptr) {
    const auto same = [&body](const EventBody& each) { return each.peer == body.peer; };
    if (std::any_of(at.waiting->begin(), at.waiting->end(), same)) return at.waiting->push_back(std::move(body));
  }
  if (offer(node, body, false)) return;
  if (at.waiting == nullptr) at.waiting = std::make_unique<std::deque<EventBody>>();
  at.waiting->push_back(std::move(body));
}

// It is on its way no more.
void Network::left_flight(const EventBody& body, bool waited) {
  Session& session = sessions_[body.session];
  const std::uint32_t left = --session.in_flight[body.side];
  const unsigned sender = 1U - body.side;
  if (session.flow[sender] != Session::Flow::blocked || left > options_.session_queue / 2) return;
  session.flow[sender] = Session::Flow::opening;
  // What had waited here had filled the sender's own queue too; otherwise the acknowledgement takes its time.
  const std::int64_t at = waited ? now_ : now_ + latency(session.node[body.side], session.node[sender]);
  push(body.session, sender, EventKind::writable, at, {});
}

bool Network::offer(NodeIndex node, const EventBody& body, bool waited) {
  if (!nodes_[node].events->message(host(body.peer), body.protocol, body.box)) return false;
  ++records_.counters.messages;
  records_.types.add(body.box.type().wire);
  if (records_.trace.on())
    records_.trace.deliver(host(body.peer).to_string(), host(node).to_string(), body.box.type().name,
                           bytes_of(body.box, body.peer, node));
  left_flight(body, waited);
  return true;
}

void Network::resume(NodeIndex node) {
  Node& at = nodes_[node];
  if (at.waiting == nullptr || at.waiting->empty()) return;
  tell(node, node, Told::resumed);
}

}  // namespace myelin::sim::overlay
