// Host: how protocols name a node: a name and a port. Over TCP the name is an IP address or a host name; over libp2p it
// is a peer ID and the port is 0; in the simulator it is whatever the scenario says.
//
// Invariants: a name has at most 255 bytes. Thread: values.
#pragma once

#include "myelin/api.hpp"
#include "myelin/error.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

namespace myelin::protocol {

struct Host {
  std::string name;
  std::uint16_t port = 0;

  bool empty() const { return name.empty() && port == 0; }
  // "127.0.0.1:5001", "[::1]:5001", and the name alone if the port is 0.
  MYELIN_API std::string to_string() const;
  // The inverse. Errors: bad_request.
  MYELIN_API static Result<Host> parse(std::string_view text);

  friend auto operator<=>(const Host&, const Host&) = default;
  friend bool operator==(const Host& a, const Host& b) noexcept {
    return a.port == b.port && a.name.size() == b.name.size() && same(a.name.data(), b.name.data(), a.name.size());
  }

 private:
  // Views of hosts are searched all the time, and most names are short: two words that may overlap, and no call.
  static bool same(const char* a, const char* b, std::size_t size) noexcept {
    if (size > 16) return std::memcmp(a, b, size) == 0;
    if (size >= 8) return word<std::uint64_t>(a, b) && word<std::uint64_t>(a + size - 8, b + size - 8);
    if (size >= 4) return word<std::uint32_t>(a, b) && word<std::uint32_t>(a + size - 4, b + size - 4);
    for (std::size_t i = 0; i < size; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }
  template <typename Word>
  static bool word(const char* a, const char* b) noexcept {
    Word left, right;
    std::memcpy(&left, a, sizeof left);
    std::memcpy(&right, b, sizeof right);
    return left == right;
  }
};

}  // namespace myelin::protocol

template <>
struct std::hash<myelin::protocol::Host> {
  std::size_t operator()(const myelin::protocol::Host& host) const noexcept {
    return std::hash<std::string_view>{}(host.name) * 0x9e3779b97f4a7c15ull + host.port;
  }
};
