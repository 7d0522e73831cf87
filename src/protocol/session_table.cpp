#include "protocol/session_table.hpp"

#include <algorithm>
#include <cmath>

namespace myelin::protocol {

namespace {

using Kind = SessionAction::Kind;

constexpr std::size_t max_taught = 4096;
constexpr std::size_t max_connections = 4;  // of one session

double unit(std::uint64_t random) { return static_cast<double>(random >> 11) * 0x1.0p-53; }

}  // namespace

Wire SessionTable::wire_of(const Host& host) const {
  const auto found = taught_.find(host);
  return found == taught_.end() ? wire_ : found->second;
}

void SessionTable::learn(const Host& host, Wire wire) {
  if (wire == wire_) {
    taught_.erase(host);
    return;
  }
  if (taught_.size() >= max_taught && !taught_.contains(host)) taught_.erase(taught_.begin());
  taught_[host] = wire;
}

void SessionTable::dial(const Host& host, Entry& entry) {
  entry.phase = Phase::dialing;
  entry.dial = next_dial_++;
  entry.dial_wire = wire_of(host);
  entry.greeted = false;
  dials_.emplace(entry.dial, host);
  actions_.push_back({.kind = Kind::dial, .host = host, .dial = entry.dial, .wire = entry.dial_wire});
}

void SessionTable::cancel_dial(Entry& entry) {
  if (entry.phase == Phase::dialing) {
    actions_.push_back({.kind = Kind::cancel_dial, .dial = entry.dial});
    dials_.erase(entry.dial);
  }
  entry.phase = Phase::idle;
}

void SessionTable::end_session(const Host& host, Entry& entry, const Error& why, bool flush, ConnectionId ended) {
  if (entry.connections.empty()) return;
  for (const Connection& connection : entry.connections) {
    if (connection.id == ended) continue;
    actions_.push_back({.kind = Kind::close, .connection = connection.id, .flush = flush, .error = why});
  }
  if (entry.merging.retired != 0) {
    actions_.push_back({.kind = Kind::close, .connection = entry.merging.retired, .flush = flush, .error = why});
  }
  entry.connections.clear();
  entry.merging = {};
  --sessions_;
  actions_.push_back({.kind = Kind::disconnected, .host = host, .error = why});
}

void SessionTable::forget_if_done(const Host& host) {
  const auto found = entries_.find(host);
  if (found == entries_.end()) return;
  const Entry& entry = found->second;
  if (!entry.wanted && entry.phase == Phase::idle && entry.connections.empty()) entries_.erase(found);
}

void SessionTable::connect(const Host& to) {
  if (stopped_) return;
  Entry& entry = entries_[to];
  entry.wanted = true;
  if (!entry.connections.empty() || entry.phase != Phase::idle) return;
  entry.attempts = 1;
  dial(to, entry);
}

void SessionTable::disconnect(const Host& from) {
  const auto found = entries_.find(from);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  entry.wanted = false;
  cancel_dial(entry);
  end_session(from, entry, Error{ErrorCode::cancelled, "disconnected here"}, true);
  forget_if_done(from);
}

void SessionTable::stop() {
  stopped_ = true;
  for (auto& [host, entry] : entries_) {
    entry.wanted = false;
    cancel_dial(entry);
    end_session(host, entry, Error{ErrorCode::stopping, "the runtime ends"}, true);
  }
  entries_.clear();
}

void SessionTable::greeting(DialId dial) {
  const auto host = dials_.find(dial);
  if (host != dials_.end()) entries_[host->second].greeted = true;
}

void SessionTable::retry_later(Entry& entry, Instant now, std::uint64_t random) {
  const double initial = static_cast<double>(retry_.initial.count());
  const double exponent = entry.attempts > 0 ? entry.attempts - 1 : 0;
  const double grown =
      std::min(initial * std::pow(retry_.factor, exponent), static_cast<double>(retry_.maximum.count()));
  const double shaken = grown * (1 - retry_.jitter / 2 + retry_.jitter * unit(random));
  entry.phase = Phase::waiting;
  entry.retry_at = now + Duration(static_cast<std::int64_t>(shaken));
}

void SessionTable::dial_failed(DialId dial, Error why, bool rejected, Instant now, std::uint64_t random) {
  const auto found = dials_.find(dial);
  if (found == dials_.end()) return;
  const Host host = found->second;
  dials_.erase(found);
  Entry& entry = entries_[host];
  entry.phase = Phase::idle;
  if (rejected && entry.dial_wire == Wire::w0) {
    learn(host, Wire::w3);
    if (entry.wanted && entry.connections.empty()) return this->dial(host, entry);
  }
  if (!entry.connections.empty() || !entry.wanted) return forget_if_done(host);  // the peer's own dial was better
  const bool hopeless = rejected || why.code == ErrorCode::bad_request;
  actions_.push_back({.kind = Kind::failed, .host = host, .error = std::move(why)});
  if (hopeless || (retry_.max_attempts > 0 && entry.attempts >= retry_.max_attempts)) {
    actions_.push_back({.kind = Kind::given_up, .host = host, .attempts = entry.attempts});
    entry.wanted = false;
    return forget_if_done(host);
  }
  retry_later(entry, now, random);
}

Result<void> SessionTable::established(ConnectionId connection, DialId dial, const Host& host, Wire wire) {
  if (stopped_) return fail(ErrorCode::stopping, "the runtime ends");
  if (dial != 0 && dials_.erase(dial) == 0) return fail(ErrorCode::cancelled, "the dial was taken back");
  const auto known = entries_.find(host);
  const bool fresh = known == entries_.end() || known->second.connections.empty();
  if (fresh && sessions_ >= max_sessions_) {
    if (dial == 0) return fail(ErrorCode::limit, "as many sessions as may be");
    known->second.phase = Phase::idle;
    known->second.wanted = false;
    actions_.push_back({.kind = Kind::failed, .host = host, .error = {ErrorCode::limit, "as many sessions as may be"}});
    actions_.push_back({.kind = Kind::given_up, .host = host, .attempts = known->second.attempts});
    forget_if_done(host);
    return fail(ErrorCode::limit, "as many sessions as may be");
  }
  Entry& entry = entries_[host];
  if (dial != 0) {
    entry.phase = Phase::idle;
  } else {
    // Where two were merged no dial of the peer's was left under way.
    if (entry.merging.retired != 0 || std::ranges::any_of(entry.connections, &Connection::inbound)) {
      end_session(host, entry, Error{ErrorCode::link_lost, "the peer has dialled anew"}, false);
    }
    if (entry.phase == Phase::waiting || !entry.greeted) cancel_dial(entry);
  }
  learn(host, wire);
  entry.attempts = 1;
  if (entry.connections.size() >= max_connections) return fail(ErrorCode::limit, "too many connections of one session");
  entry.connections.push_back({connection, dial == 0});
  if (entry.connections.size() == 1) {
    ++sessions_;
    actions_.push_back({.kind = Kind::connected, .host = host, .wire = wire, .connection = connection});
  } else {
    begin_merge(host, entry);
  }
  return {};
}

// ---- two connections become one

void SessionTable::begin_merge(const Host& host, Entry& entry) {
  if (self_.empty() || self_ == host || entry.connections.size() != 2) return;
  const Connection* const going =
      goes(entry.connections[0], host) ? &entry.connections[0] : &entry.connections[1];  // one of each direction
  entry.merging.going = going->id;
  actions_.push_back({.kind = Kind::merge, .connection = going->id, .merge = Merge::crossed});
  if (entry.merging.crossed == going->id) move(host, entry);
}

// Both sides know of both connections: the rest of what we send goes over the one that stays.
void SessionTable::move(const Host& host, Entry& entry) {
  entry.merging.moved = true;
  if (entry.connections[0].id == entry.merging.going) std::swap(entry.connections[0], entry.connections[1]);
  const ConnectionId staying = entry.connections[0].id;
  actions_.push_back({.kind = Kind::merge, .connection = entry.merging.going, .merge = Merge::last});
  actions_.push_back({.kind = Kind::merge, .connection = staying, .merge = Merge::follows});
  actions_.push_back({.kind = Kind::move, .host = host, .connection = staying});
}

bool SessionTable::end_merge(Entry& entry) {
  const ConnectionId going = entry.merging.going;
  std::erase_if(entry.connections, [going](const Connection& connection) { return connection.id == going; });
  actions_.push_back({.kind = Kind::retire, .connection = going, .error = {ErrorCode::cancelled, "merged"}});
  if (entry.merging.held) actions_.push_back({.kind = Kind::release, .connection = entry.connections[0].id});
  entry.merging = {.followed = entry.merging.followed, .retired = going};
  return true;
}

bool SessionTable::merge(ConnectionId connection, const Host& host, Merge what) {
  const auto found = entries_.find(host);
  if (found == entries_.end() || self_.empty() || self_ == host) return false;
  Entry& entry = found->second;
  const auto at = std::ranges::find(entry.connections, connection, &Connection::id);
  if (at == entry.connections.end()) return false;
  Merging& merging = entry.merging;
  const bool going = merging.going != 0 && merging.going == connection;
  switch (what) {
    case Merge::crossed:  // maybe before our own dial has been answered
      if (!goes(*at, host) || merging.crossed != 0 || merging.retired != 0) return false;
      merging.crossed = connection;
      if (going) move(host, entry);
      return true;
    case Merge::follows:
      if (going || merging.followed || (merging.going == 0 && merging.retired == 0)) return false;
      merging.followed = true;
      if (merging.retired != 0) return true;  // `last` was faster
      merging.held = true;
      actions_.push_back({.kind = Kind::hold, .connection = connection});
      return true;
    case Merge::last:
      return going && merging.moved && end_merge(entry);
  }
  return false;
}

void SessionTable::closed(ConnectionId connection, const Host& host, Error why, Instant now, std::uint64_t random) {
  const auto found = entries_.find(host);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  const auto at = std::ranges::find(entry.connections, connection, &Connection::id);
  if (at == entry.connections.end()) return;
  end_session(host, entry, why, false, connection);
  if (entry.phase == Phase::dialing) return;  // its own dial is still under way
  if (entry.wanted && retry_.after_disconnect && !stopped_) {
    entry.attempts = 0;
    retry_later(entry, now, random);
  } else {
    entry.wanted = false;
    forget_if_done(host);
  }
}

Instant SessionTable::deadline() const {
  Instant earliest = Instant::max();
  for (const auto& [host, entry] : entries_) {
    if (entry.phase == Phase::waiting) earliest = std::min(earliest, entry.retry_at);
  }
  return earliest;
}

void SessionTable::expire(Instant now) {
  for (auto& [host, entry] : entries_) {
    if (entry.phase != Phase::waiting || entry.retry_at > now) continue;
    ++entry.attempts;
    dial(host, entry);
  }
}

}  // namespace myelin::protocol
