// Bytes: views, immutable shared segments, and ropes of them.
//
//   View / MutableView   borrowed, never outlive what they show
//   Bytes                owned, growable, for building
//   Buffer               an immutable slice of a reference-counted segment; copying it copies no byte
//   Rope                 a sequence of Buffers; a payload on its way
//
// Invariants: a Buffer's bytes never change once a second Buffer shares its segment; an empty Buffer holds no segment;
// a Rope holds no empty Buffer and its size is the sum of theirs. Thread: Buffers may be copied to and dropped on any
// thread (the count is atomic); one Buffer or Rope object is used by one thread at a time.
#pragma once

#include "base/fifo.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin {

using View = std::span<const std::uint8_t>;
using MutableView = std::span<std::uint8_t>;
using Bytes = std::vector<std::uint8_t>;

inline View as_view(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
inline std::string_view as_text(View bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline std::string to_text(View bytes) { return std::string(as_text(bytes)); }

class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer& other) noexcept : segment_(other.segment_), data_(other.data_), size_(other.size_) {
    if (segment_ != nullptr) retain();
  }
  Buffer(Buffer&& other) noexcept
      : segment_(std::exchange(other.segment_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(const Buffer& other) noexcept {
    Buffer copy(other);
    swap(copy);
    return *this;
  }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Buffer() {
    if (segment_ != nullptr) release();
  }

  // A new segment of `size` bytes, uninitialised, owned by this Buffer alone: fill it through `writable()`.
  static Buffer allocate(std::size_t size);
  static Buffer copy_of(View bytes);
  static Buffer copy_of(std::string_view text) { return copy_of(as_view(text)); }

  View view() const { return {data_, size_}; }
  const std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Whether no other Buffer shares the segment.
  bool unique() const;
  // The bytes for writing. REQUIRES: unique().
  MutableView writable();

  // Bytes [offset, offset + size), sharing the segment. REQUIRES: in range.
  Buffer slice(std::size_t offset, std::size_t size) const;
  // Drops the first or keeps only the first `n` bytes. REQUIRES: n <= size().
  void drop_front(std::size_t n);
  void truncate(std::size_t n);

  // Bytes of memory that this Buffer keeps alive (the whole segment), for accounting against limits.
  std::size_t segment_size() const;

 private:
  struct Segment;
  // REQUIRES: there is a segment.
  void retain() const;
  void release() const;
  void swap(Buffer& other) noexcept {
    std::swap(segment_, other.segment_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  void truncate_to(std::size_t n);
  Segment* segment_ = nullptr;
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

class Rope {
 public:
  Rope() = default;
  Rope(Buffer buffer) { append(std::move(buffer)); }  // NOLINT(google-explicit-constructor): a Buffer is a rope of one

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void append(Buffer buffer);
  void append(Rope other);
  // Removes and returns the first `n` bytes, sharing segments. REQUIRES: n <= size().
  Rope take_front(std::size_t n);
  // Removes and returns the first Buffer, at most `max` bytes of it; empty if the rope is.
  Buffer pop_front(std::size_t max = SIZE_MAX);
  // Copies bytes from `offset` on into `into`; returns how many (fewer only at the end).
  std::size_t copy_to(MutableView into, std::size_t offset = 0) const;
  void drop_front(std::size_t n);
  void clear();
  using Segments = InlineFifo<Buffer, 1>;  // most ropes are of one piece, and take no memory for it
  const Segments& segments() const { return segments_; }
  // All bytes in one piece. Copies unless there is at most one segment.
  Buffer flatten() const;

 private:
  Segments segments_;
  std::size_t size_ = 0;
};

// Lower-case hexadecimal, for logs and tests.
std::string to_hex(View bytes);

}  // namespace myelin
