#include "wasm/wasi_strings.hpp"

#include "wasm/wasi_calls.hpp"
#include "wasm/wasi_state.hpp"

#include <algorithm>

namespace myelin::wasm::wasi {

void Strings::add(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  offsets_.push_back(bytes());
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  bytes_.push_back(0);
}

Errno Strings::store(const Memory& memory, std::uint32_t pointers, std::uint32_t buffer) const {
  if (offsets_.size() > UINT32_MAX / 4 || bytes_.size() > UINT32_MAX) return Errno::fault;
  const auto pointer_range = memory.range(pointers, count() * 4);
  const auto buffer_range = memory.range(buffer, bytes());
  if (!pointer_range || !buffer_range) return Errno::fault;
  for (std::uint32_t i = 0; i < count(); ++i) memory.store_u32(pointers + i * 4, buffer + offsets_[i]);
  std::ranges::copy(bytes_, buffer_range->begin());
  return Errno::success;
}

Errno Strings::store_sizes(const Memory& memory, std::uint32_t count_at, std::uint32_t bytes_at) const {
  const bool stored = memory.store_u32(count_at, count()) && memory.store_u32(bytes_at, bytes());
  return stored ? Errno::success : Errno::fault;
}

HostResult calls::args_get(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, state_of(instance).arguments.store(instance.memory(), word(args[0]), word(args[1])));
}

HostResult calls::args_sizes_get(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, state_of(instance).arguments.store_sizes(instance.memory(), word(args[0]), word(args[1])));
}

HostResult calls::environ_get(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, state_of(instance).environment.store(instance.memory(), word(args[0]), word(args[1])));
}

HostResult calls::environ_sizes_get(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, state_of(instance).environment.store_sizes(instance.memory(), word(args[0]), word(args[1])));
}

}  // namespace myelin::wasm::wasi
