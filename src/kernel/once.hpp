// Once: a process for one message, from its spawn to its removal without a crossing of threads.
//
// It lives on the shard of whoever asks and is a process like any other while it lasts: listed, limited, admitted to,
// killed alike. Thread: the caller's loop, which is a shard's.
#pragma once

#include "kernel/core.hpp"
#include "kernel/kernel.hpp"

#include <memory>

namespace myelin::kernel {

// REQUIRES: `caller` is a shard's loop, and this runs on it; spec.spec.loaded is set.
void run_once(const std::shared_ptr<Core>& core, io::Loop& caller, OnceSpec spec, OutcomeCallback done);

}  // namespace myelin::kernel
