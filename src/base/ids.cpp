#include "base/ids.hpp"

#include <algorithm>

namespace myelin {
namespace {

constexpr std::string_view alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

constexpr std::array<std::int8_t, 256> make_digits() {
  std::array<std::int8_t, 256> digits{};
  digits.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    digits[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return digits;
}
constexpr std::array<std::int8_t, 256> digits = make_digits();

constexpr std::size_t max_pid_text = 28;

}  // namespace

std::string base58_encode(View bytes) {
  std::size_t zeros = 0;
  while (zeros < bytes.size() && bytes[zeros] == 0) ++zeros;
  Bytes number;  // base 58, least significant digit first
  number.reserve(bytes.size() * 138 / 100 + 1);
  for (std::uint8_t byte : bytes.subspan(zeros)) {
    std::uint32_t carry = byte;
    for (std::uint8_t& digit : number) {
      carry += static_cast<std::uint32_t>(digit) << 8;
      digit = static_cast<std::uint8_t>(carry % 58);
      carry /= 58;
    }
    for (; carry > 0; carry /= 58) number.push_back(static_cast<std::uint8_t>(carry % 58));
  }
  std::string text(zeros, alphabet[0]);
  std::for_each(number.rbegin(), number.rend(), [&](std::uint8_t digit) { text.push_back(alphabet[digit]); });
  return text;
}

std::optional<Bytes> base58_decode(std::string_view text, std::size_t max_text) {
  if (text.size() > max_text) return std::nullopt;
  std::size_t zeros = 0;
  while (zeros < text.size() && text[zeros] == alphabet[0]) ++zeros;
  Bytes number;  // base 256, least significant byte first
  for (char c : text.substr(zeros)) {
    const std::int8_t digit = digits[static_cast<std::uint8_t>(c)];
    if (digit < 0) return std::nullopt;
    std::uint32_t carry = static_cast<std::uint32_t>(digit);
    for (std::uint8_t& byte : number) {
      carry += static_cast<std::uint32_t>(byte) * 58;
      byte = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    if (carry > 0) number.push_back(static_cast<std::uint8_t>(carry));
  }
  Bytes bytes(zeros, 0);
  bytes.insert(bytes.end(), number.rbegin(), number.rend());
  return bytes;
}

std::optional<Pid> Pid::parse(std::string_view text) {
  const std::optional<Bytes> decoded = base58_decode(text, max_pid_text);
  if (!decoded || decoded->size() != size) return std::nullopt;
  Pid pid;
  std::copy(decoded->begin(), decoded->end(), pid.bytes.begin());
  return pid;
}

std::string Pid::to_string() const { return base58_encode(bytes); }

std::uint64_t stable_hash(const Pid& pid) {
  // The bytes are random already: the first eight, little-endian, are as good as any mixture.
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < 8; ++i) hash |= static_cast<std::uint64_t>(pid.bytes[i]) << (8 * i);
  return hash;
}

}  // namespace myelin
