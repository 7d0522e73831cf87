#include "wasm/capacity.hpp"

#include "wasm/engine_config.hpp"
#include "wasm/reader.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <sys/resource.h>

namespace myelin::wasm {
namespace {

constexpr std::uint64_t user_space_bytes = 1ull << 47;
constexpr std::uint64_t guarded_max = 10'000;
constexpr std::uint64_t dense_max = 100'000;
constexpr std::uint64_t checked_max = 1'000;  // under sanitizers, whose shadow takes most of the address space

// Mappings per guarded guest: its stack and guard page, and its memory's image, heap, unused rest and guard.
constexpr std::uint64_t guarded_mappings = 6;
// Left to everything else in the program (threads, heap, libraries, compiled modules).
constexpr std::uint64_t spare_mappings = 4'000;

std::uint64_t address_space_per_instance(const EngineConfig& config) {
  const CodeSettings settings = CodeSettings::of(config);
  const std::uint64_t tables = config.module_limits.tables * config.module_limits.table_elements * sizeof(void*);
  const std::uint64_t page = 4096;
  return settings.memory_reservation_bytes() + settings.memory_guard_bytes() + fiber_stack_bytes + page +
         (config.preset == MemoryPreset::guarded ? tables + page : 0);
}

}  // namespace

MachineLimits MachineLimits::read() {
  MachineLimits result;
  if (std::ifstream file("/proc/sys/vm/max_map_count"); file) file >> result.max_mappings;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) ++result.mappings_in_use;

  std::uint64_t used_pages = 0;
  if (std::ifstream file("/proc/self/statm"); file) file >> used_pages;
  std::uint64_t total = user_space_bytes;
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    total = std::min<std::uint64_t>(total, limit.rlim_cur);
  }
  const std::uint64_t used = used_pages * 4096;
  result.address_space_bytes = total > used ? total - used : 0;
  return result;
}

Result<std::uint32_t> plan_instances(const EngineConfig& config, const MachineLimits& machine) {
  const bool guarded = config.preset == MemoryPreset::guarded;
  // A quarter stays free: for the heap, for libraries, and for what else the program maps.
  const std::uint64_t by_space = machine.address_space_bytes / 4 * 3 / address_space_per_instance(config);
  std::uint64_t by_mappings = UINT64_MAX;
  if (guarded) {
    const std::uint64_t taken = machine.mappings_in_use + spare_mappings;
    by_mappings = machine.max_mappings > taken ? (machine.max_mappings - taken) / guarded_mappings : 0;
  }
  const std::uint64_t possible = std::min(by_space, by_mappings);
  const std::string why =
      by_space <= by_mappings
          ? concat("address space (", machine.address_space_bytes >> 20, " MiB are left) for ", by_space)
          : concat("mappings (vm.max_map_count is ", machine.max_mappings, ") for ", by_mappings);
  const std::string what = guarded ? "; lower max_instances, choose the dense preset or raise that limit"
                                   : "; lower max_instances or max_memory_pages, or raise that limit";
  if (config.max_instances > possible) {
    return fail(ErrorCode::limit,
                concat("no room for ", config.max_instances, " instances: this machine has ", why, what));
  }
  if (possible == 0) return fail(ErrorCode::limit, concat("no room for instances: this machine has ", why, what));
  if (config.max_instances != 0) return config.max_instances;
  const std::uint64_t most = !hardware_traps ? checked_max : guarded ? guarded_max : dense_max;
  return static_cast<std::uint32_t>(std::min(possible, most));
}

}  // namespace myelin::wasm
