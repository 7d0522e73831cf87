#include "sim/papers/overlay_world.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace myelin::sim::papers {

using protocol::Broadcaster;
using protocol::Duration;
using protocol::Membership;
using simulation::NodeIndex;
using simulation::NodeSetup;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration latency = milliseconds(10);
constexpr Duration join_interval = milliseconds(300);
constexpr Duration cycle_length = seconds(10);
constexpr Duration broadcast_length = seconds(20);

std::uint64_t below(std::mt19937_64& random, std::uint64_t bound) {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(random()) * bound) >> 64);
}

}  // namespace

OverlayWorld::OverlayWorld(std::size_t nodes, std::uint64_t seed, Overlay overlay, MakeBroadcaster broadcaster)
    : nodes_(nodes),
      overlay_(overlay),
      make_broadcaster_(std::move(broadcaster)),
      random_(seed),
      memberships_(nodes),
      broadcasters_(nodes),
      world_({.seed = seed, .latency = simulation::Latency::constant(latency), .cycle = cycle_length}) {}

void OverlayWorld::build(std::size_t cycles) {
  const auto setup = [this](NodeSetup& node) {
    std::vector<protocol::Host> contacts;
    if (node.index() != 0) contacts.push_back(node.host(0));
    auto membership = overlay_ == Overlay::hyparview
                          ? protocol::make_hyparview({.contacts = std::move(contacts), .shuffle_period = Duration{0}})
                          : protocol::make_cyclon({.contacts = std::move(contacts), .shuffle_period = Duration{0}});
    memberships_[node.index()] = membership.get();
    node.add(std::move(membership));
    if (!make_broadcaster_) return;
    auto broadcaster = make_broadcaster_();
    broadcasters_[node.index()] = broadcaster.get();
    node.add(std::move(broadcaster));
  };
  (void)world_.add_nodes(nodes_, setup, join_interval);
  (void)world_.run_for(join_interval * static_cast<std::int64_t>(nodes_) + seconds(10));
  for (std::size_t i = 0; i < cycles; ++i) cycle();
}

void OverlayWorld::cycle() {
  std::vector<NodeIndex> order = live_nodes();
  std::shuffle(order.begin(), order.end(), random_);
  // A hundredth of the nodes at a time, so that the turns of a cycle are spread over it.
  const std::size_t step = std::max<std::size_t>(1, order.size() / 100);
  const Duration pause = cycle_length / 125;
  for (std::size_t at = 0; at < order.size(); at += step) {
    for (std::size_t i = at; i < std::min(order.size(), at + step); ++i)
      world_.post(order[i], [membership = memberships_[order[i]]](protocol::Context&) { membership->cycle(); });
    (void)world_.run_for(pause);
  }
  (void)world_.run_for(cycle_length / 5);
}

simulation::BroadcastResult OverlayWorld::broadcast(NodeIndex origin) {
  world_.broadcast(origin, protocol::Bytes{0x6d});
  (void)world_.run_for(broadcast_length);
  return world_.broadcasts().back();
}

std::vector<simulation::BroadcastResult> OverlayWorld::broadcasts(std::size_t count, Duration interval) {
  for (std::size_t i = 0; i < count; ++i) {
    world_.broadcast(random_live(), protocol::Bytes{0x6d});
    (void)world_.run_for(interval);
  }
  (void)world_.run_for(broadcast_length);
  auto all = world_.broadcasts();
  all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(std::min(count, all.size())));
  return all;
}

void OverlayWorld::crash(double share) {
  crash_count(static_cast<std::size_t>(share * static_cast<double>(world_.live()) + 0.5));
}

void OverlayWorld::crash_count(std::size_t count) {
  std::vector<NodeIndex> chosen = live_nodes();
  std::shuffle(chosen.begin(), chosen.end(), random_);
  chosen.resize(std::min(count, chosen.size()));
  for (const NodeIndex node : chosen) {
    memberships_[node] = nullptr;
    broadcasters_[node] = nullptr;
    world_.crash(node);
  }
}

std::vector<NodeIndex> OverlayWorld::live_nodes() const {
  std::vector<NodeIndex> nodes;
  for (NodeIndex node = 0; node < nodes_; ++node)
    if (world_.alive(node)) nodes.push_back(node);
  return nodes;
}

NodeIndex OverlayWorld::random_live() {
  NodeIndex node = 0;
  do node = static_cast<NodeIndex>(below(random_, nodes_));
  while (!world_.alive(node));
  return node;
}

Graph OverlayWorld::graph() const {
  const std::vector<NodeIndex> nodes = live_nodes();
  std::vector<std::uint32_t> number(nodes_, UINT32_MAX);
  for (std::uint32_t i = 0; i < nodes.size(); ++i) number[nodes[i]] = i;
  Graph graph(nodes.size());
  for (const NodeIndex node : nodes)
    for (const protocol::Host& host : memberships_[node]->active_view()) {
      const auto other = world_.index_of(host);
      if (other && *other != node && number[*other] != UINT32_MAX) graph.add(number[node], number[*other]);
    }
  graph.finish();
  return graph;
}

// Each once, sorted: the lower number, then the higher one.
std::vector<std::uint64_t> OverlayWorld::links() const {
  std::vector<std::uint64_t> links;
  for (const NodeIndex node : live_nodes())
    for (const protocol::Host& host : memberships_[node]->active_view())
      if (const auto other = world_.index_of(host); other && *other != node)
        links.push_back(std::uint64_t{std::min(node, *other)} << 32 | std::max(node, *other));
  std::ranges::sort(links);
  const auto twice = std::ranges::unique(links);
  links.erase(twice.begin(), twice.end());
  return links;
}

std::size_t OverlayWorld::new_links() {
  const std::vector<std::uint64_t> before = std::exchange(links_, links());
  std::vector<std::uint64_t> made;
  std::ranges::set_difference(links_, before, std::back_inserter(made));
  return made.size();
}

Broadcaster::Traffic OverlayWorld::traffic() const {
  Broadcaster::Traffic sum;
  for (const Broadcaster* each : broadcasters_) {
    if (each == nullptr) continue;
    const auto& one = each->traffic();
    sum.payload += one.payload;
    sum.redundant += one.redundant;
    sum.control += one.control;
    sum.delivered += one.delivered;
    sum.optimised += one.optimised;
    sum.grafted += one.grafted;
  }
  return sum;
}

}  // namespace myelin::sim::papers
