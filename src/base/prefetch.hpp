// Asking the memory for what will be looked at soon, by who knows before the processor does. Never reads: any address
// will do.
#pragma once

#include <cstddef>
#include <cstdint>

namespace myelin {

inline constexpr std::size_t cache_line_bytes = 64;

inline void prefetch_lines(const void* from, std::size_t lines) {
  // Numbers, as a pointer that is null may not be counted on from.
  const auto begin = reinterpret_cast<std::uintptr_t>(from);
  for (std::size_t i = 0; i < lines; ++i)
    __builtin_prefetch(reinterpret_cast<const void*>(begin + i * cache_line_bytes));
}

}  // namespace myelin
