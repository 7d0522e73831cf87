// The strings of args_get and environ_get, laid out once as the guest will get them.
//
// Immutable. Source: witx `args_get`: an array of u32 pointers, and the strings one after another, each ended by a 0.
#pragma once

#include "base/bytes.hpp"
#include "wasm/engine.hpp"
#include "wasm/wasi.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace myelin::wasm::wasi {

class Strings {
 public:
  // Appends one string; what follows a 0 in it is dropped, as C would.
  void add(std::string_view text);
  std::uint32_t count() const { return static_cast<std::uint32_t>(offsets_.size()); }
  std::uint32_t bytes() const { return static_cast<std::uint32_t>(bytes_.size()); }
  // Writes pointers to `pointers` and the strings to `buffer`, or nothing at all: success or fault.
  Errno store(const Memory& memory, std::uint32_t pointers, std::uint32_t buffer) const;
  // Writes count() and bytes(): success or fault.
  Errno store_sizes(const Memory& memory, std::uint32_t count_at, std::uint32_t bytes_at) const;

 private:
  Bytes bytes_;
  std::vector<std::uint32_t> offsets_;
};

}  // namespace myelin::wasm::wasi
