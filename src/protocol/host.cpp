#include "myelin/protocol/host.hpp"

#include <charconv>

namespace myelin::protocol {
namespace {

constexpr std::size_t longest_name = 255;

Result<Host> malformed(std::string_view text) {
  return fail(ErrorCode::bad_request, "'" + std::string(text.substr(0, 300)) + "' is no host: <name>:<port> expected");
}

}  // namespace

std::string Host::to_string() const {
  if (port == 0) return name;
  const bool bracketed = name.find(':') != std::string::npos;
  return (bracketed ? "[" + name + "]" : name) + ":" + std::to_string(port);
}

Result<Host> Host::parse(std::string_view text) {
  std::string_view name = text, port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return malformed(text);
    name = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return malformed(text);
      port = text.substr(end + 2);
      if (port.empty()) return malformed(text);
    }
  } else if (const std::size_t colon = text.find(':');
             colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    name = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return malformed(text);
  }
  if (name.empty() || name.size() > longest_name) return malformed(text);
  for (const char c : name) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '[' || c == ']' || c == 0x7f) return malformed(text);
  }
  Host host{std::string(name), 0};
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), host.port);
    if (error != std::errc() || end != port.data() + port.size()) return malformed(text);
  }
  return host;
}

}  // namespace myelin::protocol
