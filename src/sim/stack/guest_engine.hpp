// guest_engine: what compiles and runs the guests of all simulated nodes.
//
// One per program, made when it is first asked for: it reserves address space for every guest that may run, and keeps
// compiled code in a temporary folder that goes with the program, so that a hundred runs compile a module once. It is
// deterministic: what it keeps changes no run. Modules are compiled in this program, without the helper's limits: they
// are those of whoever runs the simulation. Thread: any.
#pragma once

#include "base/error.hpp"
#include "io/simulated.hpp"
#include "wasm/engine.hpp"

#include <cstdint>

namespace myelin::sim::stack {

inline constexpr std::uint32_t max_guests = 1024;  // at a time

// Errors: limit (the machine cannot hold so many), io (the temporary folder).
Result<wasm::Engine*> guest_engine();
// Puts the compiler that it asks for into the world.
void add_compiler(io::SimulatedWorld& world);

}  // namespace myelin::sim::stack
