// The protocols that ship: memberships (HyParView, Cyclon) and broadcasts (Plumtree, flood, eager gossip) that meet in
// one contract, so that any broadcast runs over any membership, yours included.
//
// The contract: a membership answers GetPeers and publishes NeighborUp and NeighborDown (of an overlay whose links are
// kept: HyParView); a broadcast answers Broadcast and publishes Delivered. All within one runtime.
//
//   runtime->add(make_hyparview({.contacts = {{"10.0.0.1", 5001}}}));
//   runtime->add(make_plumtree({}));
//
// Parameters have the names of the papers, and their values. Thread: that of the runtime. Lifetime: the runtime owns
// them.
#pragma once

#include "myelin/api.hpp"
#include "myelin/protocol/protocol.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace myelin::protocol {

// -- The contract of memberships.

struct MYELIN_API NeighborUp {
  Host host;
};
struct MYELIN_API NeighborDown {
  Host host;
};
// At most `count` peers to send to, never `except` and never oneself: the whole active view if `count` is 0.
struct MYELIN_API GetPeers {
  std::size_t count = 0;
  Host except;
};
struct MYELIN_API Peers {
  std::vector<Host> hosts;
};
// Begin to join the overlay through `contact`; answered with an empty Joined at once.
struct MYELIN_API Join {
  Host contact;
};
struct MYELIN_API Joined{};

// -- The contract of broadcasts.

struct MYELIN_API Broadcast {
  Bytes payload;
};
struct MYELIN_API BroadcastAccepted {
  std::uint64_t id_high = 0, id_low = 0;
};
// Published once per node and message, at the origin too.
struct MYELIN_API Delivered {
  std::uint64_t id_high = 0, id_low = 0;
  std::shared_ptr<const Bytes> payload;  // shared by the copies that are forwarded
  std::uint32_t hops = 0;                // 0 at the origin
  Host from;
};

// -- Memberships.

class MYELIN_API Membership : public Protocol {
 public:
  // Where messages go. Symmetric links of live sessions in HyParView, the whole view in Cyclon. Good until the next
  // callback.
  virtual std::vector<Host> active_view() const = 0;
  // Spare nodes, without links.
  virtual std::vector<Host> passive_view() const = 0;
  // One stabilisation cycle, as the period brings it: for those whose period is 0. Within a callback of the runtime.
  virtual void cycle() = 0;
};

// J. Leitão, J. Pereira, L. Rodrigues: "HyParView: a membership protocol for reliable gossip-based broadcast", DSN 2007
// (TR DI-FCUL 07-13).
//
// Where the paper leaves it open: the node at which a FORWARDJOIN ends asks the new node with a NEIGHBOR of high
// priority, so that links are symmetric; the receiver of a DISCONNECT closes the connection; the reply to a SHUFFLE
// goes over a connection of its own, kept for `linger`.
//
// Beyond the paper, for crowds that join through one contact faster than walks end, and for overlays that come to rest:
// a JOIN takes the place of one that has only just come, so that the contact keeps the links that walks begin with; a
// new node asks nobody before its walks should have ended (`neighbor_timeout`), and one without a link joins its
// contact again; a free place is offered after a loss, in ten cycles, and then one may stay free; a node that lacks
// more asks with high priority once it has lacked them for a whole cycle; one whose passive view is not half full
// shuffles with its contact too, every other time. For failures that leave a node nobody of either view: one of the
// passive view is noted every cycle, as many as the view holds, and tried by a node that has no link and knows nobody.
struct HyParViewParameters {
  std::vector<Host> contacts = {};  // one is chosen at random to join through; none: the first node of an overlay
  std::size_t active_view_size = 5;
  std::size_t passive_view_size = 30;
  unsigned arwl = 6;   // active random walk length: of FORWARDJOIN, and of SHUFFLE
  unsigned prwl = 3;   // passive random walk length: where a FORWARDJOIN leaves the new node in the passive view
  std::size_t ka = 3;  // of the active view in a SHUFFLE
  std::size_t kp = 4;  // of the passive view in a SHUFFLE
  Duration shuffle_period = std::chrono::seconds(10);  // 0: Membership::cycle() is called instead
  Duration neighbor_timeout = std::chrono::seconds(3);
  Duration join_crowd = std::chrono::milliseconds(200);  // JOINs that come closer than this are a crowd, see above
  Duration join_retry = std::chrono::seconds(5);
  Duration linger = std::chrono::seconds(2);
};
MYELIN_API std::unique_ptr<Membership> make_hyparview(HyParViewParameters parameters);

// S. Voulgaris, D. Gavidia, M. van Steen: "CYCLON: inexpensive membership management for unstructured P2P overlays",
// Journal of Network and Systems Management 13(2), 2005. Sizes as in the HyParView paper's comparison.
struct CyclonParameters {
  std::vector<Host> contacts = {};
  std::size_t view_size = 35;
  std::size_t shuffle_length = 14;
  unsigned join_ttl = 5;  // of the random walks by which a node joins, one per place in its view
  Duration shuffle_period = std::chrono::seconds(10);  // 0: Membership::cycle() is called instead
  Duration linger = std::chrono::seconds(2);           // how long a connection without use is kept
};
MYELIN_API std::unique_ptr<Membership> make_cyclon(CyclonParameters parameters);

// -- Broadcasts.

class MYELIN_API Broadcaster : public Protocol {
 public:
  // Received by this node since its start.
  struct Traffic {
    std::uint64_t payload = 0;    // messages that carry a payload
    std::uint64_t redundant = 0;  // of these: those that it had already
    std::uint64_t control = 0;    // all others: IHAVE, GRAFT, PRUNE
    std::uint64_t delivered = 0;  // without those that it broadcast itself
    std::uint64_t optimised = 0;  // links exchanged by the optimisation
    std::uint64_t grafted = 0;    // GRAFTs that asked for a message
    std::uint64_t unsent = 0;     // refused by a full queue, or for want of a session
  };
  virtual const Traffic& traffic() const = 0;
  // Those that payloads are pushed to. Empty if they are chosen anew for each message.
  virtual std::vector<Host> eager_push_peers() const = 0;
  // Those that messages are announced to.
  virtual std::vector<Host> lazy_push_peers() const = 0;
};

// J. Leitão, J. Pereira, L. Rodrigues: "Epidemic broadcast trees", SRDS 2007 (TR DI-FCUL 07-14). Needs a membership
// that publishes NeighborUp and NeighborDown.
struct PlumtreeParameters {
  Duration timeout1 = std::chrono::seconds(1);         // from the first IHAVE to the first GRAFT
  Duration timeout2 = std::chrono::milliseconds(500);  // to each further GRAFT
  // Of timeout1, and more by up to this share, drawn once by each node: of several that miss the same message one asks
  // first, and the others get it from that one. (Not in the paper, whose broadcasts come one after another: where a
  // repair meets the next broadcast, each cuts the cycle that both see in another place, and the tree never heals.)
  double timeout_jitter = 0.5;
  Duration ihave_delay{0};          // IHAVEs of so long travel together; 0: each at once
  unsigned threshold = 0;           // of the optimisation, in hops; 0: none. The paper: 3 for one sender, 7 for several
  std::size_t cache_size = 1024;    // payloads that are kept for GRAFTs
  std::size_t history_size = 4096;  // ids that are remembered, so that nothing is delivered twice
  std::size_t max_missing = 1024;   // messages that were announced and have not come
  std::size_t max_payload = 1 << 20;  // bytes; more is too_large
};
MYELIN_API std::unique_ptr<Broadcaster> make_plumtree(PlumtreeParameters parameters);

// Forwards each new message to all of the active view (flood), or to `fanout` random peers (eager gossip): the
// baselines of both papers.
struct GossipParameters {
  std::size_t fanout = 4;
  std::size_t history_size = 4096;
  std::size_t max_payload = 1 << 20;
  Duration linger =
      std::chrono::seconds(2);  // how long a connection without use is kept, where the membership keeps none
};
MYELIN_API std::unique_ptr<Broadcaster> make_eager_gossip(GossipParameters parameters);
MYELIN_API std::unique_ptr<Broadcaster> make_flood(GossipParameters parameters);  // its fanout is not used

}  // namespace myelin::protocol
