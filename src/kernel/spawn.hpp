// Spawn: from module bytes to a process that is ready.
//
// Load (on the caller's loop) → classify → a shard and a PID that falls on it → the name reserved on shard 0 →
// `_initialize` → the name set on every shard. Whatever fails undoes what was done. Thread: the caller's loop, which
// outlives the task.
#pragma once

#include "kernel/core.hpp"
#include "kernel/kernel.hpp"

#include <memory>

namespace myelin::kernel {

io::Task<Result<ProcessInfo>> spawn_process(std::shared_ptr<Core> core, io::Loop* caller, SpawnSpec spec);

}  // namespace myelin::kernel
