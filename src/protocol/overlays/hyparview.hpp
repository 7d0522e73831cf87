// HyParView, DSN 2007: a small symmetric active view of open sessions, which notice a failed node, and a larger passive
// view from which it is replaced.
//
// Invariants: the active view never holds this node, nor a host twice, nor more than active_view_size; no host is in
// both views. A link stands on a session: when that ends, both sides drop the link. A link that one side only has ends
// at the next membership message over it (see stranger()). At most one request that is to fill a free place is under
// way at a time. Thread: that of the runtime.
#pragma once

#include "myelin/protocols.hpp"
#include "protocol/lookahead.hpp"
#include "protocol/overlays/courier.hpp"
#include "protocol/overlays/hyparview_messages.hpp"
#include "protocol/overlays/passive_view.hpp"
#include "protocol/overlays/sample.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace myelin::protocol {

class HyParView final : public Membership, public Lookahead {
 public:
  static constexpr ProtocolId protocol_id = 0x4850;  // "HP"

  explicit HyParView(HyParViewParameters parameters);

  ProtocolId id() const override { return protocol_id; }
  std::string_view name() const override { return "hyparview"; }
  void start(Context& ctx) override;
  void init(Context& ctx) override;
  void on_session_connected(const Host& host) override;
  void on_session_disconnected(const Host& host, const Error& why) override;
  void on_session_failed(const Host& host, const Error& why) override;
  void on_session_given_up(const Host& host, unsigned attempts) override;

  std::vector<Host> active_view() const override { return active_; }
  std::vector<Host> passive_view() const override { return passive_.hosts(); }
  void cycle() override;
  void prefetch(const MessageBox*) const override {
    courier_.prefetch();
    prefetch_lines(active_.data(), 4);
    passive_.prefetch();
  }

 private:
  // Cycles in which a free place is offered after a loss: the rest of the one that it happened in, and those after it.
  static constexpr unsigned rounds_after_loss = 10;

  // A NEIGHBOR that was sent, or waits for its session.
  struct Asked {
    Host host;
    TimerId timer = 0;
    bool replace = false;  // accepted, it takes a place from another (the end of a FORWARDJOIN)
    bool retried = false;
  };

  void on_join(const hyparview::JoinMessage&, const Host& from);
  void on_forward_join(const hyparview::ForwardJoin& message, const Host& from);
  void on_neighbor(const hyparview::Neighbor& message, const Host& from);
  void on_neighbor_reply(const hyparview::NeighborReply& message, const Host& from);
  void on_disconnect(const hyparview::Disconnect&, const Host& from);
  void on_shuffle(const hyparview::Shuffle& message, const Host& from);
  void on_shuffle_reply(const hyparview::ShuffleReply& message, const Host& from);

  void join(const Host& contact);
  void join_any();
  void await_walks();
  void joining_failed();
  void ask(const Host& host, bool replace);
  void answered(std::size_t asked);
  void lost(const Host& host, bool retry);
  void repair();
  void note_passive();
  bool recall();
  void stranger(const Host& from);

  bool is_active(const Host& host) const { return contains(active_, host); }
  bool full() const { return active_.size() >= parameters_.active_view_size; }
  std::size_t asked(const Host& host) const;
  void add_active(const Host& host);
  bool remove_active(const Host& host);
  void drop_random_active();
  void drop(const Host& host);
  void make_room_for_join();
  bool short_of_links() const;
  bool knows_few() const { return passive_.size() * 2 < parameters_.passive_view_size; }
  bool wants_links() const;
  void add_passive(const Host& host);
  void merge(const std::vector<Host>& nodes, std::vector<Host> sent);
  template <Message M>
  void tell(M message, const Host& to) {
    courier_.post(MessageBox::make<M>(std::move(message)), to);
  }
  std::uint64_t draw(std::uint64_t bound) { return ctx_->random_below(bound); }

  // What most messages touch comes first.
  Context* ctx_ = nullptr;
  std::vector<Host> active_;
  PassiveView passive_;
  Courier courier_;
  std::vector<Asked> asked_;
  Host repairing_;           // the one that was asked to fill a free place; empty: none
  Host joining_;             // the contact whose session is awaited; empty: none
  std::vector<Host> noted_;  // that the passive view held at the last cycles, a ring once it is as large as that
  std::size_t oldest_noted_ = 0;
  std::vector<Host> shuffled_;  // what the last SHUFFLE of this node held
  Host newest_;                 // the last that joined through this node
  Duration newest_since_{0};    // when
  TimerId rejoin_ = 0;
  TimerId walks_ = 0;       // until the FORWARDJOINs of this node's JOIN should have ended
  bool linked_ = false;     // one of them has
  bool member_ = false;     // once they ended and left a link: what it knows is all over the overlay, it waits no more
  unsigned rounds_ = 0;     // cycles in which a free place is still offered
  bool was_short_ = false;  // of links, when the last cycle began
  bool urgent_ = false;     // it still is, a whole cycle later: its requests have high priority
  const HyParViewParameters parameters_;
};

}  // namespace myelin::protocol
