// Spawn: from module bytes to a process that is ready.
//
// Load (on the caller's loop, unless it was loaded before) → classify → a shard and a PID that falls on it → the name
// reserved on shard 0 →
// `_initialize` → the name set on every shard. Whatever fails undoes what was done. Thread: the caller's loop, which
// outlives the task.
#pragma once

#include "kernel/core.hpp"
#include "kernel/kernel.hpp"

#include <memory>

namespace myelin::kernel {

// Errors: stopping, bad_request.
Result<void> check_spec(const Core& core, const SpawnSpec& spec);
// A new PID that falls on `shard`.
Pid mint_pid(io::Loop& loop, const Core& core, const Shard& shard);

io::Task<Result<ProcessInfo>> spawn_process(std::shared_ptr<Core> core, io::Loop* caller, SpawnSpec spec);

}  // namespace myelin::kernel
