#include "protocol/wire_w0.hpp"

#include "base/check.hpp"
#include "io/network.hpp"

#include <string>

namespace myelin::protocol::w0 {

namespace {

constexpr std::size_t text_bytes = 15;

std::optional<std::string> dotted(std::string_view text) {
  const auto ip = io::IpAddress::parse(text);
  if (!ip || ip->family != io::IpAddress::Family::v4) return std::nullopt;
  return ip->to_string();
}

}  // namespace

bool can_name(const Host& host) { return host.port != 0 && dotted(host.name).has_value(); }

void put_host(Bytes& out, const Host& host) {
  const auto text = dotted(host.name);
  MYELIN_CHECK(text && text->size() <= text_bytes, "the host cannot be named on this wire");
  out.insert(out.end(), text->begin(), text->end());
  out.insert(out.end(), text_bytes - text->size(), ' ');
  out.push_back(static_cast<std::uint8_t>(host.port));
  out.push_back(static_cast<std::uint8_t>(host.port >> 8));
}

Result<Host> get_host(View bytes) {
  if (bytes.size() != host_bytes)
    return fail(ErrorCode::protocol, "a host of " + std::to_string(bytes.size()) + " bytes");
  std::string_view text = as_text(bytes.first(text_bytes));
  text = text.substr(0, text.find_last_not_of(' ') + 1);
  auto name = dotted(text);
  if (!name) return fail(ErrorCode::protocol, "a host without an IPv4 address");
  const auto port = static_cast<std::uint16_t>(bytes[text_bytes] | bytes[text_bytes + 1] << 8);
  if (port == 0) return fail(ErrorCode::protocol, "a host without a port");
  return Host{std::move(*name), port};
}

}  // namespace myelin::protocol::w0
