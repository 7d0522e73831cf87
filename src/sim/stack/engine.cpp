#include "sim/stack/engine.hpp"

#include "base/check.hpp"
#include "identity/keys.hpp"
#include "io/network.hpp"
#include "io/scope.hpp"
#include "io/simulated.hpp"
#include "libp2p/host.hpp"
#include "protocol/libp2p_channel.hpp"
#include "protocol/loop_runtime.hpp"
#include "protocol/session_channel.hpp"
#include "sim/log_line.hpp"
#include "sim/stack/guest_engine.hpp"
#include "sim/stack/tap.hpp"
#include "sim/stack/whole_node.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace myelin::sim::stack {
namespace {

using protocol::LoopRuntime;

constexpr std::uint16_t port = 7000;
constexpr Duration port_wait = std::chrono::milliseconds(1);
constexpr Duration last_limit = std::chrono::hours(1);  // of what ends with the world

io::IpAddress address_of(NodeIndex node) {
  const std::uint32_t number = node + 1;
  io::IpAddress address;
  address.bytes = {10, static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 8),
                   static_cast<std::uint8_t>(number)};
  return address;
}

identity::KeyPair key_of(NodeIndex node) {
  std::array<std::uint8_t, 32> seed{'m', 'y', 'e', 'l', 'i', 'n', ' ', 's', 'i', 'm'};
  for (unsigned i = 0; i < 4; ++i) seed[28 + i] = static_cast<std::uint8_t>(node >> (8 * i));
  return identity::KeyPair::ed25519(seed);
}

libp2p::Multiaddr listen_address(NodeIndex node) {
  return *libp2p::Multiaddr::parse("/ip4/" + address_of(node).to_string() + "/tcp/" + std::to_string(port));
}

// What runs on a node's machine: a runtime, and below it a libp2p host, or a whole node, if that is its channel.
struct Process {
  explicit Process(io::Loop& loop) : scope(loop) {}
  // Whether the runtime has ended, or never began.
  bool quiet() const { return runtime == nullptr || (!runtime->running() && !runtime->ending()); }
  bool ended() const { return quiet() && stopped && scope.running() == 0; }
  libp2p::Host* libp2p() const {
    return own_host != nullptr ? own_host.get() : whole != nullptr && whole->started() ? &whole->host() : nullptr;
  }

  std::unique_ptr<libp2p::Host> own_host;
  std::unique_ptr<WholeNode> whole;
  std::unique_ptr<LoopRuntime> runtime;  // null while a whole node starts
  bool up = false;                       // the runtime has begun
  bool booting = false;                  // boot() is under way
  bool abandoned = false;                // ended while it booted
  bool stopped = true;                   // host or node
  io::Scope scope;
};

io::Task<void> stop_below(Process* process) {
  if (process->own_host != nullptr) co_await process->own_host->stop();
  // What refers to a runtime that runs must not end under it.
  if (process->whole != nullptr && !process->quiet()) co_await process->runtime->wait();
  if (process->whole != nullptr) co_await process->whole->stop();
  process->stopped = true;
}

Result<void> add_protocols(protocol::RuntimeCore& core, Plan& plan) {
  for (auto& item : plan.items) {
    auto added = item.protocol != nullptr ? core.add(std::move(item.protocol), item.supervision)
                                          : core.add(std::move(item.factory), item.supervision);
    if (!added) return added;
  }
  return {};
}

class StackEngine;

class Node final : public TapHost, public ProcessWatch {
 public:
  Node(StackEngine& engine, NodeIndex index) : engine_(engine), index_(index) {}
  void coming(protocol::WireId wire) override;
  void passed(const Host& from, protocol::WireId wire, std::size_t bytes) override;
  void session(std::string_view event, const Host& peer, std::string_view why) override;
  void sending() override;
  void connecting(const Host& to) override;
  void process_message(std::string_view protocol, std::string_view caller, std::string_view method,
                       std::size_t bytes) override;
  void process_call(std::string_view protocol, std::string_view address, std::string_view method,
                    std::size_t bytes) override;
  void process_answer(std::string_view protocol, std::string_view address, std::string_view method,
                      const Result<protocol::Bytes>& answer) override;
  void reaching(const identity::PeerId& peer) override;
  void guest_sends(std::string_view process, std::string_view target, std::string_view method,
                   std::size_t bytes) override;

 private:
  friend class StackEngine;
  StackEngine& engine_;
  NodeIndex index_;
  io::SimulatedWorld::Host* machine_ = nullptr;
  io::Loop* loop_ = nullptr;
  std::unique_ptr<Process> process_;
  std::vector<std::unique_ptr<Process>> dying_;  // of crashed processes: their connections are being closed
  unsigned incarnation_ = 0;
  double factor_ = 1;

  bool up() const { return process_ != nullptr && process_->up; }
};

class StackEngine final : public Engine {
 public:
  StackEngine(const Options& options, Records& records, EngineHost& host)
      : options_(options),
        records_(records),
        host_(host),
        latency_(options.latency),
        noise_(options.noise),
        whole_(whole_nodes(options)),
        world_(io::SimulatedWorld::create(options.seed)) {
    world_->set_default_link(link(0, 0));
    if (whole_) add_compiler(*world_);
  }
  ~StackEngine() override {
    if (whole_) end_all();
    for (const auto& node : nodes_)
      if (node->machine_ != nullptr) node->machine_->crash();
    nodes_.clear();
  }

  Duration now() const override { return world_->now().time_since_epoch(); }
  Host host(NodeIndex node) const override;
  std::optional<NodeIndex> index_of(const Host& host) const override;
  NodeIndex add_node(Duration when) override;
  std::size_t size() const override { return nodes_.size(); }
  protocol::RuntimeCore* core(NodeIndex node) const override {
    return nodes_[node]->up() ? &nodes_[node]->process_->runtime->core() : nullptr;
  }
  unsigned incarnation(NodeIndex node) const override { return nodes_[node]->incarnation_; }
  void crash(NodeIndex node) override;
  void restart(NodeIndex node) override;
  bool step(Duration limit) override;
  bool exhausted() const override { return nodes_.empty(); }
  std::optional<NodeIndex> touched() const override { return touched_; }

  void set_latency(simulation::Latency latency) override;
  void set_noise(Noise noise) override;
  void set_noise(NodeIndex from, NodeIndex to, std::optional<Noise> noise) override;
  void cuts_changed(const Cuts& cuts) override;
  void slow(NodeIndex node, double factor) override;
  void reset_session(NodeIndex a, NodeIndex b) override;

 private:
  friend class Node;
  io::LinkModel link(NodeIndex from, NodeIndex to) const;
  void set_link(NodeIndex from, NodeIndex to) { world_->set_link(address_of(from), address_of(to), link(from, to)); }
  void set_all_links();
  void start_at(NodeIndex node, Instant when);
  void start(NodeIndex node);
  std::unique_ptr<Process> make_process(Node& node);
  std::unique_ptr<Process> make_whole(Node& node);
  io::Task<void> boot(Process* process, NodeIndex index);
  io::Task<Result<void>> spawn_guests(Process* process, std::vector<simulation::Guest> guests);
  void begin(Node& node, Result<void> ok);
  void end(Node& node);
  void end_all();
  protocol::ChannelOptions channel_options() const;
  protocol::CoreConfig config_for(NodeIndex node);
  void happened(NodeIndex node);
  void look_at_clock();
  void write_guest_sends();
  void bury();

  const Options& options_;
  Records& records_;
  EngineHost& host_;
  simulation::Latency latency_;
  Noise noise_;
  const bool whole_;
  std::map<std::pair<NodeIndex, NodeIndex>, Noise> noises_;
  std::unique_ptr<io::SimulatedWorld> world_;
  std::vector<std::unique_ptr<Node>> nodes_;
  mutable std::map<NodeIndex, std::string> names_;  // peer IDs that were asked for, and back
  mutable std::map<std::string, NodeIndex> numbers_;
  std::vector<NodeIndex> ended_;  // their runtimes have ended by themselves
  std::size_t dying_ = 0;
  std::optional<NodeIndex> touched_;
  std::uint64_t happened_ = 0;
  // What guests have sent in this turn, to be traced.
  struct GuestSend {
    NodeIndex node;
    Duration at;
    std::string process, to, method;
    std::size_t bytes;
  };
  std::vector<GuestSend> guest_sent_;
};

// The type is asked for before the message is handled: the handler's crash may take the registration with it.
void Node::coming(protocol::WireId wire) {
  if (!engine_.records_.trace.on() || engine_.records_.names.has(wire) || !up()) return;
  if (const auto* type = process_->runtime->core().message_type(wire)) engine_.records_.names.add(*type);
}

void Node::passed(const Host& from, protocol::WireId wire, std::size_t bytes) {
  ++engine_.records_.counters.messages;
  engine_.records_.types.add(wire);
  engine_.happened(index_);
  if (!engine_.records_.trace.on()) return;
  engine_.records_.trace.deliver(from.to_string(), engine_.host(index_).to_string(), engine_.records_.names.of(wire),
                                 bytes);
}

void Node::session(std::string_view event, const Host& peer, std::string_view why) {
  ++engine_.records_.counters.link_events;
  engine_.happened(index_);
  if (engine_.records_.trace.on())
    engine_.records_.trace.session(event, engine_.host(index_).to_string(), peer.to_string(), why);
}

// Where a peer is reached is known to whoever knows its number.
void Node::connecting(const Host& to) {
  if (process_ == nullptr || process_->libp2p() == nullptr) return;
  const auto index = engine_.index_of(to);
  const auto id = identity::PeerId::parse(to.name);
  if (index && id) process_->libp2p()->add_addresses(*id, {listen_address(*index)}, true);
}
void Node::reaching(const identity::PeerId& peer) { connecting({peer.to_string(), 0}); }

// It stands on the guest's stack, which has no room for what takes a trace's lines: it is written after the turn.
void Node::guest_sends(std::string_view process, std::string_view target, std::string_view method, std::size_t bytes) {
  if (!engine_.records_.trace.on() || process_ == nullptr) return;
  engine_.guest_sent_.push_back(
      {index_, engine_.now(), std::string(process), std::string(target), std::string(method), bytes});
}

void Node::process_message(std::string_view protocol, std::string_view caller, std::string_view method,
                           std::size_t bytes) {
  if (!up()) return;
  ++engine_.records_.counters.process_messages;
  engine_.happened(index_);
  engine_.records_.trace.process({"message", engine_.host(index_).name, protocol, caller, method, bytes});
}

void Node::process_call(std::string_view protocol, std::string_view address, std::string_view method,
                        std::size_t bytes) {
  if (!up()) return;
  engine_.look_at_clock();
  engine_.records_.trace.process({"call", engine_.host(index_).name, protocol, address, method, bytes});
}

void Node::process_answer(std::string_view protocol, std::string_view address, std::string_view method,
                          const Result<protocol::Bytes>& answer) {
  if (!up()) return;
  ++engine_.records_.counters.process_messages;
  engine_.happened(index_);
  const auto error = answer ? std::string_view() : myelin::name(answer.error().code);
  engine_.records_.trace.process(
      {"answer", engine_.host(index_).name, protocol, address, method, answer ? answer->size() : 0, error});
}

void Node::sending() { ++engine_.records_.counters.sent; }

void StackEngine::happened(NodeIndex node) {
  ++happened_;
  touched_ = node;
  look_at_clock();
}

void StackEngine::write_guest_sends() {
  for (const GuestSend& each : std::exchange(guest_sent_, {})) {
    records_.trace.at(records_.counters.steps + 1, each.at);
    records_.trace.process_sends(host(each.node).name, each.process, each.to, each.method, each.bytes);
  }
}

// What is traced next belongs to the step that is under way.
void StackEngine::look_at_clock() {
  if (records_.trace.on()) records_.trace.at(records_.counters.steps + 1, now());
}

Host StackEngine::host(NodeIndex node) const {
  if (options_.fidelity == simulation::Fidelity::tcp) return {address_of(node).to_string(), port};
  auto& name = names_[node];
  if (name.empty()) {
    name = key_of(node).peer_id().to_string();
    numbers_[name] = node;
  }
  return {name, 0};
}

std::optional<NodeIndex> StackEngine::index_of(const Host& host) const {
  if (options_.fidelity == simulation::Fidelity::libp2p) {
    const auto found = numbers_.find(host.name);
    return found != numbers_.end() && found->second < nodes_.size() ? std::optional(found->second) : std::nullopt;
  }
  if (host.port != port) return std::nullopt;
  const auto address = io::IpAddress::parse(host.name);
  if (!address || address->family != io::IpAddress::Family::v4 || address->bytes[0] != 10) return std::nullopt;
  const std::uint32_t number =
      std::uint32_t{address->bytes[1]} << 16 | std::uint32_t{address->bytes[2]} << 8 | address->bytes[3];
  if (number == 0 || number > nodes_.size()) return std::nullopt;
  return number - 1;
}

io::LinkModel StackEngine::link(NodeIndex from, NodeIndex to) const {
  io::LinkModel model;
  switch (latency_.kind) {
    case simulation::Latency::Kind::constant:
      model.delay = latency_.low;
      break;
    case simulation::Latency::Kind::uniform:
      model.delay = latency_.low;
      model.jitter = latency_.high - latency_.low;
      break;
    case simulation::Latency::Kind::matrix: {
      const auto& row = latency_.rows[from % latency_.rows.size()];
      model.delay = row[to % row.size()];
      break;
    }
  }
  const auto found = noises_.find({from, to});
  model.loss = found != noises_.end() ? found->second.loss : noise_.loss;
  double factor = 1;
  for (const NodeIndex node : {from, to})
    if (node < nodes_.size()) factor = std::max(factor, nodes_[node]->factor_);
  if (factor != 1) {
    model.delay = Duration(static_cast<std::int64_t>(static_cast<double>(model.delay.count()) * factor));
    model.jitter = Duration(static_cast<std::int64_t>(static_cast<double>(model.jitter.count()) * factor));
  }
  return model;
}

void StackEngine::set_all_links() {
  world_->set_default_link(link(0, 0));
  for (NodeIndex from = 0; from < nodes_.size(); ++from)
    for (NodeIndex to = 0; to < nodes_.size(); ++to)
      if (from != to) set_link(from, to);
}

void StackEngine::set_latency(simulation::Latency latency) {
  latency_ = std::move(latency);
  set_all_links();
}
void StackEngine::set_noise(Noise noise) {
  noise_ = noise;
  set_all_links();
}
void StackEngine::set_noise(NodeIndex from, NodeIndex to, std::optional<Noise> noise) {
  if (noise) {
    noises_[{from, to}] = *noise;
  } else {
    noises_.erase({from, to});
  }
  set_link(from, to);
}
void StackEngine::slow(NodeIndex node, double factor) {
  nodes_[node]->factor_ = factor;
  for (NodeIndex other = 0; other < nodes_.size(); ++other) {
    if (other == node) continue;
    set_link(node, other);
    set_link(other, node);
  }
}
void StackEngine::cuts_changed(const Cuts& cuts) {
  for (NodeIndex from = 0; from < nodes_.size(); ++from)
    for (NodeIndex to = 0; to < nodes_.size(); ++to)
      if (from != to) world_->set_partitioned(address_of(from), address_of(to), cuts.cut(from, to));
}
void StackEngine::reset_session(NodeIndex a, NodeIndex b) {
  if (nodes_[a]->up()) nodes_[a]->process_->runtime->channel().disconnect(host(b));
}

NodeIndex StackEngine::add_node(Duration when) {
  const auto index = static_cast<NodeIndex>(nodes_.size());
  auto& node = *nodes_.emplace_back(std::make_unique<Node>(*this, index));
  node.machine_ = &world_->add_host("n" + std::to_string(index), address_of(index));
  node.loop_ = &node.machine_->add_loop();
  if (latency_.kind == simulation::Latency::Kind::matrix)
    for (NodeIndex other = 0; other < index; ++other) {
      set_link(index, other);
      set_link(other, index);
    }
  start_at(index, Instant(when));
  return index;
}

void StackEngine::start_at(NodeIndex index, Instant when) {
  Node& node = *nodes_[index];
  node.loop_->start_timer(std::max(when, world_->now()), [this, index, incarnation = node.incarnation_] {
    if (nodes_[index]->incarnation_ == incarnation && nodes_[index]->process_ == nullptr) start(index);
  });
}

protocol::CoreConfig StackEngine::config_for(NodeIndex node) {
  protocol::CoreConfig config;
  config.self = host(node);
  config.mailbox_capacity = options_.mailbox_capacity;
  config.dead_letter = [this, node](std::string_view why, const Host& from) {
    ++records_.counters.dead_letters;
    look_at_clock();
    if (records_.trace.on()) records_.trace.dead_letter(host(node).to_string(), from.to_string(), why);
  };
  config.after_event = [this, node] { touched_ = node; };
  config.timer_fires = [this, node] {
    ++records_.counters.timers;
    happened(node);
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

void StackEngine::start(NodeIndex index) {
  Node& node = *nodes_[index];
  if (!node.dying_.empty()) return start_at(index, world_->now() + port_wait);  // its port is not free yet
  if (whole_) {
    node.process_ = make_whole(node);
    node.process_->scope.spawn(boot(node.process_.get(), index));
    return;
  }
  node.process_ = make_process(node);
  Plan plan = host_.plan(index, node.incarnation_);
  begin(node, add_protocols(node.process_->runtime->core(), plan));
}

// The runtime is made; `ok`: how that went.
void StackEngine::begin(Node& node, Result<void> ok) {
  const NodeIndex index = node.index_;
  Process& process = *node.process_;
  happened(index);
  if (ok) {
    process.up = true;
    process.runtime->on_end = [this, index, incarnation = node.incarnation_](const protocol::StopReason&) {
      if (nodes_[index]->incarnation_ == incarnation) ended_.push_back(index);
    };
    if (process.libp2p() != nullptr) ok = process.libp2p()->listen(listen_address(index));
    if (ok) ok = process.runtime->start();
  }
  if (!ok) {
    end(node);
    host_.run_failed("start", to_string(ok.error()), index);
    return;
  }
  host_.node_started(index);
}

protocol::ChannelOptions StackEngine::channel_options() const {
  protocol::ChannelOptions options;
  options.wire = protocol::Wire::w3;
  options.dial_timeout = options_.dial_timeout;
  options.retry = options_.retry;
  options.stall_timeout = options_.session_timeout;
  return options;
}

std::unique_ptr<Process> StackEngine::make_process(Node& node) {
  const protocol::ChannelOptions options = channel_options();
  auto process = std::make_unique<Process>(*node.loop_);
  std::unique_ptr<protocol::Channel> channel;
  if (options_.fidelity == simulation::Fidelity::libp2p) {
    process->own_host =
        libp2p::Host::create(*node.loop_, libp2p::HostConfig{key_of(node.index_), "myelin-sim", {}, true, {}});
    channel = std::make_unique<protocol::Libp2pChannel>(*node.loop_, *process->own_host, options);
  } else {
    channel = std::make_unique<protocol::SessionChannel>(*node.loop_, host(node.index_), options);
  }
  process->runtime = std::make_unique<LoopRuntime>(*node.loop_, config_for(node.index_),
                                                   std::make_unique<Tap>(std::move(channel), node));
  return process;
}

std::unique_ptr<Process> StackEngine::make_whole(Node& node) {
  auto process = std::make_unique<Process>(*node.loop_);
  process->whole = std::make_unique<WholeNode>(*node.loop_, node);
  process->booting = true;
  return process;
}

// A coroutine of the engine, which outlives the process; the process outlives its scope's tasks. After each wait the
// process may have been ended: then nothing new begins, and what is there is stopped.
io::Task<void> StackEngine::boot(Process* process, NodeIndex index) {
  WholeNode::Setup setup{key_of(index), {}, options_.allow_anyone};
  for (NodeIndex each = 0; each < nodes_.size(); ++each)
    setup.aliases.emplace("n" + std::to_string(each), *identity::PeerId::parse(host(each).name));
  Result<void> ok = co_await process->whole->start(std::move(setup));
  Plan plan;
  if (ok && !process->abandoned) {
    plan = host_.plan(index, nodes_[index]->incarnation_);
    ok = co_await spawn_guests(process, std::move(plan.guests));
  }
  if (ok && !process->abandoned) {
    process->runtime = process->whole->make_runtime(
        config_for(index), channel_options(),
        [node = nodes_[index].get()](auto channel) { return std::make_unique<Tap>(std::move(channel), *node); });
    ok = add_protocols(process->runtime->core(), plan);
    if (ok) ok = co_await process->whole->enter();
  }
  process->booting = false;
  if (!process->abandoned) {
    begin(*nodes_[index], std::move(ok));
  } else {
    process->scope.spawn(stop_below(process));
  }
}

io::Task<Result<void>> StackEngine::spawn_guests(Process* process, std::vector<simulation::Guest> guests) {
  for (simulation::Guest& guest : guests) {
    if (process->abandoned) break;
    std::vector<identity::PeerId> allow;
    for (const NodeIndex each : guest.allow) allow.push_back(key_of(each).peer_id());
    auto spawned = co_await process->whole->spawn(std::move(guest), std::move(allow));
    if (!spawned) co_return spawned;
  }
  co_return Result<void>{};
}

// The process ends; what it leaves behind is closed in the turns that follow.
void StackEngine::end(Node& node) {
  ++node.incarnation_;
  Process& process = *node.process_;
  process.up = false;
  process.abandoned = true;
  if (process.runtime != nullptr) process.runtime->cancel();
  process.stopped = process.own_host == nullptr && process.whole == nullptr;
  if (!process.stopped && !process.booting) process.scope.spawn(stop_below(&process));
  node.dying_.push_back(std::move(node.process_));
  ++dying_;
}

// Whole nodes are many parts that end one after the other: they get the turns for it. Nothing of it is told.
void StackEngine::end_all() {
  records_.trace.open({});
  for (const auto& node : nodes_)
    if (node->process_ != nullptr) end(*node);
  const auto ended = [this] {
    return std::ranges::all_of(nodes_, [](const auto& node) {
      return std::ranges::all_of(node->dying_, [](const auto& process) { return process->ended(); });
    });
  };
  MYELIN_CHECK(world_->run_until(ended, last_limit), "simulated nodes have not ended");
}

void StackEngine::crash(NodeIndex index) {
  Node& node = *nodes_[index];
  if (node.process_ == nullptr) {
    ++node.incarnation_;  // a start that is still to come is void
    return;
  }
  if (node.up()) host_.node_ended(index);
  end(node);
}

void StackEngine::restart(NodeIndex index) {
  if (nodes_[index]->process_ == nullptr) start_at(index, world_->now());
}

// Runtimes that have ended are destroyed between turns.
void StackEngine::bury() {
  for (const NodeIndex index : std::exchange(ended_, {})) crash(index);
  if (dying_ == 0) return;
  dying_ = 0;
  for (const auto& node : nodes_) {
    std::erase_if(node->dying_, [](const auto& process) { return process->ended(); });
    dying_ += node->dying_.size();
  }
}

bool StackEngine::step(Duration limit) {
  touched_.reset();
  const std::uint64_t before = happened_;
  const Duration left = limit - now();
  const auto came_to_pass = [&] {
    if (!guest_sent_.empty()) write_guest_sends();
    return happened_ != before;
  };
  const bool came = left >= Duration{0} && world_->run_until(came_to_pass, left);
  if (dying_ > 0 || !ended_.empty()) bury();
  if (came) ++records_.counters.steps;
  return came;
}

}  // namespace

std::unique_ptr<Engine> make_engine(const Options& options, Records& records, EngineHost& host) {
  return std::make_unique<StackEngine>(options, records, host);
}

}  // namespace myelin::sim::stack
