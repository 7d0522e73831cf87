#include "wasm/engine_config.hpp"

#include "wasm/reader.hpp"

#include <wasmtime.h>

namespace myelin::wasm {
namespace {

// With 4 GiB reserved and a guard behind it no 32-bit address needs a check in code.
constexpr std::uint64_t whole_space_bytes = 4ull << 30;
constexpr std::uint64_t guard_bytes = 32ull << 20;

// What a slot keeps in memory between two guests instead of giving it back and faulting it in again.
constexpr std::size_t memory_keep_bytes = 128 * limits::kib;
constexpr std::size_t stack_keep_bytes = 16 * limits::kib;
constexpr std::size_t table_keep_bytes = 16 * limits::kib;
constexpr std::size_t instance_metadata_bytes = 8 * limits::mib;

void narrow_proposals(wasm_config_t* config) {
  wasmtime_config_shared_memory_set(config, false);
  wasmtime_config_wasm_memory64_set(config, false);
  wasmtime_config_wasm_multi_memory_set(config, false);
  wasmtime_config_wasm_relaxed_simd_set(config, false);  // its results depend on the processor
  wasmtime_config_wasm_stack_switching_set(config, false);
  wasmtime_config_wasm_custom_page_sizes_set(config, false);
  wasmtime_config_wasm_wide_arithmetic_set(config, false);
  wasmtime_config_gc_support_set(config, false);
  myelin_config_typed_references(config, false);
}

}  // namespace

std::uint64_t CodeSettings::memory_reservation_bytes() const {
  return preset == MemoryPreset::guarded && hardware_traps ? whole_space_bytes : max_memory_bytes();
}

std::uint64_t CodeSettings::memory_guard_bytes() const {
  return preset == MemoryPreset::guarded && hardware_traps ? guard_bytes : 0;
}

std::string CodeSettings::text() const {
  return concat("wasmtime-", WASMTIME_VERSION, preset == MemoryPreset::guarded ? "-guarded-" : "-dense-",
                max_memory_pages, deterministic ? "-deterministic" : "", hardware_traps ? "" : "-checked");
}

ConfigHandle make_code_config(const CodeSettings& settings, bool fast_compile) {
  ConfigHandle handle(wasm_config_new());
  wasm_config_t* config = handle.get();
  narrow_proposals(config);
  wasmtime_config_consume_fuel_set(config, true);
  wasmtime_config_epoch_interruption_set(config, false);
  wasmtime_config_cranelift_nan_canonicalization_set(config, settings.deterministic);
  wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_SPEED);
  wasmtime_config_cranelift_regalloc_algorithm_set(
      config, fast_compile ? WASMTIME_REGALLOC_SINGLE_PASS : WASMTIME_REGALLOC_BACKTRACKING);
  // Registering unwind information takes a lock that C++ exceptions need too.
  wasmtime_config_native_unwind_info_set(config, false);
  wasmtime_config_debug_info_set(config, false);
  wasmtime_config_signals_based_traps_set(config, hardware_traps);
  wasmtime_config_max_wasm_stack_set(config, wasm_stack_bytes);
  wasmtime_config_async_stack_size_set(config, fiber_stack_bytes);
  myelin_config_async_stack_zeroing(config, true);
  myelin_config_backtrace_frames(config, 0);
  myelin_config_address_map(config, false);

  wasmtime_config_memory_reservation_set(config, settings.memory_reservation_bytes());
  wasmtime_config_memory_guard_size_set(config, settings.memory_guard_bytes());
  wasmtime_config_memory_reservation_for_growth_set(config, 0);
  // A dense memory never moves, but the compiler may not know: of a memory that stays where it is it checks only the
  // reservation, and leaves what lies between the memory's size and that to page protection, which a slot has not.
  wasmtime_config_memory_may_move_set(config, settings.preset == MemoryPreset::dense);
  myelin_config_guard_before_memory(config, settings.memory_guard_bytes() != 0);
  // Copy-on-write images cost mappings per guest, which the dense preset must do without.
  wasmtime_config_memory_init_cow_set(config, settings.preset == MemoryPreset::guarded);
  return handle;
}

void use_pool(wasm_config_t& config, const CodeSettings& settings, std::uint32_t tables, std::uint32_t table_elements,
              std::uint32_t instances) {
  wasmtime_pooling_allocation_config_t* pool = wasmtime_pooling_allocation_config_new();
  wasmtime_pooling_allocation_config_total_core_instances_set(pool, instances);
  wasmtime_pooling_allocation_config_total_memories_set(pool, instances);
  wasmtime_pooling_allocation_config_total_stacks_set(pool, instances);
  wasmtime_pooling_allocation_config_total_tables_set(pool, instances * tables);
  wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, tables);
  wasmtime_pooling_allocation_config_table_elements_set(pool, table_elements);
  wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, 1);
  wasmtime_pooling_allocation_config_max_memory_size_set(pool, settings.max_memory_bytes());
  wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, instance_metadata_bytes);
  wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, memory_keep_bytes);
  wasmtime_pooling_allocation_config_async_stack_keep_resident_set(pool, stack_keep_bytes);
  wasmtime_pooling_allocation_config_table_keep_resident_set(pool, table_keep_bytes);
  myelin_pool_pagemap_scan(pool);
  wasmtime_pooling_allocation_strategy_set(&config, pool);
  wasmtime_pooling_allocation_config_delete(pool);
}

}  // namespace myelin::wasm
