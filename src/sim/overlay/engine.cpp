#include "sim/overlay/engine.hpp"

#include "base/check.hpp"
#include "base/prefetch.hpp"
#include "io/simulated/random.hpp"
#include "protocol/executor.hpp"
#include "sim/log_line.hpp"
#include "sim/overlay/network.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace myelin::sim::overlay {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
// A step in which one node handles so many events has no end.
constexpr std::size_t livelock_events = 5'000'000;
// How many events ahead the memory is asked for each step of RuntimeCore::prefetch().
constexpr std::array<std::size_t, protocol::RuntimeCore::prefetch_steps> prefetch_distance{0, 2, 4, 6};

class OverlayEngine;

// A node: the turn that its runtime lives in, and the runtime.
class Node final : public protocol::Executor {
 public:
  Node(OverlayEngine& engine, Network& network, NodeIndex index)
      : engine_(engine), index_(index), port_(network, index), random_(0) {}

  Instant now() const override;
  std::uint64_t random() override { return random_.next(); }
  void wake() override;
  void wake_at(Instant when) override;

 private:
  friend class OverlayEngine;
  OverlayEngine& engine_;
  NodeIndex index_;
  Port port_;
  io::simulated::Random random_;
  std::unique_ptr<protocol::RuntimeCore> core_;
  std::int64_t wish_ = never;    // when it wants a turn
  std::int64_t queued_ = never;  // the earliest wake in the queue
  unsigned incarnation_ = 0;
  bool woken_ = false;     // it asked for a turn from outside of a step
  bool stopping_ = false;  // its runtime has ended itself
};

class OverlayEngine final : public Engine {
 public:
  OverlayEngine(const Options& options, Records& records, EngineHost& host)
      : options_(options),
        records_(records),
        host_(host),
        network_(options, records, queue_, [this](NodeIndex node, const protocol::MessageBox& box) -> Trace::Bytes {
          return node < nodes_.size() && nodes_[node]->core_ != nullptr ? nodes_[node]->core_->encoded_size(box)
                                                                        : std::nullopt;
        }) {}

  Duration now() const override { return Duration(network_.now()); }
  Host host(NodeIndex node) const override { return Network::name_of(node); }
  std::optional<NodeIndex> index_of(const Host& host) const override {
    const auto node = Network::parse(host);
    return node && *node < nodes_.size() ? node : std::nullopt;
  }
  NodeIndex add_node(Duration when) override;
  std::size_t size() const override { return nodes_.size(); }
  protocol::RuntimeCore* core(NodeIndex node) const override { return nodes_[node]->core_.get(); }
  unsigned incarnation(NodeIndex node) const override { return nodes_[node]->incarnation_; }
  void crash(NodeIndex node) override;
  void restart(NodeIndex node) override;
  bool step(Duration limit) override;
  bool exhausted() const override { return queue_.empty(); }
  std::optional<NodeIndex> touched() const override { return touched_; }

  void set_latency(simulation::Latency latency) override { network_.set_latency(std::move(latency)); }
  void set_noise(Noise noise) override { network_.set_noise(noise); }
  void set_noise(NodeIndex from, NodeIndex to, std::optional<Noise> noise) override {
    network_.set_noise(from, to, noise);
  }
  void cuts_changed(const Cuts& cuts) override { network_.cuts_changed(cuts); }
  void slow(NodeIndex node, double factor) override { network_.slow(node, factor); }
  void reset_session(NodeIndex a, NodeIndex b) override { network_.reset_session(a, b); }

 private:
  friend class Node;
  void push_start(NodeIndex node, std::int64_t when);
  void start(NodeIndex node);
  protocol::CoreConfig config_for(NodeIndex node);
  void settle(Node& node);
  void handle(const EventQueue::Key& key);
  void wake(Node& node, std::int64_t at);
  void look_ahead() const;
  void look_ahead(const EventQueue::Key& key, unsigned step) const;

  const Options& options_;
  Records& records_;
  EngineHost& host_;
  EventQueue queue_;
  Network network_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::optional<NodeIndex> touched_;
  Node* stepping_ = nullptr;
};

Instant Node::now() const { return Instant(Duration(engine_.network_.now())); }

void Node::wake() {
  if (engine_.stepping_ == this || woken_) return;
  woken_ = true;
  const std::int64_t at = engine_.network_.now();
  engine_.queue_.push_wake(at, engine_.network_.salt(index_, index_, at), index_);
}

void Node::wake_at(Instant when) {
  const std::int64_t now = engine_.network_.now();
  wish_ = when.time_since_epoch().count();
  if (wish_ == never) return;
  wish_ = std::max(wish_, now);
  if (const double factor = engine_.network_.slowness(index_); factor > 1)
    wish_ = now + static_cast<std::int64_t>(static_cast<double>(wish_ - now) * factor);
  if (wish_ >= queued_) return;
  queued_ = wish_;
  engine_.queue_.push_wake(wish_, engine_.network_.salt(index_, index_, wish_), index_);
}

NodeIndex OverlayEngine::add_node(Duration when) {
  const auto index = static_cast<NodeIndex>(nodes_.size());
  network_.add_node();
  nodes_.push_back(std::make_unique<Node>(*this, network_, index));
  push_start(index, when.count());
  return index;
}

void OverlayEngine::push_start(NodeIndex node, std::int64_t when) {
  EventBody body;
  body.kind = EventKind::node;
  body.generation = nodes_[node]->incarnation_;
  when = std::max(when, network_.now());
  queue_.push(when, network_.salt(node, node, when), node, std::move(body));
}

protocol::CoreConfig OverlayEngine::config_for(NodeIndex node) {
  protocol::CoreConfig config;
  config.self = network_.host(node);
  config.mailbox_capacity = options_.mailbox_capacity;
  config.timer_fires = [this] { ++records_.counters.timers; };
  config.keep_codecs = records_.trace.on();
  config.dead_letter = [this, node](std::string_view why, const Host& from) {
    ++records_.counters.dead_letters;
    if (records_.trace.on()) records_.trace.dead_letter(network_.host(node).to_string(), from.to_string(), why);
  };
  if (options_.log) {
    config.log_enabled = [this](protocol::LogLevel level) { return level >= options_.log_level; };
    config.log = [this, node](std::string_view component, std::string_view protocol, protocol::LogLevel level,
                              std::string_view event, protocol::LogFields fields) {
      options_.log(node, log_line(now(), component, protocol, level, event, fields));
    };
  }
  return config;
}

void OverlayEngine::start(NodeIndex index) {
  Node& node = *nodes_[index];
  if (node.core_ != nullptr) return;
  node.random_ = io::simulated::Random(io::simulated::derive_seed(options_.seed, io::simulated::Purpose::entropy,
                                                                  std::uint64_t{node.incarnation_} << 32 | index));
  node.stopping_ = false;
  Plan plan = host_.plan(index, node.incarnation_);
  auto core = protocol::RuntimeCore::create(config_for(index), node, node.port_, nullptr);
  Result<void> ok;
  for (auto& item : plan.items) {
    if (!ok) break;
    ok = item.protocol != nullptr ? core->add(std::move(item.protocol), item.supervision)
                                  : core->add(std::move(item.factory), item.supervision);
  }
  if (ok) {
    core->on_stop = [&node](const protocol::StopReason&) { node.stopping_ = true; };
    node.core_ = std::move(core);
    ok = node.port_.start(*node.core_);
    if (ok) ok = node.core_->start(network_.host(index));
  }
  if (!ok) {
    network_.close(index);
    node.core_.reset();
    host_.run_failed("start", to_string(ok.error()), index);
    return;
  }
  host_.node_started(index);
}

void OverlayEngine::crash(NodeIndex index) {
  Node& node = *nodes_[index];
  ++node.incarnation_;  // a start that is still to come is void
  if (node.core_ == nullptr) return;
  MYELIN_CHECK(stepping_ != &node, "a node is crashed from inside one of its own callbacks");
  host_.node_ended(index);
  network_.close(index);
  node.core_.reset();
  node.wish_ = never;
  node.woken_ = false;
}

void OverlayEngine::restart(NodeIndex index) {
  if (nodes_[index]->core_ == nullptr) push_start(index, network_.now());
}

void OverlayEngine::settle(Node& node) {
  std::size_t events = 0;
  do {
    events += node.core_->turn();
    if (events > livelock_events) {
      host_.run_failed("livelock", "events without end at one instant", node.index_);
      break;
    }
  } while (node.core_->ready());
}

void OverlayEngine::wake(Node& node, std::int64_t at) {
  const bool asked = std::exchange(node.woken_, false);
  if (at >= node.queued_) node.queued_ = never;
  if (node.core_ == nullptr) return;
  const bool due = node.wish_ <= at;
  if (due) {
    node.wish_ = never;
  } else if (node.wish_ != never && node.wish_ < node.queued_) {
    node.queued_ = node.wish_;
    queue_.push_wake(node.wish_, network_.salt(node.index_, node.index_, node.wish_), node.index_);
  }
  if (!due && !asked) return;
  touched_ = node.index_;
  stepping_ = &node;
  settle(node);
  stepping_ = nullptr;
}

void OverlayEngine::handle(const EventQueue::Key& key) {
  if (EventQueue::is_wake(key)) return wake(*nodes_[key.node], key.at);
  EventBody body = queue_.take(key);
  Node& node = *nodes_[key.node];
  touched_ = key.node;
  stepping_ = &node;
  if (body.kind == EventKind::node) {
    if (body.generation == node.incarnation_) start(key.node);
  } else {
    network_.handle(key.node, std::move(body));
  }
  if (node.core_ != nullptr && node.core_->ready()) settle(node);
  stepping_ = nullptr;
}

// Asks the memory for what the next events need: each is of another node, and waits for memory more than it works.
// Every step brings an event nearer, and asks for what the answer of the step before has told the place of.
void OverlayEngine::look_ahead() const {
  if (const EventQueue::Key* key = queue_.coming(13)) {
    __builtin_prefetch(&nodes_[key->node]);
    if (!EventQueue::is_wake(*key)) __builtin_prefetch(&queue_.body(*key));
  }
  if (const EventQueue::Key* key = queue_.coming(11)) {
    prefetch_lines(nodes_[key->node].get(), 3);
    network_.prefetch(key->node);
  }
  if (const EventQueue::Key* key = queue_.coming(8)) {
    const Node& node = *nodes_[key->node];
    if (!EventQueue::is_wake(*key)) {
      if (node.core_ != nullptr) node.core_->prefetch();
      network_.prefetch_table(key->node);
      network_.prefetch(queue_.body(*key));
    } else if (node.wish_ <= key->at) {
      if (node.core_ != nullptr) node.core_->prefetch();
    }
  }
  for (unsigned step = 0; step < protocol::RuntimeCore::prefetch_steps; ++step) {
    const EventQueue::Key* key = queue_.coming(prefetch_distance[step]);
    if (key != nullptr) look_ahead(*key, step);
  }
}

void OverlayEngine::look_ahead(const EventQueue::Key& key, unsigned step) const {
  using Coming = protocol::RuntimeCore::Coming;
  const Node& node = *nodes_[key.node];
  if (node.core_ == nullptr) return;
  if (EventQueue::is_wake(key)) {
    if (node.wish_ <= key.at) node.core_->prefetch({Coming::Kind::timer}, step);
    return;
  }
  const EventBody& body = queue_.body(key);
  if (body.kind == EventKind::message) {
    node.core_->prefetch({Coming::Kind::message, body.protocol, &body.box}, step);
  } else {
    node.core_->prefetch({Coming::Kind::session}, step);
  }
}

bool OverlayEngine::step(Duration limit) {
  touched_.reset();
  if (queue_.empty() || queue_.top().at > limit.count()) {
    if (limit != Duration::max()) network_.set_now(std::max(network_.now(), limit.count()));
    return false;
  }
  const EventQueue::Key key = queue_.pop();
  network_.set_now(key.at);
  if (records_.trace.on()) records_.trace.at(records_.counters.steps + 1, Duration(key.at));
  look_ahead();
  handle(key);
  if (touched_ && nodes_[*touched_]->stopping_ && nodes_[*touched_]->core_ != nullptr) {
    ++records_.counters.steps;
    crash(*touched_);
    return true;
  }
  if (touched_) ++records_.counters.steps;
  return true;
}

}  // namespace

std::unique_ptr<Engine> make_engine(const Options& options, Records& records, EngineHost& host) {
  return std::make_unique<OverlayEngine>(options, records, host);
}

}  // namespace myelin::sim::overlay
