// Frames of the session wire: `u32 big-endian length || layer byte || body`, where the length counts layer and body.
//
// The same in all generations of the wire (the README of the Simple Protocol Runtime, "Serialized Format of Messages").
// A length of 0 is legal: a frame with neither layer nor body.
//
// Invariants: a FrameReader holds at most one frame's bytes beside the piece that it was given last, and memory for a
// frame grows only as its bytes arrive, whatever its length claims. Thread: values.
#pragma once

#include "base/bytes.hpp"
#include "base/limits.hpp"

#include <cstddef>
#include <cstdint>

namespace myelin::protocol {

inline constexpr std::size_t frame_head_bytes = 4;
inline constexpr std::size_t max_frame_bytes = 16 * limits::mib;  // layer and body; as the originals have it

// The originals know the first two, and drop what is of any other.
enum class Layer : std::uint8_t { application = 0, session = 1, merge = 0x4d };

// Writes `length` as it stands before a frame.
inline void put_frame_length(std::uint8_t* at, std::uint32_t length) {
  at[0] = static_cast<std::uint8_t>(length >> 24);
  at[1] = static_cast<std::uint8_t>(length >> 16);
  at[2] = static_cast<std::uint8_t>(length >> 8);
  at[3] = static_cast<std::uint8_t>(length);
}
inline std::uint32_t get_frame_length(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
}

// Cuts what arrives into frames, without a copy where a frame lies whole in one piece.
class FrameReader {
 public:
  // Takes what has arrived. REQUIRES: next() said `more` last, or nothing was taken yet.
  void push(Buffer piece);

  enum class Step : std::uint8_t { more, frame, too_large };
  // Looks at the front: the same frame again until pop(). `limit`: its longest payload now.
  Step next(std::size_t limit = max_frame_bytes);
  // The same for what nearly every frame is: one of no more than 16 MiB, whole in the last piece. False: ask next().
  bool next_whole() {
    if (!partial_.empty()) return false;
    const View rest = piece_.view().subspan(at_);
    if (rest.size() < frame_head_bytes) return false;
    const std::size_t length = get_frame_length(rest.data());
    if (length > max_frame_bytes || rest.size() - frame_head_bytes < length) return false;
    frame_ = rest.subspan(frame_head_bytes, length);
    return true;
  }
  // Layer and body of the frame at the front, good until pop(). REQUIRES: next() said `frame` last.
  View frame() const { return frame_; }
  void pop();
  // Bytes of frames that were not popped.
  std::size_t buffered() const { return partial_.size() + piece_.size() - at_; }

 private:
  Step complete(std::size_t limit);
  bool fill(std::size_t size);

  Buffer piece_;
  std::size_t at_ = 0;  // bytes of piece_ that are done
  Bytes partial_;       // the begun frame that no piece holds whole
  View frame_;
};

}  // namespace myelin::protocol
