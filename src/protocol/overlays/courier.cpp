#include "protocol/overlays/courier.hpp"

#include "protocol/overlays/host_tag.hpp"

#include <algorithm>
#include <utility>

namespace myelin::protocol {

const Courier::Entry* Courier::find(const Host& host) const {
  const std::uint32_t wanted = tag_of(host);
  for (std::size_t i = 0; i < tags_.size(); ++i)
    if (tags_[i] == wanted && entries_[i].host == host) return &entries_[i];
  return nullptr;
}

Courier::Entry* Courier::find(const Host& host) { return const_cast<Entry*>(std::as_const(*this).find(host)); }

Courier::Entry* Courier::entry(const Host& host) {
  if (Entry* found = find(host)) return found;
  if (entries_.size() >= max_entries) return nullptr;
  entries_.push_back({.host = host, .used = ctx_->now()});
  tags_.push_back(tag_of(host));
  return &entries_.back();
}

bool Courier::dial(Entry* entry) {
  if (entry == nullptr) return false;
  entry->used = ctx_->now();
  if (entry->state == State::none) {
    entry->state = State::dialling;
    entry->dialled = true;
    ctx_->connect(entry->host);
  } else if (entry->state == State::closing) {
    entry->again = true;
  }
  return true;
}

Result<void> Courier::send(MessageBox message, const Host& to) {
  Entry* known = entry(to);
  if (known == nullptr) return fail(ErrorCode::limit, "too many connections");
  known->used = ctx_->now();
  if (known->state == State::up || known->state == State::none) {
    auto sent = ctx_->send(message, to);
    // A session that broke and of which we have not heard yet: its end is on the way to us, what is held outlives it.
    if (sent || sent.error().code != ErrorCode::offline) {
      if (known->state == State::none) drop(known);
      return sent;
    }
  }
  if (held_.size() >= max_held) {
    if (known->state == State::none) drop(known);
    return fail(ErrorCode::limit, "too many messages wait for connections");
  }
  held_.push_back({to, std::move(message)});
  (void)dial(known);
  return {};
}

bool Courier::connected(const Host& host) const {
  const Entry* known = find(host);
  return known != nullptr && known->state == State::up;
}

void Courier::close(const Host& host) {
  Entry* known = find(host);
  if (known == nullptr) return;
  known->kept = false;
  if (known->state == State::up) {
    known->state = State::closing;
    ctx_->disconnect(host);
  } else if (known->state == State::dialling) {
    drop_held(host);
    ctx_->disconnect(host);
    drop(known);
  }
}

void Courier::keep(const Host& host, bool kept) {
  Entry* known = entry(host);
  if (known == nullptr) return;
  known->used = ctx_->now();
  known->kept = kept;
  if (!kept && known->state == State::none) drop(known);
  // Whoever dialled: a link that has no use any more is closed by the other side, or by this one after `linger`.
  else if (!kept)
    known->dialled = true, arm();
}

void Courier::touch(const Host& host) {
  if (Entry* known = find(host)) known->used = ctx_->now();
}

bool Courier::heeds(const Host& from) const {
  const Entry* known = find(from);
  return known == nullptr || known->state != State::closing;
}

void Courier::on_connected(const Host& host) {
  Entry* known = entry(host);
  if (known != nullptr) {
    known->state = State::up;
    known->again = false;
    known->used = ctx_->now();
    if (known->dialled && !known->kept) arm();
  }
  if (held_.empty()) return;
  std::vector<Held> ready;
  std::erase_if(held_, [&](Held& each) {
    if (each.to != host) return false;
    ready.push_back(std::move(each));
    return true;
  });
  for (Held& each : ready)
    if (!ctx_->send(std::move(each.message), each.to)) ++unsent_;
}

bool Courier::on_disconnected(const Host& host) {
  Entry* known = find(host);
  if (known == nullptr) return false;
  const bool wanted =
      known->again || std::any_of(held_.begin(), held_.end(), [&](const Held& each) { return each.to == host; });
  if (!wanted) return drop(known), false;
  known->state = State::none;
  known->kept = known->again = false;
  return dial(known);
}

bool Courier::on_failed(const Host& host) {
  Entry* known = find(host);
  if (known == nullptr || known->state != State::dialling) return false;
  drop_held(host);
  ctx_->disconnect(host);
  drop(known);
  return true;
}

void Courier::drop(Entry* entry) {
  if (entry != &entries_.back()) {
    tags_[static_cast<std::size_t>(entry - entries_.data())] = tags_.back();
    *entry = std::move(entries_.back());
  }
  entries_.pop_back();
  tags_.pop_back();
}

void Courier::drop_held(const Host& host) {
  std::erase_if(held_, [&](const Held& each) { return each.to == host; });
}

void Courier::arm() {
  if (std::exchange(armed_, true)) return;
  (void)ctx_->start_timer(linger_, [this] { sweep(); });
}

void Courier::sweep() {
  armed_ = false;
  const Duration now = ctx_->now();
  bool again = false;
  for (Entry& each : entries_) {
    if (each.state != State::up || !each.dialled || each.kept) continue;
    if (now - each.used < linger_) {
      again = true;
      continue;
    }
    each.state = State::closing;
    ctx_->disconnect(each.host);
  }
  if (again) arm();
}

}  // namespace myelin::protocol
