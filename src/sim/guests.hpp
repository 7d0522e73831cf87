// Guests of a scenario: their modules read, put into the nodes that start with them, and spoken to.
//
// Thread: one.
#pragma once

#include "base/error.hpp"
#include "myelin/simulation/guest.hpp"
#include "myelin/simulation/simulation.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace myelin::sim {

// A file that may be a module: a regular one of at most limits::module_bytes. Errors: io, too_large, with the path.
Result<void> check_module_file(const std::string& path);
// Errors: those of check_module_file, bad_request (neither bytes nor a file, a name that is none).
Result<simulation::Guest> with_module(simulation::Guest guest);
// Whether those nodes can be told before the run: all, a list or a range.
bool fixed(const simulation::Pick& pick);

// What `setup` does, and the guests. Errors: those of with_module, bad_request (random nodes).
Result<simulation::Setup> setup_with(std::vector<simulation::PlacedGuest> guests, simulation::Setup setup);
// Sends it from that node, now; what is not as expected fails the run.
void send_call(simulation::Simulation& world, simulation::NodeIndex node, const simulation::ProcessCall& call);

}  // namespace myelin::sim
