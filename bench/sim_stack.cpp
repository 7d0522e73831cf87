// [sim-stack]: the simulator at full fidelity: sessions over simulated TCP.
//
//   bench_sim_stack NODES SECONDS    virtual seconds per second of real time
//
// HyParView and Plumtree on NODES nodes; once they have joined, a broadcast of 1 KiB each virtual second from a random
// node, for SECONDS virtual seconds, all of which are measured. Every broadcast must reach every node.
#include "bench/report.hpp"
#include "myelin/simulation.hpp"

#include <chrono>
#include <string>

namespace myelin::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

int run(std::size_t nodes, std::size_t seconds) {
  simulation::Simulation world(
      {.seed = 1, .fidelity = simulation::Fidelity::tcp, .latency = simulation::Latency::uniform(10ms, 50ms)});
  world.add_nodes(
      nodes,
      [](simulation::NodeSetup& node) {
        protocol::HyParViewParameters parameters;
        if (node.index() > 0) parameters.contacts.push_back(node.host(0));
        node.add(protocol::make_hyparview(std::move(parameters)));
        node.add(protocol::make_plumtree({}));
      },
      50ms);
  world.run_for(50ms * static_cast<std::int64_t>(nodes) + 20s);
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < seconds; ++i) {
    if (i + 10 < seconds) world.broadcast(world.pick(simulation::Pick::random(1)).front(), protocol::Bytes(1024));
    world.run_for(1s);
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  if (world.failure()) give_up(world.failure()->to_string());
  for (const auto& result : world.broadcasts())
    if (result.delivered != nodes) give_up("a broadcast reached " + std::to_string(result.delivered) + " nodes");
  const auto& counters = world.counters();
  report(static_cast<double>(seconds) / took.count(), std::to_string(counters.messages),
         ", \"links\": " + std::to_string(counters.link_events) + ", \"seconds\": " + std::to_string(took.count()));
  return 0;
}

}  // namespace
}  // namespace myelin::bench

int main(int argc, char** argv) {
  if (argc != 3) myelin::bench::give_up("usage: bench_sim_stack NODES SECONDS");
  myelin::bench::keep_freed_memory();
  return myelin::bench::run(myelin::bench::number(argv[1]), myelin::bench::number(argv[2]));
}
