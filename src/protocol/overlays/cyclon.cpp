#include "protocol/overlays/cyclon.hpp"

#include <algorithm>
#include <utility>

namespace myelin::protocol {

Cyclon::Cyclon(CyclonParameters parameters)
    : parameters_(std::move(parameters)), courier_(parameters_.linger), view_(parameters_.view_size) {}

void Cyclon::start(Context& ctx) {
  ctx_ = &ctx;
  courier_.start(ctx);
  ctx.register_message_handler<cyclon::ShuffleRequest>(this, &Cyclon::on_shuffle);
  ctx.register_message_handler<cyclon::ShuffleAnswer>(this, &Cyclon::on_answer);
  ctx.register_message_handler<cyclon::JoinRequest>(this, &Cyclon::on_join);
  ctx.register_message_handler<cyclon::JoinWalk>(this, &Cyclon::on_walk);
  ctx.register_message_handler<cyclon::JoinPlace>(this, &Cyclon::on_place);
  ctx.register_request_handler<GetPeers, Peers>(
      [this](const GetPeers& request, Responder<Peers> answer) { peers(request, std::move(answer)); });
  ctx.register_request_handler<Join, Joined>([this](const Join& request, Responder<Joined> answer) {
    join(request.contact);
    answer.reply({});
  });
}

void Cyclon::init(Context& ctx) {
  view_.set_self(ctx.self());
  if (const Duration period = parameters_.shuffle_period; period > Duration{0}) {
    const Duration first{static_cast<Duration::rep>(ctx.random_below(static_cast<std::uint64_t>(period.count())))};
    (void)ctx.start_periodic_timer(first + Duration{1}, period, [this] { cycle(); });
  }
  join_any();
}

std::vector<Host> Cyclon::active_view() const {
  std::vector<Host> hosts;
  hosts.reserve(view_.size());
  for (const CyclonEntry& each : view_.entries()) hosts.push_back(each.host);
  return hosts;
}

void Cyclon::peers(const GetPeers& request, Responder<Peers> answer) {
  Peers found{active_view()};
  std::erase(found.hosts, request.except);
  if (request.count != 0) keep_random(found.hosts, request.count, [this](std::uint64_t n) { return draw(n); });
  for (const Host& each : found.hosts) courier_.touch(each);
  answer.reply(std::move(found));
}

// -- Joining.

void Cyclon::join_any() {
  const Host* contact = choose(
      parameters_.contacts, [this](std::uint64_t n) { return draw(n); },
      [this](const Host& each) { return each != ctx_->self() && !each.empty(); });
  if (contact != nullptr) join(*contact);
}

void Cyclon::join(const Host& contact) {
  if (contact == ctx_->self() || contact.empty()) return;
  tell(cyclon::JoinRequest{}, contact);
}

void Cyclon::on_join(const cyclon::JoinRequest&, const Host& from) {
  if (!courier_.heeds(from)) return;
  for (std::size_t i = 0; i < parameters_.view_size; ++i) walk(from, parameters_.join_ttl);
}

void Cyclon::on_walk(const cyclon::JoinWalk& message, const Host& from) {
  if (!courier_.heeds(from) || message.joiner.empty() || message.joiner == ctx_->self()) return;
  walk(message.joiner, std::min<unsigned>(message.ttl, parameters_.join_ttl));
}

// One more hop of a walk that has `ttl` left.
void Cyclon::walk(const Host& joiner, unsigned ttl) {
  const CyclonEntry* next = nullptr;
  if (ttl > 0)
    next = choose(
        view_.entries(), [this](std::uint64_t n) { return draw(n); },
        [&](const CyclonEntry& each) { return each.host != joiner; });
  if (next == nullptr) return end_walk(joiner);
  tell(cyclon::JoinWalk{joiner, static_cast<std::uint8_t>(ttl - 1)}, next->host);
}

void Cyclon::end_walk(const Host& joiner) {
  if (view_.contains(joiner)) return;
  if (view_.add({joiner, 0})) return tell(cyclon::JoinPlace{{ctx_->self(), 0}}, joiner);
  auto replaced = view_.replace_random({joiner, 0}, [this](std::uint64_t n) { return draw(n); });
  if (replaced) tell(cyclon::JoinPlace{std::move(*replaced)}, joiner);
}

void Cyclon::on_place(const cyclon::JoinPlace& message, const Host& from) {
  if (courier_.heeds(from)) (void)view_.add(message.entry);
}

// -- The enhanced shuffle.

void Cyclon::cycle() {
  view_.grow_older();
  const auto partner = view_.take_oldest();
  if (!partner) return join_any();
  partner_ = *partner;
  sent_ = view_.sample(parameters_.shuffle_length - std::min<std::size_t>(parameters_.shuffle_length, 1),
                       [this](std::uint64_t n) { return draw(n); });
  std::vector<CyclonEntry> entries;
  entries.reserve(sent_.size() + 1);
  entries = sent_;
  entries.push_back({ctx_->self(), 0});
  tell(cyclon::ShuffleRequest{std::move(entries)}, partner_);
}

void Cyclon::on_shuffle(const cyclon::ShuffleRequest& message, const Host& from) {
  if (!courier_.heeds(from)) return;
  auto chosen = view_.sample(parameters_.shuffle_length, [this](std::uint64_t n) { return draw(n); });
  tell(cyclon::ShuffleAnswer{chosen}, from);
  if (message.entries.size() > parameters_.shuffle_length) return;
  view_.merge(message.entries, std::move(chosen));
}

void Cyclon::on_answer(const cyclon::ShuffleAnswer& message, const Host& from) {
  if (!courier_.heeds(from) || message.entries.size() > parameters_.shuffle_length) return;
  view_.merge(message.entries, from == partner_ ? std::exchange(sent_, {}) : std::vector<CyclonEntry>{});
  if (from == partner_) partner_ = {};
}

// -- Sessions.

void Cyclon::failed(const Host& host) {
  (void)view_.remove(host);
  if (partner_ == host) partner_ = {}, sent_.clear();
}

void Cyclon::on_session_failed(const Host& host, const Error&) {
  if (courier_.on_failed(host)) failed(host);
}

void Cyclon::on_session_given_up(const Host& host, unsigned) {
  if (courier_.on_failed(host)) failed(host);
}

std::unique_ptr<Membership> make_cyclon(CyclonParameters parameters) {
  return std::make_unique<Cyclon>(std::move(parameters));
}

}  // namespace myelin::protocol
