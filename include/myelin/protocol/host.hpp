// Host: how protocols name a node: a name and a port. Over TCP the name is an IP address or a host name; over libp2p it
// is a peer ID and the port is 0; in the simulator it is whatever the scenario says.
//
// Invariants: a name has at most 255 bytes. Thread: values.
#pragma once

#include "myelin/api.hpp"
#include "myelin/error.hpp"

#include <compare>
#include <cstdint>
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
};

}  // namespace myelin::protocol

template <>
struct std::hash<myelin::protocol::Host> {
  std::size_t operator()(const myelin::protocol::Host& host) const noexcept {
    return std::hash<std::string_view>{}(host.name) * 0x9e3779b97f4a7c15ull + host.port;
  }
};
