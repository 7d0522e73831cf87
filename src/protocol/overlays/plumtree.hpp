// Plumtree, SRDS 2007: payloads are pushed along the links of a tree, ids are announced over the others, and what was
// announced and does not come is asked for, which mends the tree.
//
// Invariants: peers are the neighbours that the membership told of, each either eager or lazy; a message is delivered
// once, as long as its id is remembered. Announcements that could not be sent because a session was blocked are sent
// when it is writable again. Thread: that of the runtime.
#pragma once

#include "myelin/protocols.hpp"
#include "protocol/lookahead.hpp"
#include "protocol/overlays/missing_messages.hpp"
#include "protocol/overlays/plumtree_messages.hpp"
#include "protocol/overlays/recent_messages.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace myelin::protocol {

class Plumtree final : public Broadcaster, public Lookahead {
 public:
  static constexpr ProtocolId protocol_id = 0x5054;  // "PT"

  explicit Plumtree(PlumtreeParameters parameters);

  ProtocolId id() const override { return protocol_id; }
  std::string_view name() const override { return "plumtree"; }
  void start(Context& ctx) override;
  void init(Context& ctx) override;
  void on_session_writable(const Host& host) override;

  const Traffic& traffic() const override { return traffic_; }
  std::vector<Host> eager_push_peers() const override { return peers_of(true); }
  std::vector<Host> lazy_push_peers() const override { return peers_of(false); }
  void prefetch(const MessageBox* message) const override;

 private:
  struct Peer {
    Host host;
    bool eager = true;
  };
  struct Owed {
    Host to;
    plumtree::Announcement announcement;
  };
  struct Queued {
    plumtree::Announcement announcement;
    Host except;
  };

  void broadcast(const Broadcast& request, Responder<BroadcastAccepted> answer);
  void on_gossip(const plumtree::Gossip& message, const Host& from);
  void on_ihave(const plumtree::IHave& message, const Host& from);
  void on_graft(const plumtree::Graft& message, const Host& from);
  void on_prune(const plumtree::Prune&, const Host& from);
  void neighbor_up(const Host& host);
  void neighbor_down(const Host& host);

  void deliver(const MessageUid& uid, const std::shared_ptr<const Bytes>& payload, std::uint32_t round,
               const Host& from);
  void push(const plumtree::Gossip& message, const Host& except);
  void announce(const plumtree::Announcement& announcement, const Host& except);
  void flush();
  void optimise(const MessageUid& uid, std::uint32_t round, const Host& from);
  void announced(const plumtree::Announcement& announcement, const Host& from);
  void arm();
  void ask();
  void set_eager(const Host& host, bool eager);
  // What is refused is counted: the protocol mends a loss by itself.
  template <Message M>
  void tell(M message, const Host& to) {
    if (!ctx_->send(std::move(message), to)) ++traffic_.unsent;
  }
  void owe(const Host& to, const plumtree::Announcement& announcement);
  bool is_eager(const Host& host) const;
  std::vector<Host> peers_of(bool eager) const;

  PlumtreeParameters parameters_;
  Context* ctx_ = nullptr;
  std::vector<Peer> peers_;
  RecentMessages recent_;
  MissingMessages missing_;
  Duration timeout1_{};  // this node's, with its jitter
  TimerId missing_timer_ = 0;
  TimerId flush_timer_ = 0;
  std::vector<Queued> lazy_queue_;
  std::vector<Owed> owed_;
  Traffic traffic_;
};

}  // namespace myelin::protocol
