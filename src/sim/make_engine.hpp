// make_engine: the engine of an Options' fidelity.
//
// Thread: one. Lifetime: what it is given outlives it.
#pragma once

#include "sim/engine.hpp"

#include <memory>

namespace myelin::sim {

std::unique_ptr<Engine> make_engine(const Options& options, Records& records, EngineHost& host);

}  // namespace myelin::sim
