#include "io/simulated/connection.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace myelin::io::simulated {

namespace {

Random random_of(Fabric& fabric, std::uint64_t number, End end) {
  return Random(derive_seed(fabric.seed(), Purpose::connection, number * 2 + static_cast<std::uint64_t>(end)));
}

// The peer's address as the network knows it: a connection to oneself uses the loopback link.
IpAddress wire_address(const Machine& machine, const IpAddress& to) { return machine.owns(to) ? machine.address : to; }

Error cancelled_here() { return Error{ErrorCode::cancelled, "the connection was reset here"}; }

}  // namespace

Connection::Connection(Fabric& fabric, Machine& machine, Loop& loop, SocketAddress from, SocketAddress to)
    : fabric_(fabric),
      number_(fabric.next_connection()),
      ways_{Way(random_of(fabric, number_, End::dialer)), Way(random_of(fabric, number_, End::acceptor))} {
  const IpAddress peer = wire_address(machine, to.ip);
  way(End::dialer).link = &fabric.link(machine.address, peer);
  way(End::acceptor).link = &fabric.link(peer, machine.address);
  for (auto& each : ways_) {
    each.granted = window_bytes;
    each.link->connections.emplace(number_, this);
  }
  Side& dialer = side(End::dialer);
  dialer.machine = &machine;
  dialer.loop = &loop;
  dialer.address = from;
  dialer.opening = true;
  side(End::acceptor).address = to;
  machine.connections.emplace(number_, this);
}

Connection::~Connection() {
  for (const auto& each : ways_) each.link->connections.erase(number_);
  for (const auto& each : sides_) {
    if (each.machine != nullptr) each.machine->connections.erase(number_);
  }
}

std::shared_ptr<Connection> Connection::dial(Fabric& fabric, Machine& machine, Loop& loop, SocketAddress to) {
  if (to.ip.is_unspecified()) {
    to.ip = to.ip.family == IpAddress::Family::v4 ? IpAddress::loopback_v4() : IpAddress::loopback_v6();
  }
  const SocketAddress from{to.ip.is_loopback() ? to.ip : machine.address, machine.take_dial_port()};
  auto connection = std::make_shared<Connection>(fabric, machine, loop, from, to);
  fabric.note(connection->number_, "dial " + from.to_string() + ">" + to.to_string());
  const bool routed = connection->target() != nullptr && from.ip.family == to.ip.family;
  if (routed) {
    connection->send(End::dialer, Kind::syn, Buffer());
  } else {
    connection->after(fabric.scheduler().now() + connection->packet_delay(End::dialer), [](Connection& self) {
      self.break_end(End::dialer, Error{ErrorCode::offline, "no route to the address"});
    });
  }
  return connection;
}

template <typename Action>
void Connection::after(Instant when, Action action) {
  fabric_.scheduler().at(Scheduler::no_loop, when,
                         [self = shared_from_this(), action = std::move(action)] { action(*self); });
}

// ---- the stream's face

std::optional<Result<Buffer>> Connection::try_read(End end, std::size_t max) {
  Side& mine = side(end);
  Way& incoming = way(other(end));
  if (mine.reset_here) return fail(cancelled_here());
  if (!incoming.inbox.empty()) {
    Buffer& front = incoming.inbox.front();
    std::size_t size = std::min(max, front.size());
    // A link that is not smooth gives its bytes in uneven bites too: who relies on their borders shall learn it here.
    const LinkModel& model = incoming.link->model();
    const bool rough = model.jitter > Duration{} || model.loss > 0;
    if (rough && incoming.random.chance(0.125)) size = 1 + static_cast<std::size_t>(incoming.random.below(size));
    Buffer bite;
    if (size == front.size()) {
      bite = incoming.inbox.pop();
    } else {
      bite = front.slice(0, size);
      front.drop_front(size);
    }
    incoming.consumed += size;
    announce(end);
    return bite;
  }
  if (incoming.ended) return Buffer();
  if (mine.dead) return fail(mine.error);
  return std::nullopt;
}

std::optional<Result<void>> Connection::try_write(End end, Rope& bytes) {
  Side& mine = side(end);
  Way& outgoing = way(end);
  if (mine.reset_here) return fail(cancelled_here());
  if (mine.dead) return fail(mine.error);
  while (!bytes.empty() && outgoing.sent < outgoing.granted) {
    const std::size_t size = std::min(
        {bytes.size(), static_cast<std::size_t>(outgoing.granted - outgoing.sent), outgoing.link->piece_bytes()});
    Buffer piece = bytes.segments().front().size() >= size ? bytes.pop_front(size) : bytes.take_front(size).flatten();
    outgoing.sent += piece.size();
    send(end, Kind::data, std::move(piece));
  }
  mine.unsent = bytes.size();
  if (!bytes.empty()) return std::nullopt;
  return Result<void>{};
}

Result<void> Connection::close_write(End end) {
  Side& mine = side(end);
  MYELIN_CHECK(!mine.writing, "the writing half is closed while a write is under way");
  if (mine.reset_here) return fail(cancelled_here());
  if (mine.dead) return fail(mine.error);
  if (!std::exchange(mine.write_closed, true)) send(end, Kind::fin, Buffer());
  return {};
}

bool Connection::finished(End end) const { return side(end).write_closed && way(other(end)).ended; }

void Connection::reset(End end) {
  Side& mine = side(end);
  if (std::exchange(mine.reset_here, true)) return;
  way(other(end)).inbox.clear();
  // What has ended in order both ways goes on in the background: a lost fin is still sent again.
  if (!mine.dead && !finished(end)) {
    mine.dead = true;
    mine.opening = false;
    mine.error = cancelled_here();
    fabric_.note(number_, end == End::dialer ? "dialer resets" : "acceptor resets");
    tell_reset(end);
  }
  wake(end);
}

std::optional<Result<void>> Connection::opened() const {
  const Side& dialer = side(End::dialer);
  if (dialer.dead) return fail(dialer.error);
  if (dialer.opening) return std::nullopt;
  return Result<void>{};
}

// ---- pieces on their way

void Connection::send(End sender, Kind kind, Buffer payload) {
  Way& outgoing = way(sender);
  const auto segments = static_cast<std::uint32_t>((payload.size() + segment_bytes - 1) / segment_bytes);
  const std::uint64_t sequence = outgoing.first_sequence + outgoing.pieces.size();
  outgoing.pieces.push(Piece{.kind = kind, .payload = std::move(payload)});
  attempt(sender, Attempt{.sequence = sequence, .segments = std::max(segments, 1U)});
}

std::uint32_t Connection::lost_segments(End sender, std::uint32_t segments) {
  Way& outgoing = way(sender);
  const double loss = outgoing.link->model().loss;
  std::uint32_t lost = 0;
  for (std::uint32_t i = 0; i < segments; ++i) lost += outgoing.random.chance(loss) ? 1 : 0;
  return lost;
}

void Connection::attempt(End sender, Attempt attempt) {
  const Side& mine = side(sender);
  if (mine.dead) return;
  Way& outgoing = way(sender);
  std::size_t bytes = std::size_t{attempt.segments} * segment_bytes;
  if (attempt.repeat == 0) {
    bytes = outgoing.pieces.at(static_cast<std::size_t>(attempt.sequence - outgoing.first_sequence)).payload.size();
  }
  attempt.left = outgoing.link->reserve(now(), bytes);
  if (outgoing.link->blocked()) return repeat(sender, attempt);
  const std::uint32_t lost = lost_segments(sender, attempt.segments);
  if (lost > 0) {
    attempt.segments = lost;
    return repeat(sender, attempt);
  }
  const LinkModel& model = outgoing.link->model();
  const Instant arrival = attempt.left + model.delay + outgoing.random.up_to(model.jitter);
  outgoing.last_arrival = std::max(outgoing.last_arrival, arrival);
  after(arrival, [sender, attempt](Connection& self) { self.arrive(sender, attempt); });
}

void Connection::repeat(End sender, Attempt attempt) {
  if (side(sender).dead) return;
  const Duration wait = way(sender).link->model().retransmission * (1 << attempt.repeat);
  const Instant when = std::max(now(), attempt.left + wait);
  if (attempt.repeat < most_repeats) {
    ++attempt.repeat;
    after(when, [sender, attempt](Connection& self) { self.attempt(sender, attempt); });
    return;
  }
  after(when, [sender, attempt](Connection& self) {
    const bool delivered = attempt.sequence < self.way(sender).first_sequence;
    if (delivered && !self.way(other(sender)).link->blocked()) return;  // a later acknowledgement covered it
    const ErrorCode code = self.side(sender).opening ? ErrorCode::timeout : ErrorCode::link_lost;
    self.break_end(sender, Error{code, "retransmissions timed out"});
  });
}

Machine* Connection::target() const {
  Machine* dialer = side(End::dialer).machine;
  const SocketAddress& to = side(End::acceptor).address;
  return dialer->owns(to.ip) ? dialer : fabric_.machine_at(to.ip);
}

void Connection::arrive(End sender, Attempt attempt) {
  Way& incoming = way(sender);
  const Side& receiver = side(other(sender));
  if (incoming.link->blocked()) return repeat(sender, attempt);
  const Machine* there = receiver.machine != nullptr ? receiver.machine : target();
  if (there->crashed) there = fabric_.machine_at(there->address);  // it may have been started again since
  if (there->crashed) return repeat(sender, attempt);
  if (receiver.dead) return tell_reset(other(sender));
  if (attempt.sequence >= incoming.first_sequence) {
    Piece& piece = incoming.pieces.at(static_cast<std::size_t>(attempt.sequence - incoming.first_sequence));
    if (piece.kind == Kind::syn && !meet_listener(attempt)) return;
    piece.arrived = true;
    deliver(sender);
  }
  acknowledge(sender, attempt);
}

void Connection::acknowledge(End sender, Attempt attempt) {
  const Link* back = way(other(sender)).link;
  if (back->blocked()) return repeat(sender, attempt);
  if (sender != End::dialer || !side(End::dialer).opening) return;
  after(now() + packet_delay(End::acceptor), [sender, attempt, back](Connection& self) {
    if (back->blocked()) return self.repeat(sender, attempt);
    self.open();
  });
}

void Connection::deliver(End sender) {
  Way& incoming = way(sender);
  while (!incoming.pieces.empty() && incoming.pieces.front().arrived) {
    ++incoming.first_sequence;
    deliver_piece(sender, incoming.pieces.pop());
  }
}

void Connection::deliver_piece(End sender, Piece piece) {
  const char* arrow = sender == End::dialer ? "> " : "< ";
  switch (piece.kind) {
    case Kind::syn:
      fabric_.note(number_, "syn");
      return;
    case Kind::established:
      enter_backlog();
      return;
    case Kind::data:
      if (side(other(sender)).dead) return;
      fabric_.note(number_, arrow + std::to_string(piece.payload.size()));
      way(sender).inbox.push(std::move(piece.payload));
      break;
    case Kind::fin:
      fabric_.note(number_, std::string(arrow) + "fin");
      way(sender).ended = true;
      break;
  }
  wake(other(sender));
}

// ---- opening

bool Connection::meet_listener(const Attempt& attempt) {
  Machine* machine = target();
  Side& acceptor = side(End::acceptor);
  auto listener = machine->listener_for(acceptor.address);
  const bool full = listener && listener->queue.size() >= ListenerState::backlog;
  if (full || way(End::acceptor).link->blocked()) {
    repeat(End::dialer, attempt);
    return false;
  }
  if (!listener) {
    fabric_.note(number_, "refused");
    after(now() + packet_delay(End::acceptor), [attempt](Connection& self) {
      if (self.way(End::acceptor).link->blocked()) return self.repeat(End::dialer, attempt);
      self.break_end(End::dialer, Error{ErrorCode::offline, "connection refused"});
    });
    return false;
  }
  acceptor.machine = machine;
  machine->connections.emplace(number_, this);
  listener_ = std::move(listener);
  return true;
}

void Connection::open() {
  Side& dialer = side(End::dialer);
  if (dialer.dead) return tell_reset(End::dialer);
  if (!std::exchange(dialer.opening, false)) return;
  fabric_.note(number_, "open");
  send(End::dialer, Kind::established, Buffer());
  if (on_opened_) std::exchange(on_opened_, {})();
}

void Connection::enter_backlog() {
  const auto listener = std::exchange(listener_, nullptr);
  if (listener->closed || listener->queue.size() >= ListenerState::backlog) {
    fabric_.note(number_, "not accepted");
    Side& acceptor = side(End::acceptor);
    acceptor.dead = true;
    acceptor.error = cancelled_here();
    return tell_reset(End::acceptor);
  }
  fabric_.note(number_, "established");
  listener->queue.push(shared_from_this());
  listener->wake();
}

// ---- flow control

void Connection::announce(End reader) {
  const Way& incoming = way(other(reader));
  if (incoming.update_under_way || incoming.ended) return;
  if (incoming.consumed - incoming.announced >= window_bytes / 4) send_update(reader, 0);
}

void Connection::send_update(End reader, std::uint8_t repeat) {
  Way& incoming = way(other(reader));
  const Link* back = way(reader).link;
  incoming.update_under_way = !side(reader).dead && !side(other(reader)).dead;
  if (!incoming.update_under_way) return;
  const auto again = static_cast<std::uint8_t>(std::min<int>(repeat + 1, most_repeats));
  if (back->blocked()) {
    // The writer's probes of the closed window would bring it out; they end with the connection.
    return after(now() + back->model().retransmission * (1 << repeat),
                 [reader, again](Connection& self) { self.send_update(reader, again); });
  }
  after(now() + packet_delay(reader), [reader, again, back, consumed = incoming.consumed](Connection& self) {
    if (back->blocked()) return self.send_update(reader, again);
    Way& granted = self.way(other(reader));
    granted.update_under_way = false;
    granted.announced = consumed;
    granted.granted = consumed + window_bytes;
    Side& writer = self.side(other(reader));
    self.wake(writer, writer.writer);
    self.announce(reader);
  });
}

// ---- small packets and ends

// A packet that carries no bytes is never lost for good by chance: its repeats are part of its delay.
Duration Connection::packet_delay(End sender) {
  Way& outgoing = way(sender);
  const LinkModel& model = outgoing.link->model();
  Duration delay = model.delay + outgoing.random.up_to(model.jitter);
  for (int repeat = 0; repeat < most_repeats && outgoing.random.chance(model.loss); ++repeat) {
    delay += model.retransmission * (1 << repeat);
  }
  return delay;
}

void Connection::tell_reset(End from) {
  const End to = other(from);
  const Link* link = way(from).link;
  if (side(to).dead || side(to).machine == nullptr) return;
  if (link->blocked()) return orphan(to);
  // Not before what was sent earlier: the peer reads that first.
  const Instant when = std::max(now() + packet_delay(from), way(from).last_arrival);
  after(when, [to, link](Connection& self) {
    if (link->blocked()) return self.orphan(to);
    self.break_end(to, Error{ErrorCode::link_lost, "the connection was reset by the peer"});
  });
}

void Connection::orphan(End end) {
  if (side(end).dead || side(end).machine == nullptr || finished(end)) return;
  after(now() + side(end).keepalive,
        [end](Connection& self) { self.break_end(end, Error{ErrorCode::link_lost, "keepalive timed out"}); });
}

void Connection::break_end(End end, Error why) {
  Side& mine = side(end);
  if (std::exchange(mine.dead, true)) return;
  if (std::exchange(mine.opening, false) && why.code == ErrorCode::link_lost) why.code = ErrorCode::offline;
  fabric_.note(number_, (end == End::dialer ? "dialer broken: " : "acceptor broken: ") + why.message);
  mine.error = std::move(why);
  wake(end);
  if (end == End::dialer && on_opened_) std::exchange(on_opened_, {})();
  // It told nobody; if the peer does not ask, only keepalive can tell it.
  orphan(other(end));
}

void Connection::crash(const Machine& machine) {
  for (const End end : {End::dialer, End::acceptor}) {
    Side& mine = side(end);
    if (mine.machine != &machine) continue;
    mine.dead = true;
    mine.opening = false;
    mine.error = Error{ErrorCode::link_lost, "the host has crashed"};
    mine.reader = {};
    mine.writer = {};
    mine.loop = nullptr;
    way(other(end)).inbox.clear();
    if (end == End::dialer) on_opened_ = {};
  }
  for (const End end : {End::dialer, End::acceptor}) orphan(end);
}

void Connection::fall_silent() {
  for (const End end : {End::dialer, End::acceptor}) break_end(end, Error{ErrorCode::link_lost, "keepalive timed out"});
}

void Connection::cut_off(const Link& cut) {
  for (const End end : {End::dialer, End::acceptor}) {
    if (side(end).machine == nullptr || side(end).keepalive >= Fabric::keepalive) continue;
    after(now() + side(end).keepalive, [end, &cut, partition = cut.partitions](Connection& self) {
      if (!cut.partitioned || cut.partitions != partition) return;
      self.break_end(end, Error{ErrorCode::link_lost, "keepalive timed out"});
    });
  }
}

void Connection::wake(End end) {
  Side& mine = side(end);
  wake(mine, mine.reader);
  wake(mine, mine.writer);
}

void Connection::wake(Side& owner, std::coroutine_handle<>& slot) {
  if (!slot) return;
  owner.loop->resume_soon(std::exchange(slot, {}));
}

}  // namespace myelin::io::simulated
