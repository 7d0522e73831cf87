#include "protocol/handshake.hpp"

#include "protocol/frame.hpp"
#include "protocol/wire_w0.hpp"
#include "protocol/wire_w3.hpp"

#include <string>
#include <utility>

namespace myelin::protocol {

namespace {

Bytes begin(Handshake type) {
  Bytes frame(frame_head_bytes);
  frame.push_back(static_cast<std::uint8_t>(Layer::session));
  frame.push_back(static_cast<std::uint8_t>(type));
  return frame;
}

Bytes end(Bytes frame) {
  put_frame_length(frame.data(), static_cast<std::uint32_t>(frame.size() - frame_head_bytes));
  return frame;
}

}  // namespace

Bytes hello_frame(Wire wire, const Host& self) {
  Bytes frame = begin(Handshake::hello);
  if (wire == Wire::w0) {
    w0::put_host(frame, self);
  } else {
    frame.push_back(w3::version);
    w3::put_host(frame, self);
  }
  return end(std::move(frame));
}

Bytes ack_frame() { return end(begin(Handshake::ack)); }

Bytes reject_frame() {
  Bytes frame = begin(Handshake::reject);
  frame.push_back(w3::version);
  return end(std::move(frame));
}

Result<Hello> read_hello(View data) {
  if (data.empty()) return fail(ErrorCode::protocol, "a Hello without a host");
  if (data[0] == w3::version) {
    auto host = w3::get_host(data.subspan(1));
    if (!host) return fail(std::move(host.error()));
    return Hello{Wire::w3, std::move(*host)};
  }
  if (data[0] >= '0' && data[0] <= '9') {
    auto host = w0::get_host(data);
    if (!host) return fail(std::move(host.error()));
    return Hello{Wire::w0, std::move(*host)};
  }
  return fail(ErrorCode::unsupported, "a Hello of version " + std::to_string(data[0]));
}

}  // namespace myelin::protocol
