#include "protocol/overlays/hyparview.hpp"

#include <algorithm>
#include <utility>

namespace myelin::protocol {

namespace {

// What a peer may send in one shuffle; the rest is not looked at.
constexpr std::size_t max_shuffle_nodes = 64;
constexpr std::size_t max_asked = 64;
constexpr std::size_t none = static_cast<std::size_t>(-1);

}  // namespace

HyParView::HyParView(HyParViewParameters parameters)
    : passive_(parameters.passive_view_size), courier_(parameters.linger), parameters_(std::move(parameters)) {
  active_.reserve(parameters_.active_view_size);
}

void HyParView::start(Context& ctx) {
  ctx_ = &ctx;
  courier_.start(ctx);
  ctx.register_message_handler<hyparview::JoinMessage>(this, &HyParView::on_join);
  ctx.register_message_handler<hyparview::ForwardJoin>(this, &HyParView::on_forward_join);
  ctx.register_message_handler<hyparview::Neighbor>(this, &HyParView::on_neighbor);
  ctx.register_message_handler<hyparview::NeighborReply>(this, &HyParView::on_neighbor_reply);
  ctx.register_message_handler<hyparview::Disconnect>(this, &HyParView::on_disconnect);
  ctx.register_message_handler<hyparview::Shuffle>(this, &HyParView::on_shuffle);
  ctx.register_message_handler<hyparview::ShuffleReply>(this, &HyParView::on_shuffle_reply);
  ctx.register_request_handler<GetPeers, Peers>([this](const GetPeers& request, Responder<Peers> answer) {
    Peers peers{active_};
    std::erase(peers.hosts, request.except);
    if (request.count != 0) keep_random(peers.hosts, request.count, [this](std::uint64_t n) { return draw(n); });
    answer.reply(std::move(peers));
  });
  ctx.register_request_handler<Join, Joined>([this](const Join& request, Responder<Joined> answer) {
    join(request.contact);
    answer.reply({});
  });
}

void HyParView::init(Context& ctx) {
  if (const Duration period = parameters_.shuffle_period; period > Duration{0}) {
    const Duration first{static_cast<Duration::rep>(ctx.random_below(static_cast<std::uint64_t>(period.count())))};
    (void)ctx.start_periodic_timer(first + Duration{1}, period, [this] { cycle(); });
  }
  join_any();
}

// -- Joining.

void HyParView::join_any() {
  const Host* contact = choose(
      parameters_.contacts, [this](std::uint64_t n) { return draw(n); },
      [this](const Host& each) { return each != ctx_->self() && !each.empty(); });
  if (contact != nullptr) join(*contact);
}

void HyParView::join(const Host& contact) {
  if (contact == ctx_->self() || contact.empty()) return;
  joining_ = contact;
  if (courier_.connected(contact)) {
    on_session_connected(contact);
  } else {
    courier_.connect(contact);
  }
}

void HyParView::await_walks() {
  if (walks_ != 0) (void)ctx_->cancel_timer(walks_);
  linked_ = false;
  walks_ = ctx_->start_timer(parameters_.neighbor_timeout, [this] {
    walks_ = 0;
    member_ = !active_.empty();
    repair();
  });
}

void HyParView::joining_failed() {
  joining_ = {};
  if (rejoin_ != 0) return;
  rejoin_ = ctx_->start_timer(parameters_.join_retry, [this] {
    rejoin_ = 0;
    if (active_.empty() && joining_.empty()) join_any();
  });
}

void HyParView::on_join(const hyparview::JoinMessage&, const Host& from) {
  if (!courier_.heeds(from)) return;
  if (!is_active(from)) {
    if (full()) make_room_for_join();
    add_active(from);
    newest_ = from;
    newest_since_ = ctx_->now();
  }
  const auto box = MessageBox::make<hyparview::ForwardJoin>({from, static_cast<std::uint8_t>(parameters_.arwl)});
  for (const Host& each : active_)
    if (each != from) courier_.post(box, each);
}

void HyParView::on_forward_join(const hyparview::ForwardJoin& message, const Host& from) {
  if (!courier_.heeds(from)) return;
  stranger(from);
  if (message.joiner == ctx_->self() || message.joiner.empty()) return;
  if (message.ttl == 0 || active_.size() <= 1) {
    if (!is_active(message.joiner)) ask(message.joiner, true);
    return;
  }
  if (message.ttl == parameters_.prwl) add_passive(message.joiner);
  const Host* next = choose(
      active_, [this](std::uint64_t n) { return draw(n); },
      [&](const Host& each) { return each != from && each != message.joiner; });
  if (next != nullptr) {
    const auto ttl = std::min<unsigned>(message.ttl - 1u, parameters_.arwl);
    tell(hyparview::ForwardJoin{message.joiner, static_cast<std::uint8_t>(ttl)}, *next);
  } else if (!is_active(message.joiner)) {
    ask(message.joiner, true);
  }
}

// -- Links.

std::size_t HyParView::asked(const Host& host) const {
  for (std::size_t i = 0; i < asked_.size(); ++i)
    if (asked_[i].host == host) return i;
  return none;
}

void HyParView::ask(const Host& host, bool replace) {
  if (asked(host) != none || asked_.size() >= max_asked) return;
  const bool high_priority = replace || active_.empty() || urgent_;
  if (auto sent = courier_.send(MessageBox::make<hyparview::Neighbor>({high_priority}), host); !sent) return;
  // A peer that takes the request and never answers; a dial that fails tells so itself.
  const TimerId timer = ctx_->start_timer(parameters_.neighbor_timeout, [this, host] {
    if (const std::size_t at = asked(host); at != none) {
      courier_.close(host);
      lost(host, false);
    }
  });
  asked_.push_back({host, timer, replace, false});
}

// The request at that place is over.
void HyParView::answered(std::size_t at) {
  (void)ctx_->cancel_timer(asked_[at].timer);
  if (repairing_ == asked_[at].host) repairing_ = {};
  if (at + 1 != asked_.size()) asked_[at] = std::move(asked_.back());
  asked_.pop_back();
}

void HyParView::on_neighbor(const hyparview::Neighbor& message, const Host& from) {
  if (!courier_.heeds(from)) return;
  if (is_active(from)) return tell(hyparview::NeighborReply{true}, from);
  const bool accepted = message.high_priority || !full();
  if (accepted) {
    linked_ = true;
    if (full()) drop_random_active();
    add_active(from);
  }
  tell(hyparview::NeighborReply{accepted}, from);
}

void HyParView::on_neighbor_reply(const hyparview::NeighborReply& message, const Host& from) {
  if (!courier_.heeds(from)) return;
  const std::size_t at = asked(from);
  const bool replace = at != none && asked_[at].replace;
  if (at != none) answered(at);
  if (message.accepted && !is_active(from)) {
    if (full() && replace) drop_random_active();
    if (full()) {
      tell(hyparview::Disconnect{}, from);  // the place was taken meanwhile; it has us in its view
      courier_.keep(from, false);
    } else {
      add_active(from);
    }
  }
  repair();
}

void HyParView::on_disconnect(const hyparview::Disconnect&, const Host& from) {
  if (!courier_.heeds(from)) return;
  const bool was = remove_active(from);
  courier_.close(from);
  if (!was) return;
  add_passive(from);
  repair();
}

// Membership messages go over links only. One from a host that is no link of ours means that it has one to us.
void HyParView::stranger(const Host& from) {
  if (is_active(from) || asked(from) != none) return;
  tell(hyparview::Disconnect{}, from);
  courier_.keep(from, false);
}

void HyParView::add_active(const Host& host) {
  if (host == ctx_->self() || is_active(host)) return;
  (void)passive_.remove(host);
  active_.push_back(host);
  courier_.keep(host, true);
  (void)ctx_->publish(NeighborUp{host});
}

bool HyParView::remove_active(const Host& host) {
  if (!remove_unordered(active_, host)) return false;
  rounds_ = rounds_after_loss;
  courier_.keep(host, false);
  (void)ctx_->publish(NeighborDown{host});
  return true;
}

void HyParView::drop_random_active() { drop(Host(active_[static_cast<std::size_t>(draw(active_.size()))])); }

void HyParView::drop(const Host& dropped) {
  tell(hyparview::Disconnect{}, dropped);
  (void)remove_active(dropped);
  add_passive(dropped);
}

// Of a crowd, whose JOINs come closer than their walks take, the newest goes: the links that FORWARDJOINs walk on over
// stay those into the overlay. Were they given away at random, a crowd that comes faster than its walks end would soon
// hold all of them, know nobody but itself, and could be cut off as a whole.
void HyParView::make_room_for_join() {
  if (is_active(newest_) && ctx_->now() - newest_since_ < parameters_.join_crowd) return drop(Host(newest_));
  drop_random_active();
}

void HyParView::add_passive(const Host& host) {
  if (host == ctx_->self() || host.empty() || is_active(host)) return;
  passive_.add(host, [this](std::uint64_t n) { return draw(n); });
}

// Fewer than all but one: what the paper's fanout needs.
bool HyParView::short_of_links() const {
  return active_.size() < std::max<std::size_t>(parameters_.active_view_size - 1, 1);
}

// Whether a free place is offered. After a loss it is, for some cycles, to all that the passive view holds by then.
// When all of them have refused, one place may stay free (a node with a place is what others look for); see cycle().
// Not while FORWARDJOINs are on their way: their ends, all over the overlay, are to be the neighbours of a node that is
// new. Those that it knows by then are as new as itself, and a crowd whose views fill up with each other is cut off.
bool HyParView::wants_links() const {
  if (full()) return false;
  if (walks_ != 0) return active_.empty() && linked_;
  return rounds_ > 0;
}

// The reactive step: a free place is offered to one node of the passive view after the other.
void HyParView::repair() {
  while (wants_links() && repairing_.empty()) {
    const Host* next = passive_.try_next([this](std::uint64_t n) { return draw(n); });
    if (next == nullptr) {
      if (!active_.empty() || !joining_.empty() || !asked_.empty()) return;
      if (recall()) continue;
      return joining_failed();
    }
    if (asked(*next) != none) continue;
    const Host candidate = *next;
    // A node that has no link left and turns to its contact asks for new walks, not for one place that the next takes.
    if (active_.empty() && contains(parameters_.contacts, candidate)) {
      if (joining_.empty()) join(candidate);
      continue;
    }
    ask(candidate, false);
    if (asked(candidate) != none) repairing_ = candidate;
  }
}

// Of those that the passive view holds now, one is noted every cycle.
void HyParView::note_passive() {
  if (passive_.size() == 0) return;
  const Host& host = passive_.hosts()[static_cast<std::size_t>(draw(passive_.size()))];
  if (noted_.size() < parameters_.passive_view_size) {
    noted_.push_back(host);
  } else {
    noted_[oldest_noted_] = host;
    oldest_noted_ = (oldest_noted_ + 1) % noted_.size();
  }
}

// A node that has lost all it knew goes through those that it knew before, once. False if there are none.
bool HyParView::recall() {
  const std::vector<Host> noted = std::exchange(noted_, {});
  oldest_noted_ = 0;
  for (const Host& each : noted) add_passive(each);
  return !noted.empty();
}

// -- Sessions.

void HyParView::on_session_connected(const Host& host) {
  courier_.on_connected(host);
  if (host != joining_) return;
  joining_ = {};
  tell(hyparview::JoinMessage{}, host);
  if (!member_) await_walks();
  if (is_active(host)) return;
  if (full()) drop_random_active();
  add_active(host);
}

void HyParView::on_session_disconnected(const Host& host, const Error&) {
  const bool redialled = courier_.on_disconnected(host);
  (void)remove_active(host);
  if (redialled) return repair();
  lost(host, true);
}

void HyParView::on_session_failed(const Host& host, const Error&) {
  if (courier_.on_failed(host)) lost(host, false);
}

void HyParView::on_session_given_up(const Host& host, unsigned) {
  if (courier_.on_failed(host)) lost(host, false);
}

// No session with that host. A request that it had not answered may have met the end of an older session: it is made
// once more.
void HyParView::lost(const Host& host, bool retry) {
  (void)remove_active(host);
  if (host == joining_ && !retry) joining_failed();
  if (const std::size_t at = asked(host); at != none) {
    const Asked old = asked_[at];
    const bool repairing = repairing_ == host;
    answered(at);
    if (retry && !old.retried) {
      ask(host, old.replace);
      if (const std::size_t again = asked(host); again != none) {
        asked_[again].retried = true;
        if (repairing) repairing_ = host;
        return;
      }
    }
    (void)passive_.remove(host);
  } else if (!retry) {
    (void)passive_.remove(host);
  }
  repair();
}

// -- Cycles.

void HyParView::cycle() {
  passive_.forget_tries();
  if (rounds_ > 0) --rounds_;
  // Asking goes on at a node that is shorter of links, and at one that knows so few that it may be in a small piece of
  // the overlay.
  if (short_of_links() || knows_few()) rounds_ = std::max(rounds_, 1u);
  // Few who know only each other would be refused by all others, whose views are full, for ever.
  urgent_ = short_of_links() && was_short_;
  was_short_ = short_of_links();
  if (urgent_ || (!full() && knows_few()))
    for (const Host& each : parameters_.contacts) add_passive(each);
  repair();
  note_passive();
  const Host* target = choose(active_, [this](std::uint64_t n) { return draw(n); }, [](const Host&) { return true; });
  if (target == nullptr) {
    if (joining_.empty() && asked_.empty() && rejoin_ == 0 && walks_ == 0) join_any();
    return;
  }
  Host to = *target;
  // A piece of the overlay that is cut off has only its own nodes to exchange with: a contact leads out of it.
  if (knows_few() && draw(2) == 0) {
    const Host* outside = choose(
        parameters_.contacts, [this](std::uint64_t n) { return draw(n); },
        [this](const Host& each) { return each != ctx_->self() && !each.empty() && !is_active(each); });
    if (outside != nullptr) to = *outside;
  }
  const auto random = [this](std::uint64_t n) { return draw(n); };
  std::vector<Host> nodes = active_;
  (void)remove_unordered(nodes, to);
  keep_random(nodes, parameters_.ka, random);
  std::vector<Host> spare = sample(passive_.hosts(), parameters_.kp, random);
  shuffled_ = spare;
  nodes.reserve(nodes.size() + spare.size() + 1);
  for (Host& each : spare) nodes.push_back(std::move(each));
  nodes.push_back(ctx_->self());
  tell(hyparview::Shuffle{ctx_->self(), static_cast<std::uint8_t>(parameters_.arwl),
                          Shared<std::vector<Host>>::of(std::move(nodes))},
       to);
}

void HyParView::on_shuffle(const hyparview::Shuffle& message, const Host& from) {
  if (!courier_.heeds(from)) return;
  stranger(from);
  if (message.origin == ctx_->self() || message.origin.empty() || !message.nodes.value) return;
  const unsigned ttl = std::min<unsigned>(message.ttl, parameters_.arwl);
  if (ttl > 1 && active_.size() > 1) {
    const Host* next = choose(
        active_, [this](std::uint64_t n) { return draw(n); },
        [&](const Host& each) { return each != from && each != message.origin; });
    if (next != nullptr)
      return tell(hyparview::Shuffle{message.origin, static_cast<std::uint8_t>(ttl - 1), message.nodes}, *next);
  }
  std::vector<Host> answer = sample(passive_.hosts(), std::min(message.nodes.value->size(), max_shuffle_nodes),
                                    [this](std::uint64_t n) { return draw(n); });
  std::vector<Host> sent = answer;
  tell(hyparview::ShuffleReply{Shared<std::vector<Host>>::of(std::move(answer))}, message.origin);
  merge(*message.nodes.value, std::move(sent));
}

void HyParView::on_shuffle_reply(const hyparview::ShuffleReply& message, const Host& from) {
  if (!courier_.heeds(from) || !message.nodes.value) return;
  merge(*message.nodes.value, std::exchange(shuffled_, {}));
}

void HyParView::merge(const std::vector<Host>& nodes, std::vector<Host> sent) {
  const std::size_t count = std::min(nodes.size(), max_shuffle_nodes);
  for (std::size_t i = 0; i < count; ++i) {
    const Host& each = nodes[i];
    if (each == ctx_->self() || each.empty() || is_active(each)) continue;
    passive_.exchange(each, sent, [this](std::uint64_t n) { return draw(n); });
  }
  repair();
}

std::unique_ptr<Membership> make_hyparview(HyParViewParameters parameters) {
  return std::make_unique<HyParView>(std::move(parameters));
}

}  // namespace myelin::protocol
