// Simulation: N nodes in one thread, in virtual time, from a seed.
//
//   Simulation world({.seed = 7});
//   world.add_nodes(20, [](NodeSetup& node) { node.add<Gossip>(node.host(0)); });
//   world.run_for(std::chrono::seconds(30));
//   EXPECT_EQ(world.find<Gossip>(3)->heard(), 20);
//
// Invariants: same seed and same calls, same run and same trace, byte for byte; tracing and checking change nothing. A
// step is one event (a delivered message, a timer, a link event) with all the callbacks that follow from it on its
// node; virtual time passes only between steps. A node of a runtime that ends itself (Context::stop_runtime, an
// escalated crash) counts as crashed.
//
// Thread: one, the caller's. Lifetime: pointers to protocols are good until their node crashes or restarts.
#pragma once

#include "myelin/api.hpp"
#include "myelin/error.hpp"
#include "myelin/protocol/message.hpp"
#include "myelin/protocol/protocol.hpp"
#include "myelin/protocols.hpp"
#include "myelin/simulation/faults.hpp"
#include "myelin/simulation/guest.hpp"
#include "myelin/simulation/options.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::simulation {

// What a setup function may do: put protocols into one node. It runs when the node starts, and again at each restart.
class MYELIN_API NodeSetup {
 public:
  virtual ~NodeSetup() = default;
  virtual NodeIndex index() const = 0;
  // 0, and one more at each restart.
  virtual unsigned incarnation() const = 0;
  virtual Host self() const = 0;
  // The host of any node, one that is still to come as well.
  virtual Host host(NodeIndex index) const = 0;
  // Nodes that were added so far, this one included.
  virtual std::size_t nodes() const = 0;
  // 64 bits from the seed; a stream of its own for each node and incarnation.
  virtual std::uint64_t random() = 0;

  virtual void add(std::unique_ptr<protocol::Protocol> protocol, protocol::Supervision supervision = {}) = 0;
  virtual void add(protocol::ProtocolFactory factory, protocol::Supervision supervision) = 0;
  // The guests run before the node listens and its protocols begin; one that cannot be started is a failure of the run,
  // of the checker "start".
  virtual void add_guest(Guest guest) = 0;
  // Makes a P of these arguments.
  template <typename P, typename... Args>
  void add(Args&&... args) {
    add(std::make_unique<P>(std::forward<Args>(args)...));
  }
};
using Setup = std::function<void(NodeSetup&)>;

// How a run has gone so far.
struct Counters {
  std::uint64_t steps = 0;
  std::uint64_t messages = 0;     // delivered
  std::uint64_t timers = 0;       // fired
  std::uint64_t link_events = 0;  // sessions that came up, went down or failed, at one side
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;  // by noise, by partitions, with a session or a node that was gone
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t dead_letters = 0;      // arrived, and nobody took them
  std::uint64_t crashes = 0;           // of callbacks
  std::uint64_t process_messages = 0;  // of processes to protocols, and answers of processes to them
  std::uint64_t events() const { return messages + timers + link_events; }
};

// What became of one broadcast (Broadcast and Delivered, myelin/protocols.hpp).
struct BroadcastResult {
  std::uint64_t id_high = 0, id_low = 0;
  NodeIndex origin = 0;
  Duration at{};
  std::size_t live = 0;        // nodes that ran when it was sent, and still do
  std::size_t delivered = 0;   // those of them that delivered it
  std::size_t duplicates = 0;  // deliveries of it beyond the first at a node
  std::uint32_t max_hops = 0;
  Duration last{};  // from the send to the last delivery
  double reliability() const { return live == 0 ? 0 : static_cast<double>(delivered) / static_cast<double>(live); }
};

// A checker that did not hold.
struct Failure {
  std::string checker;
  std::string what;
  std::uint64_t step = 0;
  Duration at{};
  std::optional<NodeIndex> node;
  // "views are symmetric: 3 has 5, 5 has not 3 (step 1201, 12.5s, node 3)"
  MYELIN_API std::string to_string() const;
};

class MYELIN_API Simulation {
 public:
  explicit Simulation(Options options = {});
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // -- Nodes.

  // A node that starts now. A setup that fails (conflicting registrations, no protocol) is a failure of the run, of the
  // checker "start".
  NodeIndex add_node(Setup setup);
  // `count` nodes, the first now, and one each `interval` after it; gives the first.
  NodeIndex add_nodes(std::size_t count, const Setup& setup, Duration interval = Duration{0});
  std::size_t size() const;
  // Nodes that run now.
  std::size_t live() const;
  bool alive(NodeIndex node) const;
  Host host(NodeIndex node) const;
  // The node with that host; nothing if there is none.
  std::optional<NodeIndex> index_of(const Host& host) const;

  // The protocol of that type, or with that name; null if the node does not run or has none.
  protocol::Protocol* find(NodeIndex node, std::string_view protocol) const;
  template <typename P>
  P* find(NodeIndex node) const {
    for (std::size_t i = 0; protocol::Protocol* each = nth_protocol(node, i); ++i)
      if (auto* found = dynamic_cast<P*>(each)) return found;
    return nullptr;
  }
  // Runs `callback` as an event of the node, now, with a context of its own: to send requests, to subscribe. A node
  // that does not run drops it.
  void post(NodeIndex node, std::function<void(protocol::Context&)> callback);
  template <typename Request, typename Reply>
  void request(NodeIndex node, Request request, std::function<void(Result<Reply>)> reply) {
    post(node, [request = std::move(request), reply = std::move(reply)](protocol::Context& ctx) {
      ctx.request<Request, Reply>(request, reply);
    });
  }

  // -- Time.

  Duration now() const;
  // The next step, at its time. False if nothing is left to happen, or a checker has failed.
  bool step();
  // These stop at once when a checker fails. Gives !failure().
  bool run_for(Duration duration);
  bool run_until(Duration when);
  // Looks after every step. Gives whether `done()` came true in time.
  bool run_until(const std::function<bool()>& done, Duration limit);
  // Stops before the step after this one; for replays. 0: never.
  void set_last_step(std::uint64_t step);

  // -- Faults, now. The pictures of Fault::Kind hold.

  void crash(NodeIndex node);
  void restart(NodeIndex node);
  void partition(NodeIndex from, NodeIndex to);  // one direction
  void heal(NodeIndex from, NodeIndex to);       // one direction
  void heal_all();
  void set_noise(Noise noise);
  void set_noise(NodeIndex from, NodeIndex to, Noise noise);  // one direction; goes over that of all links
  void set_latency(Latency latency);
  void slow(NodeIndex node, double factor);
  void reset_session(NodeIndex a, NodeIndex b);
  void apply(const Fault& fault);  // with its picks; `fault.at` counts from now
  // What happens at a time of the run, between steps.
  void at(Duration when, std::function<void(Simulation&)> action);
  std::vector<NodeIndex> pick(const Pick& pick);
  // 64 bits from the seed, apart from what nodes and network draw.
  std::uint64_t random();

  // -- Broadcasts over whatever broadcast protocol the nodes have; results in the order of the sends.

  void broadcast(NodeIndex origin, protocol::Bytes payload);
  std::vector<BroadcastResult> broadcasts() const;
  std::size_t broadcast_count() const;
  BroadcastResult broadcast_result(std::size_t index) const;
  // Who delivered that broadcast first from whom: (node, from). Kept of the last 1,024 broadcasts.
  std::vector<std::pair<NodeIndex, NodeIndex>> delivery_tree(std::size_t index) const;
  // Deliveries of a broadcast that this node had delivered before.
  std::size_t duplicate_deliveries(NodeIndex node) const;
  // Messages of that type delivered since the last broadcast was sent.
  std::uint64_t messages_since_broadcast(std::string_view wire_name) const;
  // The node's view: the active view of its Membership, or else its neighbours by NeighborUp and NeighborDown, in the
  // order in which they came.
  std::vector<NodeIndex> neighbors(NodeIndex node) const;

  // -- Messages to processes, on whole nodes.

  // Sends it from that node, now. An error, and an answer that is not the expected one, fail the run, of the checker
  // "call". A node that ends before the answer is there gets none.
  void call(NodeIndex node, const ProcessCall& call);
  // Those without an outcome yet, in the order in which they were sent: "node 3, echo echo".
  std::vector<std::string> open_calls() const;

  // -- Checks. A checker gives an error, with what is wrong, when its property does not hold.

  using LocalCheck = std::function<Result<void>(Simulation&, NodeIndex)>;
  using GlobalCheck = std::function<Result<void>(Simulation&)>;
  // After every step, on the node that it touched.
  void check_steps(std::string name, LocalCheck check);
  // At the end of each cycle.
  void check_cycles(std::string name, GlobalCheck check);
  // Says that the run has failed, as a checker would.
  void fail(std::string checker, std::string what);
  const std::optional<Failure>& failure() const;

  // -- What can be measured.

  const Counters& counters() const;
  // Messages delivered of one type, by its wire name.
  std::uint64_t messages(std::string_view wire_name) const;
  // The protocols' metrics, summed over all nodes that run, sorted by name.
  std::vector<std::pair<std::string, double>> metrics() const;
  // A curve: sampled at the end of each cycle.
  void gauge(std::string name, std::function<double(Simulation&)> value);
  // Counters and gauges per cycle, one row each: "time_s,steps,…".
  std::string csv() const;
  struct Curve {
    std::string name;
    std::vector<std::pair<double, double>> points;  // seconds, value
  };
  std::vector<Curve> curves() const;

  struct Impl;  // of src/sim

 private:
  protocol::Protocol* nth_protocol(NodeIndex node, std::size_t n) const;
  std::unique_ptr<Impl> impl_;
};

// One curve, or several, as an SVG drawing.
MYELIN_API std::string plot_svg(std::string_view title, std::span<const Simulation::Curve> curves);

}  // namespace myelin::simulation
