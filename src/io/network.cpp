#include "io/network.hpp"

#include <algorithm>
#include <arpa/inet.h>

namespace myelin::io {

namespace {

// The IPv4 address inside an IPv4-mapped IPv6 one (RFC 4291 §2.5.5.2) begins at byte 12.
bool is_v4_mapped(const IpAddress& ip) {
  return ip.family == IpAddress::Family::v6 && ip.bytes[10] == 0xff && ip.bytes[11] == 0xff &&
         std::all_of(ip.bytes.begin(), ip.bytes.begin() + 10, [](std::uint8_t b) { return b == 0; });
}

}  // namespace

IpAddress IpAddress::loopback_v6() {
  IpAddress ip{Family::v6, {}};
  ip.bytes[15] = 1;
  return ip;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated(text);
  IpAddress ip;
  if (text.find(':') == std::string_view::npos) {
    if (inet_pton(AF_INET, terminated.c_str(), ip.bytes.data()) != 1) return std::nullopt;
    return ip;
  }
  ip.family = Family::v6;
  if (inet_pton(AF_INET6, terminated.c_str(), ip.bytes.data()) != 1) return std::nullopt;
  return ip;
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(family == Family::v4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

bool IpAddress::is_loopback() const {
  if (family == Family::v4) return bytes[0] == 127;
  if (is_v4_mapped(*this)) return bytes[12] == 127;
  return *this == loopback_v6();
}

bool IpAddress::is_unspecified() const {
  const std::size_t size = family == Family::v4 ? 4 : 16;
  return std::all_of(bytes.begin(), bytes.begin() + size, [](std::uint8_t b) { return b == 0; });
}

std::string SocketAddress::to_string() const {
  const std::string text = ip.to_string();
  return (ip.family == IpAddress::Family::v4 ? text : "[" + text + "]") + ":" + std::to_string(port);
}

}  // namespace myelin::io
