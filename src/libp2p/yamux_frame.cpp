#include "libp2p/yamux_frame.hpp"

namespace myelin::libp2p::yamux {

namespace {

void put_u32(std::uint8_t* out, std::uint32_t value) {
  out[0] = static_cast<std::uint8_t>(value >> 24);
  out[1] = static_cast<std::uint8_t>(value >> 16);
  out[2] = static_cast<std::uint8_t>(value >> 8);
  out[3] = static_cast<std::uint8_t>(value);
}

std::uint32_t get_u32(const std::uint8_t* in) {
  return (std::uint32_t{in[0]} << 24) | (std::uint32_t{in[1]} << 16) | (std::uint32_t{in[2]} << 8) | in[3];
}

}  // namespace

void encode(const Header& header, std::uint8_t* out) {
  out[0] = 0;
  out[1] = static_cast<std::uint8_t>(header.type);
  out[2] = static_cast<std::uint8_t>(header.flags >> 8);
  out[3] = static_cast<std::uint8_t>(header.flags);
  put_u32(out + 4, header.stream);
  put_u32(out + 8, header.length);
}

Result<Header> decode(const std::array<std::uint8_t, header_bytes>& bytes) {
  if (bytes[0] != 0) return fail(ErrorCode::protocol, "yamux: unknown version");
  if (bytes[1] > static_cast<std::uint8_t>(FrameType::go_away)) {
    return fail(ErrorCode::protocol, "yamux: unknown frame type");
  }
  Header header;
  header.type = static_cast<FrameType>(bytes[1]);
  header.flags = static_cast<std::uint16_t>((bytes[2] << 8) | bytes[3]);
  header.stream = get_u32(bytes.data() + 4);
  header.length = get_u32(bytes.data() + 8);
  const bool of_stream = header.type == FrameType::data || header.type == FrameType::window_update;
  if (of_stream && header.stream == 0) return fail(ErrorCode::protocol, "yamux: a stream frame for the session");
  if (!of_stream && header.stream != 0) return fail(ErrorCode::protocol, "yamux: a session frame for a stream");
  return header;
}

}  // namespace myelin::libp2p::yamux
