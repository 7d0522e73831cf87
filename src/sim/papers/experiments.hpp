// The experiments of the papers: J. Leitão, J. Pereira, L. Rodrigues, "HyParView" (TR DI-FCUL 07-13) and "Epidemic
// broadcast trees" (TR DI-FCUL 07-14). Each builds its world, and runs what starts from it in copies.
//
// Thread: one.
#pragma once

#include "sim/papers/figures.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace myelin::sim::papers {

struct Setting {
  std::size_t nodes = 10'000;
  std::uint64_t seed = 1;
  std::size_t stabilise = 50;  // cycles
  std::size_t messages = 100;  // after each failure
  std::size_t cycles = 50;     // with a broadcast each; the paper's table is that of cycle 100
  unsigned parallel = 1;       // copies at a time
};

// Shares of the nodes that fail, in percent.
std::vector<int> hyparview_failures();
std::vector<int> cyclon_failures();
std::vector<int> plumtree_failures();

// Flood over HyParView. "clustering", "path", "diameter", "degree5", "component", "hops"…; of each failure
// "fail<percent>/": "at_once", "reliability"…, "component", "healing".
Figures flood_over_hyparview(const Setting& setting);
// Eager gossip (fanout 4) over Cyclon: the same names.
Figures gossip_over_cyclon(const Setting& setting);
// Plumtree over HyParView without optimisation: "ss/", "ms/" (one sender, many), "ssu/", "msu/" (the same over uneven
// latencies), "fail<percent>/", "constant/"; each broadcast's "payload", "control", "hops", "reliability"; of "ss/" and
// "ms/" also the "links" that the cycle before it made.
Figures plumtree(const Setting& setting);
// The same of the optimisation with that threshold: "ss/", "ssu/" for one sender, "ms/", "msu/" for many.
Figures plumtree_optimised(const Setting& setting, unsigned threshold, bool one_sender);

}  // namespace myelin::sim::papers
