// The caller's end of a call: to a process of this node, or through the RemoteRoute to another.
//
// Thread: the caller's loop. Lifetime: a Call may outlive its Kernel; it then ends with `stopping`.
#pragma once

#include "kernel/core.hpp"
#include "kernel/kernel.hpp"

#include <memory>

namespace myelin::kernel {

// REQUIRES: `caller` is a shard's loop, and this runs on it.
std::unique_ptr<Call> start_call(const std::shared_ptr<Core>& core, io::Loop& caller, CallSpec spec);

}  // namespace myelin::kernel
