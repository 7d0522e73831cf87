// A scenario's nodes as real processes on loopback: each is this program with --real-node, over the session wire.
//
// A node prints "ready HOST", then "delivered HIGH LOW HOPS" for each delivery and "accepted HIGH LOW" for each
// broadcast that it was asked for; it takes "broadcast BYTES" and "reset HOST" on stdin, and ends with it, or with the
// process that started it. A slow node is one that the scheduler gives its share of each tenth of a second
// (SIGSTOP, SIGCONT). Thread: the program's first.
#pragma once

#include "cli/options.hpp"
#include "sim/file/scenario_file.hpp"

namespace myelin::cli {

// Errors: unsupported, naming the first key that only a simulated world can do, and limit, before anything starts.
// Starts all nodes, lets the scenario's time pass, collects. Exit code: 1 if a broadcast reached fewer than the
// scenario's checkers ask for.
int run_real_scenario(const Common& common, const SimOptions& options, const sim::ScenarioFile& file);
// One of them.
int run_real_node(const Common& common, const SimOptions& options, const sim::ScenarioFile& file);

}  // namespace myelin::cli
