// Requests from outside: whole messages that a front (glia, a service) hands in.
//
// Thread: the caller's loop.
#pragma once

#include "kernel/core.hpp"
#include "kernel/kernel.hpp"

#include <memory>

namespace myelin::kernel {

// REQUIRES: `caller` is a shard's loop, and this runs on it. `done` runs there, in a later turn, exactly once; `room`
// as Kernel::request says.
void start_request(const std::shared_ptr<Core>& core, io::Loop& caller, Message message, OutcomeCallback done,
                   RoomCallback room);

}  // namespace myelin::kernel
