// The settings that decide what compiled code looks like, and the library configuration that follows from them.
//
// The engine and the compile helper build theirs by the same function, so that what one compiles the other may load.
// Thread: values.
#pragma once

#include "base/limits.hpp"
#include "wasm/engine.hpp"
#include "wasm/handles.hpp"

#include <cstdint>
#include <string>

namespace myelin::wasm {

class DenseArenas;

// Whether guests' faults may be left to hardware: signal handlers and guard pages. Not under sanitizers, which have
// handlers and an address-space layout of their own; there every access is checked in code.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
inline constexpr bool hardware_traps = false;
#else
inline constexpr bool hardware_traps = true;
#endif
#else
inline constexpr bool hardware_traps = true;
#endif

// Stack of a guest's own frames, and what host functions have beside it on the same fiber.
inline constexpr std::size_t wasm_stack_bytes = limits::guest_stack_bytes;
inline constexpr std::size_t host_stack_bytes = 256 * limits::kib;
inline constexpr std::size_t fiber_stack_bytes = wasm_stack_bytes + host_stack_bytes;

inline constexpr std::uint64_t wasm_page_bytes = 65'536;

struct CodeSettings {
  MemoryPreset preset = MemoryPreset::guarded;
  bool deterministic = false;
  std::uint32_t max_memory_pages = limits::guest_memory_pages;

  static CodeSettings of(const EngineConfig& config) {
    return {config.preset, config.deterministic, config.max_memory_pages};
  }
  std::uint64_t max_memory_bytes() const { return max_memory_pages * wasm_page_bytes; }
  // Address space from one memory's start to the next: what is reserved, and the guard after it.
  std::uint64_t memory_reservation_bytes() const;
  std::uint64_t memory_guard_bytes() const;
  // "guarded-1024" and the like, with the library's version: part of the cache key.
  std::string text() const;
};

// `fast_compile`: a register allocator in linear time, for modules that the better one takes too long for. Code from
// either loads alike.
ConfigHandle make_code_config(const CodeSettings& settings, bool fast_compile);

// Adds a pool of `instances` to `config`.
void use_pool(wasm_config_t& config, const CodeSettings& settings, std::uint32_t tables, std::uint32_t table_elements,
              std::uint32_t instances);

}  // namespace myelin::wasm
