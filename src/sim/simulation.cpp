#include "myelin/simulation/simulation.hpp"

#include "base/check.hpp"
#include "sim/make_engine.hpp"
#include "sim/world.hpp"

#include <algorithm>
#include <string>

namespace myelin::simulation {
namespace {

class SetupView final : public NodeSetup {
 public:
  SetupView(Simulation::Impl& world, NodeIndex index, unsigned incarnation, Plan& plan)
      : world_(world),
        index_(index),
        incarnation_(incarnation),
        plan_(plan),
        random_(io::simulated::derive_seed(world.options.seed ^ 0x5e709, io::simulated::Purpose::entropy,
                                           std::uint64_t{incarnation} << 32 | index)) {}

  NodeIndex index() const override { return index_; }
  unsigned incarnation() const override { return incarnation_; }
  Host self() const override { return world_.engine->host(index_); }
  Host host(NodeIndex index) const override { return world_.engine->host(index); }
  std::size_t nodes() const override { return world_.nodes.size(); }
  std::uint64_t random() override { return random_.next(); }
  void add(std::unique_ptr<protocol::Protocol> protocol, protocol::Supervision supervision) override {
    plan_.items.push_back({std::move(protocol), {}, supervision});
  }
  void add(protocol::ProtocolFactory factory, protocol::Supervision supervision) override {
    plan_.items.push_back({nullptr, std::move(factory), supervision});
  }
  void add_guest(Guest guest) override { plan_.guests.push_back(std::move(guest)); }

 private:
  Simulation::Impl& world_;
  NodeIndex index_;
  unsigned incarnation_;
  Plan& plan_;
  io::simulated::Random random_;
};

}  // namespace

std::string_view name(Fidelity fidelity) {
  switch (fidelity) {
    case Fidelity::overlay:
      return "overlay";
    case Fidelity::tcp:
      return "tcp";
    case Fidelity::libp2p:
      return "libp2p";
  }
  return "overlay";
}

std::string Failure::to_string() const {
  std::string text = checker + ": " + what + " (step " + std::to_string(step) + ", " + sim::seconds_text(at);
  if (node) text += ", node " + std::to_string(*node);
  return text + ")";
}

// -- Impl.

Simulation::Impl::Impl(Simulation& simulation, Options wanted)
    : face(simulation),
      options(std::move(wanted)),
      random(io::simulated::derive_seed(options.seed, io::simulated::Purpose::schedule, 1)),
      broadcasts([this](NodeIndex node) -> std::optional<Duration> {
        return node < nodes.size() ? nodes[node].since : std::nullopt;
      }),
      next_cycle(options.cycle) {
  MYELIN_CHECK(options.cycle > Duration{0}, "a cycle takes time");
  records.trace.open(options.trace);
  engine = sim::make_engine(options, records, *this);
}

// What ends with the nodes is no outcome.
Simulation::Impl::~Impl() { open_calls.clear(); }

Plan Simulation::Impl::plan(NodeIndex node, unsigned incarnation) {
  Plan plan;
  SetupView view(*this, node, incarnation, plan);
  if (const Setup& setup = setups[nodes[node].setup]) setup(view);
  const bool whole = sim::whole_nodes(options);
  if (options.whole_nodes && !whole) fail_now("start", "whole nodes need the fidelity libp2p", node);
  if (!plan.guests.empty() && !whole) fail_now("start", "guests need whole nodes (Options::whole_nodes)", node);
  bool membership = false;
  for (const auto& item : plan.items)
    if (dynamic_cast<const protocol::Membership*>(item.protocol.get()) != nullptr) membership = true;
  if (plan.items.empty()) return plan;  // the runtime says that it has none
  auto probe = std::make_unique<Probe>(*this, node, !membership, whole);
  nodes[node].probe = probe.get();
  plan.items.push_back({std::move(probe), {}, {}});
  return plan;
}

void Simulation::Impl::node_started(NodeIndex node) {
  nodes[node].since = engine->now();
  ++nodes[node].starts;
  ++live;
  nodes[node].protocols.clear();
  std::vector<std::string> names;
  for (const auto& status : engine->core(node)->protocols()) {
    if (status.name == "simulation") continue;
    nodes[node].protocols.push_back(status.id);
    names.push_back(status.name);
  }
  if (!records.trace.on()) return;
  records.trace.node(engine->host(node).to_string(), nodes[node].starts == 1 ? "start" : "restart", names);
}

void Simulation::Impl::node_ended(NodeIndex node) {
  nodes[node].since.reset();
  nodes[node].probe = nullptr;
  --live;
  std::erase_if(open_calls, [node](const auto& each) { return each.second.node == node; });
  if (records.trace.on()) records.trace.node(engine->host(node).to_string(), "stop", {});
}

void Simulation::Impl::run_failed(std::string checker, std::string what, NodeIndex node) {
  fail_now(std::move(checker), std::move(what), node);
}

void Simulation::Impl::delivered(NodeIndex node, const protocol::Delivered& message) {
  if (!broadcasts.delivered(node, message, engine->index_of(message.from), engine->now())) ++nodes[node].duplicates;
}

void Simulation::Impl::crashed(NodeIndex node, const protocol::ProtocolFailed& failed) {
  ++records.counters.crashes;
  if (options.log)
    options.log(node, sim::seconds_text(engine->now()) + " ERROR simulation protocol failed name=" + failed.name +
                          " what=" + failed.what);
}

std::size_t Simulation::Impl::begin_broadcast(NodeIndex origin) {
  return broadcasts.begin(origin, engine->now(), records.types, nodes.size());
}

void Simulation::Impl::send_broadcast(protocol::Context& ctx, std::size_t index, NodeIndex origin,
                                      protocol::Bytes payload) {
  ctx.request<protocol::Broadcast, protocol::BroadcastAccepted>(
      {std::move(payload)}, [this, index, origin](Result<protocol::BroadcastAccepted> accepted) {
        if (accepted) {
          broadcasts.accepted(index, accepted->id_high, accepted->id_low);
        } else {
          fail_now("broadcast", to_string(accepted.error()), origin);
        }
      });
}

void Simulation::Impl::broadcast(NodeIndex node, protocol::Context& ctx, protocol::Bytes payload) {
  send_broadcast(ctx, begin_broadcast(node), node, std::move(payload));
}

void Simulation::Impl::fail_now(std::string checker, std::string what, std::optional<NodeIndex> node) {
  if (failure) return;
  failure = Failure{std::move(checker), std::move(what), records.counters.steps, engine->now(), node};
}

NodeIndex Simulation::Impl::add(std::size_t setup, Duration when) {
  const NodeIndex node = engine->add_node(when);
  nodes.push_back({.setup = setup});
  return node;
}

void Simulation::Impl::begin_trace() {
  if (trace_begun) return;
  trace_begun = true;
  if (!records.trace.on()) return;
  std::vector<std::string> hosts;
  for (NodeIndex node = 0; node < nodes.size(); ++node) hosts.push_back(engine->host(node).to_string());
  records.trace.meta(options.seed, hosts);
}

bool Simulation::Impl::step(Duration limit) {
  if (!trace_begun) begin_trace();
  if (!engine->step(limit)) return false;
  if (!locals.empty()) check_touched();
  return true;
}

void Simulation::Impl::check_touched() {
  const auto touched = engine->touched();
  if (!touched || engine->core(*touched) == nullptr) return;
  for (std::size_t i = 0; i < locals.size() && !failure; ++i)
    if (auto held = locals[i].check(face, *touched); !held) fail_now(locals[i].name, held.error().message, *touched);
}

Duration Simulation::Impl::next_planned() const {
  return planned.empty() ? next_cycle : std::min(next_cycle, planned.begin()->first);
}

void Simulation::Impl::run_planned() {
  if (!planned.empty() && planned.begin()->first <= next_cycle) {
    const auto action = std::move(planned.extract(planned.begin()).mapped());
    if (records.trace.on()) records.trace.at(records.counters.steps, engine->now());
    action(face);
    return;
  }
  next_cycle += options.cycle;
  end_cycle();
}

void Simulation::Impl::end_cycle() {
  Sample sample{engine->now(), live, records.counters, {}};
  for (const Gauge& gauge : gauges) sample.gauges.push_back(gauge.value(face));
  samples.push_back(std::move(sample));
  for (std::size_t i = 0; i < globals.size() && !failure; ++i)
    if (auto held = globals[i].check(face); !held) fail_now(globals[i].name, held.error().message, std::nullopt);
}

// -- Simulation.

Simulation::Simulation(Options options) : impl_(std::make_unique<Impl>(*this, std::move(options))) {}
Simulation::~Simulation() = default;

NodeIndex Simulation::add_node(Setup setup) {
  impl_->setups.push_back(std::move(setup));
  return impl_->add(impl_->setups.size() - 1, now());
}

NodeIndex Simulation::add_nodes(std::size_t count, const Setup& setup, Duration interval) {
  impl_->setups.push_back(setup);
  const auto first = static_cast<NodeIndex>(size());
  for (std::size_t i = 0; i < count; ++i)
    impl_->add(impl_->setups.size() - 1, now() + interval * static_cast<std::int64_t>(i));
  return first;
}

std::size_t Simulation::size() const { return impl_->nodes.size(); }
std::size_t Simulation::live() const { return impl_->live; }
bool Simulation::alive(NodeIndex node) const { return node < size() && impl_->engine->core(node) != nullptr; }
Host Simulation::host(NodeIndex node) const { return impl_->engine->host(node); }
std::optional<NodeIndex> Simulation::index_of(const Host& host) const { return impl_->engine->index_of(host); }

protocol::Protocol* Simulation::find(NodeIndex node, std::string_view protocol) const {
  return alive(node) ? impl_->engine->core(node)->find(protocol) : nullptr;
}

protocol::Protocol* Simulation::nth_protocol(NodeIndex node, std::size_t n) const {
  if (!alive(node)) return nullptr;
  const auto& ids = impl_->nodes[node].protocols;
  return n < ids.size() ? impl_->engine->core(node)->find(ids[n]) : nullptr;
}

void Simulation::post(NodeIndex node, std::function<void(protocol::Context&)> callback) {
  if (!alive(node)) return;
  Probe* probe = impl_->nodes[node].probe;
  impl_->engine->core(node)->post([probe, callback = std::move(callback)] { callback(probe->context()); });
}

Duration Simulation::now() const { return impl_->engine->now(); }

bool Simulation::step() {
  while (!impl_->finished()) {
    const std::uint64_t before = impl_->records.counters.steps;
    const Duration limit = impl_->next_planned();
    if (impl_->step(limit)) {
      if (impl_->records.counters.steps != before) return true;
      continue;
    }
    if (impl_->engine->exhausted() && impl_->planned.empty()) return false;
    impl_->run_planned();
  }
  return false;
}

bool Simulation::run_for(Duration duration) { return run_until(now() + duration); }

bool Simulation::run_until(Duration when) {
  while (!impl_->finished()) {
    const Duration planned = impl_->next_planned();
    const Duration limit = std::min(planned, when);
    while (impl_->step(limit))
      if (impl_->finished()) return !impl_->failure;
    if (planned > when) break;
    impl_->run_planned();
  }
  return !impl_->failure;
}

bool Simulation::run_until(const std::function<bool()>& done, Duration limit) {
  const Duration end = now() + limit;
  while (!done()) {
    if (impl_->finished()) return false;
    const Duration planned = impl_->next_planned();
    if (impl_->step(std::min(planned, end))) continue;
    if (planned > end) return done();
    impl_->run_planned();
  }
  return true;
}

void Simulation::set_last_step(std::uint64_t step) { impl_->last_step = step; }

void Simulation::at(Duration when, std::function<void(Simulation&)> action) {
  impl_->planned.emplace(std::max(when, now()), std::move(action));
}

std::uint64_t Simulation::random() { return impl_->random.next(); }

void Simulation::broadcast(NodeIndex origin, protocol::Bytes payload) {
  if (!alive(origin)) return;
  Impl* impl = impl_.get();
  const std::size_t index = impl->begin_broadcast(origin);
  post(origin, [impl, index, origin, payload = std::move(payload)](protocol::Context& ctx) {
    impl->send_broadcast(ctx, index, origin, payload);
  });
}

std::size_t Simulation::broadcast_count() const { return impl_->broadcasts.size(); }
BroadcastResult Simulation::broadcast_result(std::size_t index) const { return impl_->broadcasts.result(index); }
std::vector<BroadcastResult> Simulation::broadcasts() const {
  std::vector<BroadcastResult> results;
  for (std::size_t i = 0; i < broadcast_count(); ++i) results.push_back(broadcast_result(i));
  return results;
}
std::vector<std::pair<NodeIndex, NodeIndex>> Simulation::delivery_tree(std::size_t index) const {
  return impl_->broadcasts.tree(index);
}
std::size_t Simulation::duplicate_deliveries(NodeIndex node) const { return impl_->nodes[node].duplicates; }
std::uint64_t Simulation::messages_since_broadcast(std::string_view wire_name) const {
  return impl_->broadcasts.since_last(protocol::wire_id(wire_name), impl_->records.types);
}

std::vector<NodeIndex> Simulation::neighbors(NodeIndex node) const {
  std::vector<NodeIndex> indices;
  if (!alive(node)) return indices;
  const auto add = [&](const std::vector<Host>& hosts) {
    for (const Host& host : hosts)
      if (const auto index = index_of(host)) indices.push_back(*index);
  };
  if (const auto* membership = find<protocol::Membership>(node)) {
    add(membership->active_view());
  } else {
    add(impl_->nodes[node].probe->neighbors());
  }
  return indices;
}

void Simulation::check_steps(std::string name, LocalCheck check) {
  impl_->locals.push_back({std::move(name), std::move(check)});
}
void Simulation::check_cycles(std::string name, GlobalCheck check) {
  impl_->globals.push_back({std::move(name), std::move(check)});
}
void Simulation::fail(std::string checker, std::string what) {
  impl_->fail_now(std::move(checker), std::move(what), std::nullopt);
}
const std::optional<Failure>& Simulation::failure() const { return impl_->failure; }

const Counters& Simulation::counters() const { return impl_->records.counters; }
std::uint64_t Simulation::messages(std::string_view wire_name) const {
  return impl_->records.types.of(protocol::wire_id(wire_name));
}

std::vector<std::pair<std::string, double>> Simulation::metrics() const {
  std::map<std::string, double> sums;
  for (NodeIndex node = 0; node < size(); ++node)
    if (alive(node))
      for (const auto& [name, value] : impl_->engine->core(node)->metrics()) sums[name] += value;
  return {sums.begin(), sums.end()};
}

void Simulation::gauge(std::string name, std::function<double(Simulation&)> value) {
  impl_->gauges.push_back({std::move(name), std::move(value)});
}

}  // namespace myelin::simulation
