// A tag of a host: four bytes that most hosts of one system differ in, so that a list of hosts is searched in a few
// cache lines. Hosts that are equal have equal tags; others may.
#pragma once

#include "myelin/protocol/host.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace myelin::protocol {

// The end of the name, where hosts of one system differ, and the port.
inline std::uint32_t tag_of(const Host& host) {
  std::uint32_t end = 0;
  const std::size_t size = std::min(host.name.size(), sizeof end);
  std::memcpy(&end, host.name.data() + host.name.size() - size, size);
  return end ^ std::uint32_t{host.port} * 0x9e3779b1u;
}

}  // namespace myelin::protocol
