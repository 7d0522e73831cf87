// How many guests this machine can hold, from its limits.
//
// Not memory but mappings and address space are the wall: Linux allows a process vm.max_map_count mappings (65,530 by
// default), and a guarded guest takes six of them and more than 4 GiB of address space. Thread: values; read() any.
#pragma once

#include "base/error.hpp"
#include "wasm/engine.hpp"

#include <cstdint>

namespace myelin::wasm {

struct MachineLimits {
  std::uint64_t max_mappings = 65'530;    // vm.max_map_count
  std::uint64_t mappings_in_use = 0;      // lines of /proc/self/maps
  std::uint64_t address_space_bytes = 0;  // what is left: RLIMIT_AS, or the 47 bits of user space

  static MachineLimits read();
};

// The instances that an engine of this configuration makes room for: config.max_instances if given, else what the
// machine can hold, at most 10,000 guarded or 100,000 dense.
// Errors: limit, saying which limit and what to change.
Result<std::uint32_t> plan_instances(const EngineConfig& config, const MachineLimits& machine);

}  // namespace myelin::wasm
