// [sim-overlay] [sim-flat] [sim-100k]: the overlay simulator with HyParView and Plumtree.
//
//   bench_sim_overlay NODES CYCLES BROADCASTS    simulated events per second of real time
//
// Nodes join one by one, then come CYCLES cycles of 10 virtual seconds, then one broadcast per virtual second from
// random nodes. An event is a delivered message, a timer or a link event. Every broadcast must reach every node.
#include "bench/report.hpp"
#include "io/huge_pages.hpp"
#include "myelin/simulation.hpp"

#include <chrono>
#include <string>

namespace myelin::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

int run(std::size_t nodes, std::size_t cycles, std::size_t broadcasts) {
  const auto begin = Clock::now();
  simulation::Simulation world({.seed = 1, .latency = simulation::Latency::uniform(10ms, 50ms)});
  const simulation::Duration join = nodes > 20'000 ? 2ms : 10ms;
  world.add_nodes(
      nodes,
      [](simulation::NodeSetup& node) {
        protocol::HyParViewParameters parameters;
        if (node.index() > 0) parameters.contacts.push_back(node.host(0));
        node.add(protocol::make_hyparview(std::move(parameters)));
        node.add(protocol::make_plumtree({}));
      },
      join);
  world.run_for(join * static_cast<std::int64_t>(nodes) + 10s * static_cast<std::int64_t>(cycles));
  for (std::size_t i = 0; i < broadcasts; ++i) {
    world.broadcast(world.pick(simulation::Pick::random(1)).front(), protocol::Bytes(64));
    world.run_for(1s);
  }
  world.run_for(5s);
  const std::chrono::duration<double> took = Clock::now() - begin;
  if (world.failure()) give_up(world.failure()->to_string());
  for (const auto& result : world.broadcasts())
    if (result.delivered != nodes) give_up("a broadcast reached " + std::to_string(result.delivered) + " nodes");
  const auto& counters = world.counters();
  report(static_cast<double>(counters.events()) / took.count(), std::to_string(counters.events()),
         ", \"messages\": " + std::to_string(counters.messages) + ", \"timers\": " + std::to_string(counters.timers) +
             ", \"links\": " + std::to_string(counters.link_events) + ", \"seconds\": " + std::to_string(took.count()));
  return 0;
}

}  // namespace
}  // namespace myelin::bench

int main(int argc, char** argv) {
  myelin::io::restart_with_huge_pages(argv);
  if (argc != 4) myelin::bench::give_up("usage: bench_sim_overlay NODES CYCLES BROADCASTS");
  myelin::bench::keep_freed_memory();
  return myelin::bench::run(myelin::bench::number(argv[1]), myelin::bench::number(argv[2]),
                            myelin::bench::number(argv[3]));
}
