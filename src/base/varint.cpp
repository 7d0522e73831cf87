#include "base/varint.hpp"

namespace myelin {
namespace {

constexpr std::size_t max_strict_size = 9;

Varint read(View in) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    // The 10th byte holds the 64th bit alone.
    if (i == max_varint_size - 1 && in[i] > 1) return {Varint::State::overflow, 0, 0};
    value |= static_cast<std::uint64_t>(in[i] & 0x7f) << (7 * i);
    if ((in[i] & 0x80) == 0) return {Varint::State::ok, value, i + 1};
  }
  return {Varint::State::truncated, 0, 0};
}

}  // namespace

void put_varint(Bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

Varint get_varint_lenient(View in) { return read(in); }

Varint get_varint_strict(View in) {
  Varint varint = read(in.size() > max_strict_size ? in.first(max_strict_size) : in);
  if (varint.state == Varint::State::truncated && in.size() >= max_strict_size) {
    return {Varint::State::overflow, 0, 0};
  }
  if (varint.state == Varint::State::ok && varint.size != varint_size(varint.value)) {
    return {Varint::State::overlong, 0, 0};
  }
  return varint;
}

}  // namespace myelin
