#include "base/ids.hpp"

#include <algorithm>
#include <vector>

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
constexpr std::size_t digits_per_limb = 5;
constexpr std::uint64_t limb_58 = 58ull * 58 * 58 * 58 * 58;

}  // namespace

// Both ways the number is kept in limbs, least significant first, of 58^5 or 2^32, and multiplied by the other at a
// time: PIDs and peer IDs are written and read for every message, and single digits would take twenty times the
// divisions.
std::string base58_encode(View bytes) {
  std::size_t zeros = 0;
  while (zeros < bytes.size() && bytes[zeros] == 0) ++zeros;
  bytes = bytes.subspan(zeros);
  std::vector<std::uint32_t> limbs;
  limbs.reserve(bytes.size() * 28 / 100 + 2);
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = at == 0 && bytes.size() % 4 != 0 ? bytes.size() % 4 : at + 4;
    std::uint64_t carry = 0;
    for (; at < end; ++at) carry = carry << 8 | bytes[at];
    for (std::uint32_t& limb : limbs) {
      carry += static_cast<std::uint64_t>(limb) << 32;
      limb = static_cast<std::uint32_t>(carry % limb_58);
      carry /= limb_58;
    }
    for (; carry > 0; carry /= limb_58) limbs.push_back(static_cast<std::uint32_t>(carry % limb_58));
  }
  std::string text(zeros + limbs.size() * digits_per_limb, alphabet[0]);
  std::size_t put = text.size();
  for (std::uint32_t limb : limbs) {
    for (std::size_t i = 0; i < digits_per_limb; ++i, limb /= 58) text[--put] = alphabet[limb % 58];
  }
  // The first limb may begin with zeros, which are none of the number's.
  const std::size_t first = std::min(text.find_first_not_of(alphabet[0], zeros), text.size());
  text.erase(zeros, first - zeros);
  return text;
}

std::optional<Bytes> base58_decode(std::string_view text, std::size_t max_text) {
  if (text.size() > max_text) return std::nullopt;
  std::size_t zeros = 0;
  while (zeros < text.size() && text[zeros] == alphabet[0]) ++zeros;
  text = text.substr(zeros);
  std::vector<std::uint32_t> limbs;
  limbs.reserve(text.size() * 19 / 100 + 1);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t rest = text.size() % digits_per_limb;
    const std::size_t end = at == 0 && rest != 0 ? rest : at + digits_per_limb;
    std::uint64_t carry = 0;
    for (; at < end; ++at) {
      const std::int8_t digit = digits[static_cast<std::uint8_t>(text[at])];
      if (digit < 0) return std::nullopt;
      carry = carry * 58 + static_cast<std::uint64_t>(digit);
    }
    for (std::uint32_t& limb : limbs) {
      carry += static_cast<std::uint64_t>(limb) * limb_58;
      limb = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry > 0) limbs.push_back(static_cast<std::uint32_t>(carry));
  }
  Bytes bytes(zeros + limbs.size() * 4, 0);
  std::size_t put = bytes.size();
  for (std::uint32_t limb : limbs) {
    for (int i = 0; i < 4; ++i, limb >>= 8) bytes[--put] = static_cast<std::uint8_t>(limb);
  }
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(zeros);
  bytes.erase(begin, std::find_if(begin, bytes.end(), [](std::uint8_t byte) { return byte != 0; }));
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
