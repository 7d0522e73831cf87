// How the engine makes Instances, and what it counts of them.
#pragma once

#include "wasm/compiled_module.hpp"
#include "wasm/engine.hpp"
#include "wasm/handles.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

namespace myelin::wasm {

// Shared by the engine and its Instances, which may outlive it. Thread: any.
struct InstanceCount {
  std::atomic<std::uint32_t> alive = 0;
  std::atomic<std::uint64_t> made = 0;
  std::uint32_t max = 0;
};

// Errors: limit (no slot is left, or the module needs more than `limits`), invalid_module (its data does not fit its
// memory, or its elements its table).
Result<std::unique_ptr<Instance>> make_instance(wasm_engine_t& engine, std::shared_ptr<const CompiledModule> module,
                                                const InstanceLimits& limits, std::uint32_t max_tables,
                                                std::shared_ptr<InstanceCount> count);

}  // namespace myelin::wasm
