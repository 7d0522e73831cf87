// Glia's frames: a uvarint length, then that many bytes (the seed's frame encoding).
//
// The length is what Go's binary.PutUvarint writes. The reader is strict: at most ten bytes, at most 64 bits, and the
// minimal encoding only, so that every frame has one spelling. It is bounded: the length is compared with the limit
// before anything is kept for it, and memory grows with the bytes that came, never with what they claim.
//
// Pure: bytes in, frames out. Thread: values. Source: docs/wire/glia.md §3.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/varint.hpp"
#include "io/rope_builder.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

namespace myelin::glia {

// Appends the frame of `body`. Used for small ones; a payload goes behind frame_head() without a copy.
void put_frame(Bytes& out, View body);
// The length prefix of a body of `size` bytes.
Bytes frame_head(std::uint64_t size);

enum class FrameFault : std::uint8_t {
  truncated_length,  // the stream ended inside a length
  truncated_body,    // the stream ended inside a body, or before its first byte
  overflow,          // the length does not fit 64 bits
  overlong,          // the length is not in its minimal encoding
  too_large,         // the length is over the limit
};
// "truncated length", …
std::string_view name(FrameFault fault);
// `too_large` for too_large, otherwise `protocol`.
Error to_error(FrameFault fault);

class FrameReader {
 public:
  // `max_body_bytes`: longest body that is accepted.
  explicit FrameReader(std::size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  void feed(Buffer bytes);
  // The body of the next frame, or nothing until more bytes are fed. A fault is final: it is given again.
  std::expected<std::optional<Rope>, FrameFault> next();
  // At the end of the stream, after next() gave nothing: success between two frames, a fault inside one.
  std::expected<void, FrameFault> finish() const;
  // Bytes fed and not yet given out.
  std::size_t buffered() const { return head_size_ + body_.size() + rest_.size(); }

 private:
  // Moves bytes from rest_ into the length under way; body_bytes_ is set once it is complete.
  std::expected<void, FrameFault> read_head();

  std::size_t max_body_bytes_;
  Rope rest_;  // fed, not looked at; next() leaves nothing of it unless it gives a frame
  std::array<std::uint8_t, max_varint_size> head_{};
  std::size_t head_size_ = 0;
  std::optional<std::size_t> body_bytes_;  // of the frame under way, once its length is known
  io::RopeBuilder body_;                   // what is here of it; crumbs are copied together
  std::optional<FrameFault> fault_;
};

}  // namespace myelin::glia
