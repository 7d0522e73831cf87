// The engine of overlay scale: whole messages between runtimes, one event queue for all nodes.
//
// Memory: a few kilobytes for each node, most of it the runtime's. A step takes one event from the queue and runs all
// callbacks that follow from it on its node. Thread: one. Lifetime: what it is given outlives it.
#pragma once

#include "sim/engine.hpp"

#include <memory>

namespace myelin::sim::overlay {

std::unique_ptr<Engine> make_engine(const Options& options, Records& records, EngineHost& host);

}  // namespace myelin::sim::overlay
