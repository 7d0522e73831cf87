#include "protocol/overlays/gossip.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace myelin::protocol {

Gossip::Gossip(GossipParameters parameters, std::size_t fanout, std::string_view name)
    : parameters_(parameters),
      fanout_(fanout),
      name_(name),
      courier_(parameters.linger),
      recent_(std::max<std::size_t>(1, parameters.history_size), 0) {}

void Gossip::start(Context& ctx) {
  ctx_ = &ctx;
  courier_.start(ctx);
  ctx.register_message_handler<gossip::Push>(this, &Gossip::on_push);
  ctx.register_request_handler<Broadcast, BroadcastAccepted>(
      [this](const Broadcast& request, Responder<BroadcastAccepted> answer) { broadcast(request, std::move(answer)); });
}

void Gossip::init(Context& ctx) { recent_.set_salt(ctx.random()); }

void Gossip::broadcast(const Broadcast& request, Responder<BroadcastAccepted> answer) {
  if (request.payload.size() > parameters_.max_payload)
    return answer.fail({ErrorCode::too_large, "a broadcast of " + std::to_string(request.payload.size()) + " bytes"});
  const MessageUid uid{ctx_->random(), ctx_->random()};
  deliver(uid, std::make_shared<const Bytes>(request.payload), 0, ctx_->self());
  answer.reply({uid.high, uid.low});
}

void Gossip::on_push(const gossip::Push& message, const Host& from) {
  if (!courier_.heeds(from)) return;
  ++traffic_.payload;
  if (!message.payload.value || message.payload.value->size() > parameters_.max_payload) return;
  if (recent_.contains(message.uid)) {
    ++traffic_.redundant;
    return;
  }
  ++traffic_.delivered;
  deliver(message.uid, message.payload.value, message.round, from);
}

void Gossip::deliver(const MessageUid& uid, const std::shared_ptr<const Bytes>& payload, std::uint32_t round,
                     const Host& from) {
  (void)recent_.add(uid, nullptr, round);
  auto box = MessageBox::make(gossip::Push{uid, round + 1, {payload}});
  ctx_->request<GetPeers, Peers>({fanout_, from}, [this, box = std::move(box)](Result<Peers> peers) {
    if (!peers) return;
    for (const Host& each : peers->hosts) courier_.post(box, each);
  });
  (void)ctx_->publish(Delivered{uid.high, uid.low, payload, round, from});
}

std::unique_ptr<Broadcaster> make_eager_gossip(GossipParameters parameters) {
  return std::make_unique<Gossip>(parameters, std::max<std::size_t>(1, parameters.fanout), "eager-gossip");
}

std::unique_ptr<Broadcaster> make_flood(GossipParameters parameters) {
  return std::make_unique<Gossip>(parameters, 0, "flood");
}

}  // namespace myelin::protocol
