// Identifiers that cross folders: Pid (a process), and base58, their text form.
//
// A Pid is 20 random bytes; its text is base58 with Bitcoin's alphabet, no checksum, 20 to 28 characters, as Glia's
// reference writes it. Exactly 20 decoded bytes are a Pid, anything else is not.
// Thread: values.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace myelin {

std::string base58_encode(View bytes);
// The bytes, or nothing if a character is outside the alphabet or `text` is longer than `max_text` (cost is quadratic).
std::optional<Bytes> base58_decode(std::string_view text, std::size_t max_text = 128);

struct Pid {
  static constexpr std::size_t size = 20;
  std::array<std::uint8_t, size> bytes{};

  static std::optional<Pid> parse(std::string_view text);
  std::string to_string() const;

  friend auto operator<=>(const Pid&, const Pid&) = default;
};

// Stable across programs and runs: names the shard of a process.
std::uint64_t stable_hash(const Pid& pid);

}  // namespace myelin

template <>
struct std::hash<myelin::Pid> {
  std::size_t operator()(const myelin::Pid& pid) const noexcept { return myelin::stable_hash(pid); }
};
