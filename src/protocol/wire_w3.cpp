#include "protocol/wire_w3.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <string>

namespace myelin::protocol::w3 {

namespace {

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= max_name_bytes &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

std::uint16_t get_u16(View bytes) { return static_cast<std::uint16_t>(bytes[0] | bytes[1] << 8); }

void put_u16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value));
  out.push_back(static_cast<std::uint8_t>(value >> 8));
}

}  // namespace

bool can_name(const Host& host) { return host.port != 0 && is_name(host.name); }

void put_host(Bytes& out, const Host& host) {
  MYELIN_CHECK(can_name(host), "the host cannot be named on this wire");
  put_u16(out, host.name.size());
  out.insert(out.end(), host.name.begin(), host.name.end());
  put_u16(out, host.port);
}

Result<Host> get_host(View bytes) {
  if (bytes.size() < 4) return fail(ErrorCode::protocol, "a host that is cut short");
  const std::size_t size = get_u16(bytes);
  if (bytes.size() != 2 + size + 2) return fail(ErrorCode::protocol, "a host whose length is not that of its name");
  const std::string_view name = as_text(bytes.subspan(2, size));
  if (!is_name(name)) return fail(ErrorCode::protocol, "a host whose name is none");
  const std::uint16_t port = get_u16(bytes.subspan(2 + size));
  if (port == 0) return fail(ErrorCode::protocol, "a host without a port");
  return Host{std::string(name), port};
}

}  // namespace myelin::protocol::w3
