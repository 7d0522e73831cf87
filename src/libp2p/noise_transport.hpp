// Noise transport messages as libp2p frames them: u16 big-endian length, ciphertext, tag (libp2p specs,
// noise/README.md).
//
// Invariants: a frame holds at most limits::noise_frame_bytes after its length, tag included, so at most
// `max_plaintext_bytes` of plaintext. A Decryptor keeps at most one unfinished frame, and memory in proportion to it
// however small the pieces are that it comes in; it gives out no byte that was not authenticated. After an error a
// machine answers every call with that error. Thread: one thread at a time; may be moved to another.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/limits.hpp"
#include "libp2p/noise_cipher.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace myelin::libp2p::noise {

inline constexpr std::size_t length_bytes = 2;
inline constexpr std::size_t max_plaintext_bytes = limits::noise_frame_bytes - tag_bytes;
// Bytes that one frame adds to its plaintext.
inline constexpr std::size_t frame_overhead_bytes = length_bytes + tag_bytes;

class Encryptor {
 public:
  explicit Encryptor(const Key& key, std::uint64_t nonce = 0) : cipher_(CipherState::Direction::seal, key, nonce) {}

  // Seals all of `plaintext` into as few frames as hold it and appends them to `out`, one Buffer each. What one call
  // gets shares frames: gather small writes in one rope. An empty rope makes no frame.
  // Errors: limit (no nonce is left: close the connection).
  Result<void> seal(Rope plaintext, Rope& out);
  Result<void> seal(View plaintext, Rope& out);

  std::uint64_t frames() const { return cipher_.nonce(); }

 private:
  Result<void> frame(std::span<const View> pieces, std::size_t size, Rope& out);

  CipherState cipher_;
  std::optional<Error> error_;
};

class Decryptor {
 public:
  explicit Decryptor(const Key& key, std::uint64_t nonce = 0) : cipher_(CipherState::Direction::open, key, nonce) {}

  // Takes arrived bytes and appends the plaintext of all frames that are complete to `out`. Where `arrived` is the only
  // owner of its segment, frames that lie whole in it are opened in place and no byte is copied: move the Buffer in.
  // Frames over several Buffers are opened into a new one. `out` also gets what was authentic before an error.
  // Errors: protocol (frame shorter than its tag, not authentic), limit.
  Result<void> open(Buffer arrived, Rope& out);
  Result<void> open(Rope arrived, Rope& out);

  std::uint64_t frames() const { return cipher_.nonce(); }
  // Bytes of an unfinished frame; not 0 at the end of the stream means that it was cut.
  std::size_t pending_bytes() const { return pending_.size() + filled_; }
  // How many bytes to read next, at most `most`, so that what is read ends where a frame does, if those to come are as
  // large as the last one: then they lie whole in what is read and are opened in place. REQUIRES: most > 0.
  std::size_t next_read_bytes(std::size_t most) const;

 private:
  Result<void> open_pending(Buffer& arrived, Rope& out);
  Result<void> open_whole(Buffer& arrived, Rope& out);
  Result<void> open_assembled(View rest, Rope& out);
  Result<void> open_scattered(View rest, Rope& out);
  void keep(Buffer piece);
  Result<void> fail_with(Error error);
  std::optional<std::size_t> pending_frame_size(View next) const;

  CipherState cipher_;
  // The front of one frame, length included: in few pieces as they arrived, or, where it came in many, copied into one.
  Rope pending_;
  Buffer assembled_;  // of the frame's whole size
  std::size_t filled_ = 0;
  std::size_t last_frame_ = 0;  // size of the last one opened, length included
  std::optional<Error> error_;
};

}  // namespace myelin::libp2p::noise
