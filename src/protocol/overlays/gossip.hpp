// Flood and eager gossip: each new message goes to all of the membership's peers, or to `fanout` of them chosen anew.
// The baselines that broadcast trees are held against.
//
// Invariants: a message is delivered once, as long as its id is remembered. Runs over any membership: where no session
// is kept, it dials. Thread: that of the runtime.
#pragma once

#include "myelin/protocols.hpp"
#include "protocol/overlays/courier.hpp"
#include "protocol/overlays/message_uid.hpp"
#include "protocol/overlays/recent_messages.hpp"
#include "protocol/overlays/shared.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <tuple>
#include <vector>

namespace myelin::protocol {

namespace gossip {

struct Push {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "myelin.gossip.Push";
  MessageUid uid;
  std::uint32_t round = 0;  // hops to the receiver
  Shared<Bytes> payload;
  auto fields(this auto& self) { return std::tie(self.uid, self.round, self.payload); }
};

}  // namespace gossip

class Gossip final : public Broadcaster {
 public:
  static constexpr ProtocolId protocol_id = 0x4753;  // "GS"

  // `fanout` 0: all.
  Gossip(GossipParameters parameters, std::size_t fanout, std::string_view name);

  ProtocolId id() const override { return protocol_id; }
  std::string_view name() const override { return name_; }
  void start(Context& ctx) override;
  void init(Context& ctx) override;
  void on_session_connected(const Host& host) override { courier_.on_connected(host); }
  void on_session_disconnected(const Host& host, const Error&) override { (void)courier_.on_disconnected(host); }
  void on_session_failed(const Host& host, const Error&) override { (void)courier_.on_failed(host); }
  void on_session_given_up(const Host& host, unsigned) override { (void)courier_.on_failed(host); }

  const Traffic& traffic() const override { return traffic_; }
  std::vector<Host> eager_push_peers() const override { return {}; }
  std::vector<Host> lazy_push_peers() const override { return {}; }

 private:
  void broadcast(const Broadcast& request, Responder<BroadcastAccepted> answer);
  void on_push(const gossip::Push& message, const Host& from);
  void deliver(const MessageUid& uid, const std::shared_ptr<const Bytes>& payload, std::uint32_t round,
               const Host& from);

  GossipParameters parameters_;
  std::size_t fanout_;
  std::string_view name_;
  Context* ctx_ = nullptr;
  Courier courier_;
  RecentMessages recent_;
  Traffic traffic_;
};

}  // namespace myelin::protocol
