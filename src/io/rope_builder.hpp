// RopeBuilder: a Rope that is written in pieces of any size. Small pieces are copied together into segments of up to
// limits::chunk_bytes, so that many tiny writes neither pin a segment each nor make the rope long; large Buffers are
// shared without a copy.
//
// Invariant: bytes come out in the order in which they went in; memory is at most a small multiple of the bytes held.
// Thread: one at a time.
#pragma once

#include "base/bytes.hpp"

#include <cstddef>

namespace myelin::io {

class RopeBuilder {
 public:
  // Buffers below this size are copied rather than shared.
  static constexpr std::size_t share_from_bytes = 512;

  void append_copy(View bytes);
  void append(Rope rope);
  std::size_t size() const { return rope_.size() + tail_used_; }
  bool empty() const { return size() == 0; }
  // Takes everything.
  Rope take();
  // Takes the first piece, at most `max` bytes; empty if nothing is here.
  Buffer pop_front(std::size_t max);
  // Moves the first bytes into `into`; returns how many.
  std::size_t read_into(MutableView into);
  void clear();

 private:
  void seal_tail();

  Rope rope_;
  Buffer tail_;  // ours alone, filled up to tail_used_; its bytes follow rope_'s
  std::size_t tail_used_ = 0;
};

}  // namespace myelin::io
