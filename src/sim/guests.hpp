// Guests of a scenario: their modules read, put into the nodes that start with them, and started there.
//
// Thread: one.
#pragma once

#include "base/error.hpp"
#include "kernel/process.hpp"
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
// How a kernel starts it; whom it lets in is up to the caller, but for `anyone`. Errors: bad_request (a limit or policy
// that is none).
Result<kernel::SpawnSpec> spec_of(simulation::Guest guest);

}  // namespace myelin::sim
