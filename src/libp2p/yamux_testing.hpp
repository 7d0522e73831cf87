// What the tests and fuzzers of yamux share: frames by hand, and two sessions that talk to each other.
#pragma once

#include "base/check.hpp"
#include "libp2p/yamux.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace myelin::libp2p::yamux::testing {

using namespace std::chrono_literals;

inline Bytes frame(FrameType type, std::uint16_t flags, StreamId stream, std::uint32_t length, View payload = {}) {
  Bytes bytes(header_bytes);
  encode({type, flags, stream, length}, bytes.data());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}
inline Bytes data_frame(StreamId stream, std::size_t size, std::uint16_t flags = 0) {
  return frame(FrameType::data, flags, stream, static_cast<std::uint32_t>(size), Bytes(size, 'x'));
}
inline Bytes update_frame(StreamId stream, std::uint32_t delta, std::uint16_t flags = 0) {
  return frame(FrameType::window_update, flags, stream, delta);
}

// `size` bytes that depend on their place and on `salt`.
inline Buffer pattern(std::size_t size, std::uint64_t offset = 0, std::uint8_t salt = 0) {
  Buffer bytes = Buffer::allocate(size);
  const MutableView out = bytes.writable();
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint64_t at = offset + i;
    out[i] = static_cast<std::uint8_t>(at * 131 + at / 251 + salt);
  }
  return bytes;
}

inline std::vector<Event> events(Session& session) {
  std::vector<Event> result;
  while (auto event = session.next_event()) result.push_back(std::move(*event));
  return result;
}

inline Bytes output(Session& session, std::size_t max = SIZE_MAX) {
  const Buffer all = session.collect(max).flatten();
  return Bytes(all.view().begin(), all.view().end());
}

inline std::vector<Header> headers(View bytes) {
  std::vector<Header> result;
  while (bytes.size() >= header_bytes) {
    std::array<std::uint8_t, header_bytes> raw{};
    std::copy_n(bytes.begin(), header_bytes, raw.begin());
    const auto header = decode(raw);
    MYELIN_CHECK(header.has_value(), "the session wrote a header that cannot be read");
    result.push_back(*header);
    bytes = bytes.subspan(header_bytes + (header->type == FrameType::data ? header->length : 0));
  }
  MYELIN_CHECK(bytes.empty(), "the session wrote part of a header");
  return result;
}

}  // namespace myelin::libp2p::yamux::testing
