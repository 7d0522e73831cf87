// The yamux frame header: 12 bytes, big-endian (hashicorp/yamux spec.md; libp2p specs, yamux/README.md).
//
//   version u8 = 0 | type u8 | flags u16 | stream u32 | length u32
//
// `length` is the payload's size for data, a credit for window_update, an opaque value for ping and a code for go_away.
// Thread: values.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace myelin::libp2p::yamux {

using StreamId = std::uint32_t;

inline constexpr std::size_t header_bytes = 12;

enum class FrameType : std::uint8_t { data = 0, window_update = 1, ping = 2, go_away = 3 };

// May ride on data and window_update frames alike; SYN and ACK also tell the two directions of a ping apart.
inline constexpr std::uint16_t flag_syn = 1;
inline constexpr std::uint16_t flag_ack = 2;
inline constexpr std::uint16_t flag_fin = 4;
inline constexpr std::uint16_t flag_rst = 8;

struct Header {
  FrameType type = FrameType::data;
  std::uint16_t flags = 0;
  StreamId stream = 0;
  std::uint32_t length = 0;

  bool has(std::uint16_t flag) const { return (flags & flag) != 0; }
  friend bool operator==(const Header&, const Header&) = default;
};

// Writes header_bytes to `out`.
void encode(const Header& header, std::uint8_t* out);
// Flags that are not known are kept and ignored. Errors: protocol (version, type, a stream where none may stand or none
// where one must).
Result<Header> decode(const std::array<std::uint8_t, header_bytes>& bytes);

}  // namespace myelin::libp2p::yamux
