#include "protocol/overlays/plumtree.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace myelin::protocol {

namespace {

constexpr std::size_t max_announcements = 1024;  // in one IHAVE, and in the queue for it
constexpr std::size_t max_owed = 1024;
constexpr std::size_t max_peers = 1024;

std::uint32_t next(std::uint32_t round) {
  return round == std::numeric_limits<std::uint32_t>::max() ? round : round + 1;
}

}  // namespace

Plumtree::Plumtree(PlumtreeParameters parameters)
    : parameters_(parameters),
      recent_(std::max<std::size_t>(1, parameters.history_size), parameters.cache_size),
      missing_(std::max<std::size_t>(1, parameters.max_missing)) {}

void Plumtree::start(Context& ctx) {
  ctx_ = &ctx;
  ctx.register_message_handler<plumtree::Gossip>(this, &Plumtree::on_gossip);
  ctx.register_message_handler<plumtree::IHave>(this, &Plumtree::on_ihave);
  ctx.register_message_handler<plumtree::Graft>(this, &Plumtree::on_graft);
  ctx.register_message_handler<plumtree::Prune>(this, &Plumtree::on_prune);
  ctx.register_request_handler<Broadcast, BroadcastAccepted>(
      [this](const Broadcast& request, Responder<BroadcastAccepted> answer) { broadcast(request, std::move(answer)); });
  ctx.subscribe<NeighborUp>([this](const NeighborUp& up) { neighbor_up(up.host); });
  ctx.subscribe<NeighborDown>([this](const NeighborDown& down) { neighbor_down(down.host); });
}

void Plumtree::init(Context& ctx) {
  recent_.set_salt(ctx.random());
  const auto jitter = static_cast<double>(parameters_.timeout1.count()) * std::max(0.0, parameters_.timeout_jitter);
  timeout1_ = parameters_.timeout1 +
              Duration{static_cast<Duration::rep>(ctx.random_below(static_cast<std::uint64_t>(jitter) + 1))};
  ctx.request<GetPeers, Peers>(GetPeers{}, [this](Result<Peers> peers) {
    if (!peers) return;
    for (const Host& each : peers->hosts) neighbor_up(each);
  });
}

// -- Peers.

std::vector<Host> Plumtree::peers_of(bool eager) const {
  std::vector<Host> hosts;
  for (const Peer& each : peers_)
    if (each.eager == eager) hosts.push_back(each.host);
  return hosts;
}

void Plumtree::set_eager(const Host& host, bool eager) {
  for (Peer& each : peers_)
    if (each.host == host) each.eager = eager;
}

bool Plumtree::is_eager(const Host& host) const {
  return std::any_of(peers_.begin(), peers_.end(), [&](const Peer& each) { return each.eager && each.host == host; });
}

void Plumtree::neighbor_up(const Host& host) {
  const bool known = std::any_of(peers_.begin(), peers_.end(), [&](const Peer& each) { return each.host == host; });
  if (!known && peers_.size() < max_peers) peers_.push_back({host, true});
}

void Plumtree::neighbor_down(const Host& host) {
  std::erase_if(peers_, [&](const Peer& each) { return each.host == host; });
  std::erase_if(owed_, [&](const Owed& each) { return each.to == host; });
  missing_.forget(host);
}

// -- Pushing.

void Plumtree::broadcast(const Broadcast& request, Responder<BroadcastAccepted> answer) {
  if (request.payload.size() > parameters_.max_payload)
    return answer.fail({ErrorCode::too_large, "a broadcast of " + std::to_string(request.payload.size()) + " bytes"});
  const MessageUid uid{ctx_->random(), ctx_->random()};
  deliver(uid, std::make_shared<const Bytes>(request.payload), 0, ctx_->self());
  answer.reply({uid.high, uid.low});
}

void Plumtree::deliver(const MessageUid& uid, const std::shared_ptr<const Bytes>& payload, std::uint32_t round,
                       const Host& from) {
  (void)recent_.add(uid, payload, round);
  push({uid, next(round), {payload}}, from);
  announce({uid, next(round)}, from);
  (void)ctx_->publish(Delivered{uid.high, uid.low, payload, round, from});
}

void Plumtree::push(const plumtree::Gossip& message, const Host& except) {
  MessageBox box;
  for (const Peer& each : peers_) {
    if (!each.eager || each.host == except) continue;
    if (!box) box = MessageBox::make(message);
    if (!ctx_->send(box, each.host)) owe(each.host, {message.uid, message.round});
  }
}

void Plumtree::announce(const plumtree::Announcement& announcement, const Host& except) {
  if (parameters_.ihave_delay > Duration{0}) {
    lazy_queue_.push_back({announcement, except});
    if (lazy_queue_.size() >= max_announcements) return flush();
    if (flush_timer_ == 0) flush_timer_ = ctx_->start_timer(parameters_.ihave_delay, [this] { flush(); });
    return;
  }
  MessageBox box;
  for (const Peer& each : peers_) {
    if (each.eager || each.host == except) continue;
    if (!box) box = MessageBox::make(plumtree::IHave{announcement, {}});
    if (!ctx_->send(box, each.host)) owe(each.host, announcement);
  }
}

void Plumtree::flush() {
  if (flush_timer_ != 0) (void)ctx_->cancel_timer(std::exchange(flush_timer_, 0));
  for (const Peer& each : peers_) {
    if (each.eager) continue;
    plumtree::IHave message;
    bool any = false;
    for (const Queued& queued : lazy_queue_) {
      if (queued.except == each.host) continue;
      if (!std::exchange(any, true)) {
        message.first = queued.announcement;
      } else {
        message.more.push_back(queued.announcement);
      }
    }
    if (any) tell(std::move(message), each.host);
  }
  lazy_queue_.clear();
}

void Plumtree::owe(const Host& to, const plumtree::Announcement& announcement) {
  if (owed_.size() < max_owed) owed_.push_back({to, announcement});
}

void Plumtree::on_session_writable(const Host& host) {
  plumtree::IHave message;
  bool any = false;
  std::erase_if(owed_, [&](const Owed& each) {
    if (each.to != host) return false;
    if (!std::exchange(any, true)) {
      message.first = each.announcement;
    } else {
      message.more.push_back(each.announcement);
    }
    return true;
  });
  if (any) tell(std::move(message), host);
}

// -- What arrives.

void Plumtree::prefetch(const MessageBox* message) const {
  if (message == nullptr) return;
  prefetch_lines(peers_.data(), 4);
  if (message->is<plumtree::Gossip>()) {
    recent_.prefetch(message->as<plumtree::Gossip>().uid);
    missing_.prefetch();
  } else if (message->is<plumtree::IHave>()) {
    recent_.prefetch(message->as<plumtree::IHave>().first.uid);
    missing_.prefetch();
  }
}

void Plumtree::on_gossip(const plumtree::Gossip& message, const Host& from) {
  ++traffic_.payload;
  if (!message.payload.value || message.payload.value->size() > parameters_.max_payload) return;
  if (recent_.contains(message.uid)) {
    ++traffic_.redundant;
    set_eager(from, false);
    tell(plumtree::Prune{}, from);
    return;
  }
  ++traffic_.delivered;
  set_eager(from, true);
  deliver(message.uid, message.payload.value, message.round, from);
  if (missing_.empty()) return;
  if (parameters_.threshold != 0) optimise(message.uid, message.round, from);
  missing_.erase(message.uid);
  if (missing_.empty() && missing_timer_ != 0) (void)ctx_->cancel_timer(std::exchange(missing_timer_, 0));
}

// Somebody announced the message over a path that is shorter by `threshold` hops: its link takes the place of the one
// over which the message came.
void Plumtree::optimise(const MessageUid& uid, std::uint32_t round, const Host& from) {
  const MissingMessages::Announcer* shorter = missing_.shortest(uid);
  if (shorter == nullptr || shorter->round >= round || round - shorter->round < parameters_.threshold) return;
  if (!ctx_->send(plumtree::Graft{std::nullopt, shorter->round}, shorter->host)) return;
  tell(plumtree::Prune{}, from);
  set_eager(shorter->host, true);
  set_eager(from, false);
  ++traffic_.optimised;
}

void Plumtree::on_ihave(const plumtree::IHave& message, const Host& from) {
  ++traffic_.control;
  announced(message.first, from);
  const std::size_t count = std::min(message.more.size(), max_announcements);
  for (std::size_t i = 0; i < count; ++i) announced(message.more[i], from);
}

void Plumtree::announced(const plumtree::Announcement& announcement, const Host& from) {
  if (recent_.contains(announcement.uid)) return;
  missing_.announce(announcement.uid, from, announcement.round, ctx_->now() + timeout1_);
  arm();
}

void Plumtree::arm() {
  if (missing_timer_ != 0) return;
  const auto due = missing_.due();
  if (!due) return;
  const Duration now = ctx_->now();
  missing_timer_ = ctx_->start_timer(*due > now ? *due - now : Duration{0}, [this] { ask(); });
}

void Plumtree::ask() {
  missing_timer_ = 0;
  const Duration now = ctx_->now();
  // Rather from one whose link has become eager meanwhile: further links would be cycles.
  const auto eager = [this](const Host& host) { return is_eager(host); };
  while (auto due = missing_.take_due(now, now + parameters_.timeout2, eager)) {
    // Those that are neighbours no more are passed over; the next announcer is asked at once.
    while (!ctx_->send(plumtree::Graft{due->uid, due->from.round}, due->from.host)) {
      auto other = missing_.take_announcer(due->uid);
      if (!other) break;
      due->from = std::move(*other);
    }
    set_eager(due->from.host, true);
    ++traffic_.grafted;
  }
  arm();
}

void Plumtree::on_graft(const plumtree::Graft& message, const Host& from) {
  ++traffic_.control;
  set_eager(from, true);
  if (!message.uid) return;
  if (const auto* entry = recent_.find(*message.uid); entry != nullptr && entry->payload)
    tell(plumtree::Gossip{entry->uid, next(entry->round), {entry->payload}}, from);
}

void Plumtree::on_prune(const plumtree::Prune&, const Host& from) {
  ++traffic_.control;
  set_eager(from, false);
}

std::unique_ptr<Broadcaster> make_plumtree(PlumtreeParameters parameters) {
  return std::make_unique<Plumtree>(parameters);
}

}  // namespace myelin::protocol
