// Faults and picks: what goes wrong, and to whom.
#include "myelin/simulation/faults.hpp"

#include "sim/world.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace myelin::simulation {
namespace {

std::string describe(const Pick& pick) {
  switch (pick.kind) {
    case Pick::Kind::all:
      return "all nodes";
    case Pick::Kind::nodes: {
      std::string text = pick.indices.size() == 1 ? "node" : "nodes";
      for (std::size_t i = 0; i < pick.indices.size() && i < 8; ++i) text += ' ' + std::to_string(pick.indices[i]);
      return pick.indices.size() > 8 ? text + " …" : text;
    }
    case Pick::Kind::range:
      return "nodes " + std::to_string(pick.first) + " to " +
             std::to_string(pick.first + std::max<std::size_t>(pick.count, 1) - 1);
    case Pick::Kind::random:
      return std::to_string(pick.count) + " random nodes";
    case Pick::Kind::fraction:
      return std::to_string(std::lround(pick.share * 100)) + " % of the nodes";
    case Pick::Kind::rest:
      return "the rest";
  }
  return {};
}

}  // namespace

std::string Fault::to_string() const {
  const auto pair = [this] { return describe(nodes) + (both_ways ? " and " : " to ") + describe(others); };
  std::string text;
  switch (kind) {
    case Kind::crash:
      text = "crash " + describe(nodes);
      break;
    case Kind::restart:
      text = "restart " + describe(nodes);
      break;
    case Kind::partition:
      text = "partition " + pair();
      break;
    case Kind::heal:
      text = "heal " + pair();
      break;
    case Kind::noise:
      text = "noise between " + pair();
      break;
    case Kind::latency:
      text = "latency";
      break;
    case Kind::slow:
      text = "slow " + describe(nodes);
      break;
    case Kind::reset:
      text = "reset " + pair();
      break;
    case Kind::churn:
      text = "churn each " + sim::seconds_text(interval);
      break;
  }
  text += " at " + sim::seconds_text(at);
  if (duration > Duration{0}) text += " for " + sim::seconds_text(duration);
  return text;
}

// -- Picks.

std::vector<NodeIndex> Simulation::Impl::select(const Pick& pick, const std::vector<NodeIndex>& first, bool running) {
  std::vector<NodeIndex> chosen;
  const auto size = static_cast<NodeIndex>(nodes.size());
  switch (pick.kind) {
    case Pick::Kind::all:
      for (NodeIndex node = 0; node < size; ++node) chosen.push_back(node);
      return chosen;
    case Pick::Kind::nodes:
      for (const NodeIndex node : pick.indices)
        if (node < size) chosen.push_back(node);
      return chosen;
    case Pick::Kind::range:
      for (std::size_t i = 0; i < pick.count && pick.first + i < size; ++i)
        chosen.push_back(pick.first + static_cast<NodeIndex>(i));
      return chosen;
    case Pick::Kind::rest: {
      const NodeSet named(first);
      for (NodeIndex node = 0; node < size; ++node)
        if (!named.has(node)) chosen.push_back(node);
      return chosen;
    }
    case Pick::Kind::random:
    case Pick::Kind::fraction:
      break;
  }
  for (NodeIndex node = 0; node < size; ++node) {
    const bool up = engine->core(node) != nullptr;
    if (running ? up : !up && nodes[node].starts > 0) chosen.push_back(node);
  }
  const std::size_t wanted =
      pick.kind == Pick::Kind::random
          ? pick.count
          : static_cast<std::size_t>(std::lround(pick.share * static_cast<double>(chosen.size())));
  const std::size_t count = std::min(wanted, chosen.size());
  for (std::size_t i = 0; i < count; ++i) std::swap(chosen[i], chosen[i + random.below(chosen.size() - i)]);
  chosen.resize(count);
  std::ranges::sort(chosen);
  return chosen;
}

std::vector<NodeIndex> Simulation::pick(const Pick& pick) { return impl_->select(pick, {}, true); }

// -- Faults by hand.

void Simulation::Impl::trace_fault(std::string_view mutation, const std::vector<NodeIndex>& which,
                                   const std::string& text) {
  if (!records.trace.on()) return;
  std::vector<std::string> hosts;
  for (const NodeIndex node : which) hosts.push_back(engine->host(node).to_string());
  records.trace.at(records.counters.steps, engine->now());
  records.trace.fault(mutation, hosts, text);
}

void Simulation::crash(NodeIndex node) {
  impl_->trace_fault("crash", {node}, {});
  impl_->engine->crash(node);
}
void Simulation::restart(NodeIndex node) {
  impl_->trace_fault("restart", {node}, {});
  impl_->engine->restart(node);
}
void Simulation::partition(NodeIndex from, NodeIndex to) {
  impl_->trace_fault("cut", {from, to}, "one way");
  impl_->cuts.set(from, to, true);
  impl_->engine->cuts_changed(impl_->cuts);
}
void Simulation::heal(NodeIndex from, NodeIndex to) {
  impl_->trace_fault("heal", {from, to}, "one way");
  impl_->cuts.set(from, to, false);
  impl_->engine->cuts_changed(impl_->cuts);
}
void Simulation::heal_all() {
  impl_->trace_fault("heal", {}, "all");
  impl_->cuts.clear();
  impl_->engine->cuts_changed(impl_->cuts);
}
void Simulation::set_noise(Noise noise) {
  impl_->trace_fault("loss", {}, std::to_string(noise.loss));
  impl_->engine->set_noise(noise);
}
void Simulation::set_noise(NodeIndex from, NodeIndex to, Noise noise) {
  impl_->trace_fault("loss", {from, to}, std::to_string(noise.loss));
  impl_->engine->set_noise(from, to, noise);
}
void Simulation::set_latency(Latency latency) {
  impl_->trace_fault("delay", {}, sim::seconds_text(latency.low));
  impl_->engine->set_latency(std::move(latency));
}
void Simulation::slow(NodeIndex node, double factor) {
  impl_->trace_fault("slow", {node}, std::to_string(factor));
  impl_->engine->slow(node, factor);
}
void Simulation::reset_session(NodeIndex a, NodeIndex b) {
  impl_->trace_fault("reset", {a, b}, {});
  impl_->engine->reset_session(a, b);
}

// -- Faults as values.

void Simulation::apply(const Fault& fault) {
  at(now() + fault.at, [impl = impl_.get(), fault](Simulation&) { impl->apply_now(fault); });
}

void Simulation::Impl::set_cuts(const std::vector<NodeIndex>& from, const std::vector<NodeIndex>& to, bool both,
                                bool cut) {
  cuts.set(NodeSet(from), NodeSet(to), cut);
  if (both) cuts.set(NodeSet(to), NodeSet(from), cut);
  engine->cuts_changed(cuts);
}

void Simulation::Impl::set_noises(const Fault& fault, const std::vector<NodeIndex>& from,
                                  const std::vector<NodeIndex>& to) {
  for (const NodeIndex a : from)
    for (const NodeIndex b : to) {
      if (a == b) continue;
      engine->set_noise(a, b, fault.noise);
      if (fault.both_ways) engine->set_noise(b, a, fault.noise);
    }
  if (fault.duration <= Duration{0}) return;
  face.at(engine->now() + fault.duration, [this, from, to, both = fault.both_ways](Simulation&) {
    for (const NodeIndex a : from)
      for (const NodeIndex b : to) {
        engine->set_noise(a, b, std::nullopt);
        if (both) engine->set_noise(b, a, std::nullopt);
      }
  });
}

void Simulation::Impl::churn(Duration interval, Duration until) {
  if (engine->now() > until || interval <= Duration{0}) return;
  for (const NodeIndex node : select(Pick::random(1), {}, false)) face.restart(node);
  if (live > 1)
    for (const NodeIndex node : select(Pick::random(1), {}, true)) face.crash(node);
  face.at(engine->now() + interval, [this, interval, until](Simulation&) { churn(interval, until); });
}

void Simulation::Impl::apply_now(const Fault& fault) {
  const std::vector<NodeIndex> first = select(fault.nodes, {}, fault.kind != Fault::Kind::restart);
  const Duration end = engine->now() + fault.duration;
  const bool ends = fault.duration > Duration{0};
  const std::string text = fault.to_string();
  switch (fault.kind) {
    case Fault::Kind::crash:
      trace_fault("crash", first, text);
      for (const NodeIndex node : first) engine->crash(node);
      return;
    case Fault::Kind::restart:
      trace_fault("restart", first, text);
      for (const NodeIndex node : first) engine->restart(node);
      return;
    case Fault::Kind::partition:
    case Fault::Kind::heal: {
      const std::vector<NodeIndex> second = select(fault.others, first, true);
      const bool cut = fault.kind == Fault::Kind::partition;
      trace_fault(cut ? "cut" : "heal", first, text);
      if (!cut && fault.nodes.kind == Pick::Kind::all && fault.others.kind == Pick::Kind::all) {
        cuts.clear();
        engine->cuts_changed(cuts);
        return;
      }
      set_cuts(first, second, fault.both_ways, cut);
      if (cut && ends)
        face.at(end, [this, first, second, both = fault.both_ways](Simulation&) {
          trace_fault("heal", first, {});
          set_cuts(first, second, both, false);
        });
      return;
    }
    case Fault::Kind::noise:
      trace_fault("loss", first, text);
      if (fault.nodes.kind != Pick::Kind::all || fault.others.kind != Pick::Kind::all)
        return set_noises(fault, first, select(fault.others, first, true));
      engine->set_noise(fault.noise);
      if (ends) face.at(end, [this](Simulation&) { engine->set_noise(options.noise); });
      return;
    case Fault::Kind::latency:
      trace_fault("delay", {}, text);
      return engine->set_latency(fault.link);
    case Fault::Kind::slow:
      trace_fault("slow", first, text);
      for (const NodeIndex node : first) engine->slow(node, fault.factor);
      if (ends)
        face.at(end, [this, first](Simulation&) {
          for (const NodeIndex node : first) engine->slow(node, 1);
        });
      return;
    case Fault::Kind::reset:
      trace_fault("reset", first, text);
      for (const NodeIndex a : first)
        for (const NodeIndex b : select(fault.others, first, true))
          if (a != b) engine->reset_session(a, b);
      return;
    case Fault::Kind::churn:
      return churn(fault.interval, end);
  }
}

}  // namespace myelin::simulation
