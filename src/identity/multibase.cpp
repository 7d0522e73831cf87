#include "identity/multibase.hpp"

#include "base/ids.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace myelin::identity {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base32_digits = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view base36_digits = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string uppercase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), upper);
  return text;
}

std::optional<std::uint32_t> digit_of(std::string_view alphabet, char c, bool fold_case) {
  const std::size_t at = alphabet.find(fold_case ? lower(c) : c);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<std::uint32_t>(at);
}

// RFC 4648 without padding; `bits` per digit.
std::string encode_bits(std::string_view alphabet, unsigned bits, View bytes) {
  std::string text;
  std::uint32_t window = 0;
  unsigned held = 0;
  for (std::uint8_t byte : bytes) {
    window = (window << 8) | byte;
    for (held += 8; held >= bits; held -= bits)
      text.push_back(alphabet[(window >> (held - bits)) & ((1U << bits) - 1)]);
  }
  if (held > 0) text.push_back(alphabet[(window << (bits - held)) & ((1U << bits) - 1)]);
  return text;
}

std::optional<Bytes> decode_bits(std::string_view alphabet, unsigned bits, std::string_view text, bool fold_case) {
  Bytes bytes;
  std::uint32_t window = 0;
  unsigned held = 0;
  for (char c : text) {
    const auto digit = digit_of(alphabet, c, fold_case);
    if (!digit) return std::nullopt;
    window = (window << bits) | *digit;
    held += bits;
    if (held >= 8) {
      held -= 8;
      bytes.push_back(static_cast<std::uint8_t>(window >> held));
    }
  }
  // What is left is less than a digit, and zero: otherwise another text would stand for the same bytes.
  if (held >= bits || (window & ((1U << held) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::string encode_base36(View bytes) {
  const auto nonzero = std::find_if(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte != 0; });
  std::string number;  // least significant digit first
  for (auto byte = nonzero; byte != bytes.end(); ++byte) {
    std::uint32_t carry = *byte;
    for (char& digit : number) {
      carry += static_cast<std::uint32_t>(digit) << 8;
      digit = static_cast<char>(carry % 36);
      carry /= 36;
    }
    for (; carry > 0; carry /= 36) number.push_back(static_cast<char>(carry % 36));
  }
  std::string text(static_cast<std::size_t>(nonzero - bytes.begin()), base36_digits[0]);
  for (auto digit = number.rbegin(); digit != number.rend(); ++digit) {
    text.push_back(base36_digits[static_cast<std::size_t>(*digit)]);
  }
  return text;
}

std::optional<Bytes> decode_base36(std::string_view text) {
  const std::size_t zeros = std::min(text.find_first_not_of(base36_digits[0]), text.size());
  Bytes number;  // least significant byte first
  for (char c : text.substr(zeros)) {
    const auto digit = digit_of(base36_digits, c, true);
    if (!digit) return std::nullopt;
    std::uint32_t carry = *digit;
    for (std::uint8_t& byte : number) {
      carry += static_cast<std::uint32_t>(byte) * 36;
      byte = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    if (carry > 0) number.push_back(static_cast<std::uint8_t>(carry));
  }
  Bytes bytes(zeros, 0);
  bytes.insert(bytes.end(), number.rbegin(), number.rend());
  return bytes;
}

std::optional<Bytes> decode_digits(Base base, std::string_view digits) {
  switch (base) {
    case Base::base16:
    case Base::base16_upper:
      return decode_bits(hex_digits, 4, digits, true);
    case Base::base32:
    case Base::base32_upper:
      return decode_bits(base32_digits, 5, digits, true);
    case Base::base36:
    case Base::base36_upper:
      return decode_base36(digits);
    case Base::base58btc:
      return base58_decode(digits, max_multibase_text);
    case Base::base64:
      return decode_bits(base64_digits, 6, digits, false);
    case Base::base64url:
      return decode_bits(base64url_digits, 6, digits, false);
  }
  return std::nullopt;
}

std::string encode_digits(Base base, View bytes) {
  switch (base) {
    case Base::base16:
      return encode_bits(hex_digits, 4, bytes);
    case Base::base16_upper:
      return uppercase(encode_bits(hex_digits, 4, bytes));
    case Base::base32:
      return encode_bits(base32_digits, 5, bytes);
    case Base::base32_upper:
      return uppercase(encode_bits(base32_digits, 5, bytes));
    case Base::base36:
      return encode_base36(bytes);
    case Base::base36_upper:
      return uppercase(encode_base36(bytes));
    case Base::base58btc:
      return base58_encode(bytes);
    case Base::base64:
      return encode_bits(base64_digits, 6, bytes);
    case Base::base64url:
      return encode_bits(base64url_digits, 6, bytes);
  }
  return {};
}

}  // namespace

std::string multibase_encode(Base base, View bytes) {
  return std::string(1, static_cast<char>(base)) + encode_digits(base, bytes);
}

Result<Multibase> multibase_decode(std::string_view text) {
  if (text.empty()) return fail(ErrorCode::bad_request, "empty multibase text");
  if (text.size() > max_multibase_text) return fail(ErrorCode::bad_request, "multibase text is too long");
  const Base base{text.front()};
  std::optional<Bytes> bytes = decode_digits(base, text.substr(1));
  if (!bytes) return fail(ErrorCode::bad_request, "not a known multibase encoding");
  return Multibase{base, std::move(*bytes)};
}

}  // namespace myelin::identity
