#include "wasm/engine.hpp"

#include <bit>
#include <cstring>

namespace myelin::wasm {
namespace {

static_assert(std::endian::native == std::endian::little, "guest memory is little-endian, and so is every target");

template <typename T>
bool store(const Memory& memory, std::uint32_t address, T value) {
  const auto place = memory.range(address, sizeof value);
  if (!place) return false;
  std::memcpy(place->data(), &value, sizeof value);
  return true;
}

template <typename T>
std::optional<T> load(const Memory& memory, std::uint32_t address) {
  const auto place = memory.range(address, sizeof(T));
  if (!place) return std::nullopt;
  T value;
  std::memcpy(&value, place->data(), sizeof value);
  return value;
}

}  // namespace

bool Memory::store_u32(std::uint32_t address, std::uint32_t value) const { return store(*this, address, value); }
bool Memory::store_u64(std::uint32_t address, std::uint64_t value) const { return store(*this, address, value); }
std::optional<std::uint32_t> Memory::load_u32(std::uint32_t address) const {
  return load<std::uint32_t>(*this, address);
}
std::optional<std::uint64_t> Memory::load_u64(std::uint32_t address) const {
  return load<std::uint64_t>(*this, address);
}

}  // namespace myelin::wasm
