// Checkers that ship: of memberships and broadcasts that keep the contract of myelin/protocols.hpp.
//
// Those of views and trees hold of an overlay that has come to rest: use them at the end, or on cycles without faults.
// All look at running nodes only. Thread: that of the simulation.
#pragma once

#include "myelin/simulation/simulation.hpp"

#include <cstddef>

namespace myelin::simulation::checks {

// -- Of one node, after every step or for all nodes at once.

// No node has itself or one host twice in its view.
MYELIN_API Result<void> view_self_free(Simulation& world, NodeIndex node);
// No view has more than `most` nodes.
MYELIN_API Simulation::LocalCheck view_at_most(std::size_t most);
// No node delivered a broadcast twice.
MYELIN_API Result<void> delivers_once(Simulation& world, NodeIndex node);

// A check of each node as one of all.
MYELIN_API Simulation::GlobalCheck every_node(Simulation::LocalCheck check);

// -- Of the whole world.

// A node that is in another's view has it in its own.
MYELIN_API Result<void> views_symmetric(Simulation& world);
// Every view holds a running node and no other.
MYELIN_API Result<void> views_live(Simulation& world);
// All running nodes are one component of the graph of views.
MYELIN_API Result<void> connected(Simulation& world);
// Every broadcast that is older than `age` reached at least `share` of the nodes that ran all the while.
MYELIN_API Simulation::GlobalCheck reliability_at_least(double share, Duration age = std::chrono::seconds(5));
// The edges over which a broadcast was first delivered (Delivered::from) form a tree rooted in its origin: from each
// node that delivered it, they lead there without a loop. Of the last `recent` broadcasts.
MYELIN_API Simulation::GlobalCheck no_loops_in_tree(std::size_t recent = 8);
// The last broadcast cost at most `most` redundant payload messages per node: RMR = m / (n - 1) - 1, with m the
// messages of that wire name delivered since the broadcast. Needs one broadcast at a time.
MYELIN_API Simulation::GlobalCheck redundancy_at_most(double most, std::string wire_name);

}  // namespace myelin::simulation::checks
