// Network: sessions between simulated nodes, and the messages on them, as events of one queue.
//
// A connect takes a round trip: the target has the session after half of it. Of two that dial each other the lower
// number's connection is kept. What a session carries in one direction arrives in order, but for messages that are to
// be reordered; random loss and duplication hit messages and no handshakes. Into a cut nothing passes: messages wait,
// as TCP would go on trying, and leave when the cut is healed; after `session_timeout` the sender's side breaks, and
// the other side, told of nothing, breaks when it sends in its turn. A dial into a cut ends at `dial_timeout`. A node
// that is closed (a crash) has its sessions reset: the peers are told one latency later, unless a cut is between.
//
// Invariants: those of protocol::Channel for each node; nothing is told inside connect, disconnect and send. Thread:
// one. Lifetime: queue and records outlive it; a node's events outlive its close().
#pragma once

#include "base/error.hpp"
#include "io/simulated/random.hpp"
#include "protocol/channel.hpp"
#include "sim/cuts.hpp"
#include "sim/overlay/event_queue.hpp"
#include "sim/overlay/peer_table.hpp"
#include "sim/records.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace myelin::sim::overlay {

using protocol::ChannelEvents;
using protocol::Host;
using simulation::Noise;
using simulation::Options;

class Network {
 public:
  // How many bytes a message of that node is on a wire; asked for traces.
  using SizeOf = std::function<Trace::Bytes(NodeIndex, const protocol::MessageBox&)>;
  Network(const Options& options, Records& records, EventQueue& queue, SizeOf size_of = {});

  // -- Nodes: numbers from 0. Hosts are named by them: "n12".
  static Host name_of(NodeIndex node);
  const Host& host(NodeIndex node) const;
  // The number of any host: a node's, or one kept for a name that is no node's yet.
  NodeIndex number(const Host& host);
  static std::optional<NodeIndex> parse(const Host& host);
  void add_node();
  void open(NodeIndex node, ChannelEvents& events);
  // Its sides of all sessions are gone, and what waits for it.
  void close(NodeIndex node);
  bool is_open(NodeIndex node) const { return node < nodes_.size() && nodes_[node].events != nullptr; }

  // -- What channels ask for.
  void connect(NodeIndex from, const Host& to);
  void disconnect(NodeIndex from, const Host& to);
  Result<void> send(NodeIndex from, const Host& to, protocol::Outgoing message);
  void resume(NodeIndex node);
  void stop(NodeIndex node, std::function<void()> done);

  // -- Time. `now` is that of the event that is being handled.
  void set_now(std::int64_t now) { now_ = now; }
  std::int64_t now() const { return now_; }
  // Handles an event that is neither a wake nor a node's start.
  void handle(NodeIndex node, EventBody body);
  // Asks the memory for what that event will need.
  void prefetch(const EventBody& body) const {
    body.box.prefetch();
    __builtin_prefetch(sessions_.data() + body.session);
    if (body.peer < hosts_.size()) __builtin_prefetch(hosts_.data() + body.peer);
  }
  // The same of what its handling will send, in two steps.
  void prefetch(NodeIndex node) const { __builtin_prefetch(nodes_.data() + node); }
  void prefetch_table(NodeIndex node) const { nodes_[node].table.prefetch(); }
  std::uint16_t salt(NodeIndex from, NodeIndex to, std::int64_t at) const;

  // -- Faults.
  void set_latency(simulation::Latency latency) { latency_ = std::move(latency); }
  void set_noise(Noise noise) { noise_ = noise; }
  void set_noise(NodeIndex from, NodeIndex to, std::optional<Noise> noise);
  void cuts_changed(const Cuts& cuts);
  void slow(NodeIndex node, double factor);
  double slowness(NodeIndex node) const { return nodes_[node].factor; }
  void reset_session(NodeIndex a, NodeIndex b);

  // Sessions that one side at least still has (tests).
  std::size_t sessions() const { return sessions_.size() - free_sessions_.size(); }

 private:
  enum class State : std::uint8_t { none, dialling, up, closed };
  struct Session {
    std::array<NodeIndex, 2> node{};  // [0] dialled
    std::array<State, 2> state{};
    enum class Flow : std::uint8_t { open, blocked, opening };
    std::array<Flow, 2> flow{};      // what that side may send; when blocked, it was told so
    std::array<bool, 2> stalling{};  // that side waits for an acknowledgement across a cut
    std::array<bool, 2> ending{};    // an end is on its way to that side
    std::uint32_t generation = 0;
    std::array<std::uint32_t, 2> in_flight{};    // towards that side
    std::array<std::int64_t, 2> last_arrival{};  // at that side
  };
  struct Node {
    ChannelEvents* events = nullptr;
    PeerTable table;
    std::unique_ptr<std::deque<EventBody>> waiting;  // messages that its mailboxes had no room for
    float factor = 1;
    std::uint32_t life = 0;
  };
  struct Retry {
    unsigned attempts = 0;
    std::uint64_t ticket = 0;  // of the retry event that is under way; 0: none
  };
  using Place = std::pair<std::uint32_t, unsigned>;  // a session and the side that receives

  std::uint32_t new_session(NodeIndex from, NodeIndex to);
  void free_if_dead(std::uint32_t session);
  unsigned side_of(const Session& session, NodeIndex node) const { return session.node[0] == node ? 0 : 1; }
  bool cut(NodeIndex from, NodeIndex to) const { return cuts_.any() && cuts_.cut(from, to); }
  std::int64_t latency(NodeIndex from, NodeIndex to);
  const Noise& noise(NodeIndex from, NodeIndex to) const;

  void push(std::uint32_t session, unsigned side, EventKind kind, std::int64_t at, EventBody body);
  // After everything that is on its way to that side.
  std::int64_t arrival(std::uint32_t session, unsigned side);
  void signal(std::uint32_t session, unsigned side, EventKind kind, ErrorCode why = ErrorCode::link_lost);
  void tell(NodeIndex node, NodeIndex peer, Told told, ErrorCode why = ErrorCode::link_lost, std::uint64_t id = 0);

  void dial(NodeIndex from, NodeIndex to);
  void transmit(std::uint32_t session, unsigned side, protocol::Outgoing message);
  void launch(std::uint32_t session, unsigned side, const protocol::Outgoing& message, bool reorder, Duration late);
  void end_other(std::uint32_t session, unsigned side, ErrorCode why);
  void drop_held(std::uint32_t session, unsigned side);
  // Closes one side: forgets it and frees the session with its last.
  void close_side(std::uint32_t session, unsigned side);

  void on_message(NodeIndex node, EventBody& body);
  bool offer(NodeIndex node, const EventBody& body, bool waited);
  void left_flight(const EventBody& body, bool waited);
  void offer_waiting(NodeIndex node);
  void on_dial(NodeIndex node, const EventBody& body);
  void on_accept(NodeIndex node, const EventBody& body);
  void on_end(NodeIndex node, const EventBody& body);
  void on_writable(NodeIndex node, const EventBody& body);
  void on_stall(NodeIndex node, const EventBody& body);
  void on_told(NodeIndex node, const EventBody& body);
  void on_retry(NodeIndex node, const EventBody& body);
  void accept(NodeIndex node, NodeIndex peer, std::uint32_t session);
  void dial_failed(NodeIndex node, std::uint32_t session, ErrorCode why);
  void plan_retry(NodeIndex node, NodeIndex peer, Retry& retry);
  void connected(NodeIndex node, NodeIndex peer);
  void disconnected(NodeIndex node, NodeIndex peer, ErrorCode why);
  void failed(NodeIndex node, NodeIndex peer, ErrorCode why);
  void given_up(NodeIndex node, NodeIndex peer, unsigned attempts);
  void lost(const protocol::MessageBox& box, NodeIndex from, NodeIndex to, std::string_view why);
  Trace::Bytes bytes_of(const protocol::MessageBox& box, NodeIndex from, NodeIndex to) const;
  Session* valid(const EventBody& body);

  const Options& options_;
  Records& records_;
  EventQueue& queue_;
  SizeOf size_of_;
  io::simulated::Random random_;
  std::int64_t now_ = 0;
  bool any_slow_ = false;  // some node has, or had, a factor of its own
  simulation::Latency latency_;
  Noise noise_;
  Cuts cuts_;
  std::map<std::pair<NodeIndex, NodeIndex>, Noise> noises_;
  std::vector<Node> nodes_;
  std::vector<Host> hosts_;
  std::vector<Host> strangers_;
  std::vector<Session> sessions_;
  std::vector<std::uint32_t> free_sessions_;
  std::map<std::pair<NodeIndex, NodeIndex>, Retry> retries_;
  std::uint64_t tickets_ = 0;
  std::map<Place, std::vector<protocol::Outgoing>> held_;
  std::vector<std::function<void()>> stopped_;
};

// A node's channel: the network as that node sees it.
class Port final : public protocol::Channel {
 public:
  Port(Network& network, NodeIndex node) : network_(network), node_(node) {}
  std::string_view name() const override { return "simulated"; }
  bool whole() const override { return true; }
  Result<void> start(ChannelEvents& events) override {
    network_.open(node_, events);
    return {};
  }
  Host self() const override { return network_.host(node_); }
  void connect(const Host& to) override { network_.connect(node_, to); }
  void disconnect(const Host& from) override { network_.disconnect(node_, from); }
  Result<void> send(const Host& to, protocol::Outgoing message) override {
    return network_.send(node_, to, std::move(message));
  }
  void resume() override { network_.resume(node_); }
  void stop(bool /*graceful*/, std::function<void()> done) override { network_.stop(node_, std::move(done)); }

 private:
  Network& network_;
  NodeIndex node_;
};

}  // namespace myelin::sim::overlay
