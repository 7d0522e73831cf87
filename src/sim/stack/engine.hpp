// The engine of full fidelity: each node is a runtime on a loop of its own host of io's simulated world, with the
// session wire over simulated TCP, or libp2p streams with Noise and yamux. Every byte that a machine would send is
// sent.
//
// Differences from the overlay engine: loss costs time and loses nothing (TCP sends again); there is no duplication and
// no reordering; Counters::timers is not counted; a step is a turn of a loop in which a message or a session event
// came. Thread: one. Lifetime: what it is given outlives it.
#pragma once

#include "sim/engine.hpp"

#include <memory>

namespace myelin::sim::stack {

std::unique_ptr<Engine> make_engine(const Options& options, Records& records, EngineHost& host);

}  // namespace myelin::sim::stack
