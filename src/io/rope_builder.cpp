#include "io/rope_builder.hpp"

#include "base/limits.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace myelin::io {

namespace {
constexpr std::size_t first_segment_bytes = 128;
constexpr std::size_t small_segment_bytes = 512;  // not worth a copy to save what is empty of it
}

void RopeBuilder::append_copy(View bytes) {
  while (!bytes.empty()) {
    if (tail_used_ == tail_.size()) {
      // Segments grow with what is held, so that a trickle costs little and a flood few segments.
      const std::size_t wanted = std::max({first_segment_bytes, bytes.size(), 2 * tail_used_});
      seal_tail();
      tail_ = Buffer::allocate(std::min(wanted, limits::chunk_bytes));
    }
    const std::size_t n = std::min(bytes.size(), tail_.size() - tail_used_);
    std::memcpy(tail_.writable().data() + tail_used_, bytes.data(), n);
    tail_used_ += n;
    bytes = bytes.subspan(n);
  }
}

void RopeBuilder::append(Rope rope) {
  while (!rope.empty()) {
    Buffer piece = rope.pop_front();
    if (piece.size() < share_from_bytes) {
      append_copy(piece.view());
    } else {
      seal_tail();
      rope_.append(std::move(piece));
    }
  }
}

void RopeBuilder::seal_tail() {
  if (tail_used_ == 0) return;
  if (tail_.size() > small_segment_bytes && tail_used_ < tail_.size() / 2) {
    rope_.append(Buffer::copy_of(tail_.view().first(tail_used_)));  // rather than pin a mostly empty segment
  } else {
    tail_.truncate(tail_used_);
    rope_.append(std::move(tail_));
  }
  tail_ = {};
  tail_used_ = 0;
}

Rope RopeBuilder::take() {
  seal_tail();
  return std::exchange(rope_, {});
}

Buffer RopeBuilder::pop_front(std::size_t max) {
  if (rope_.empty()) seal_tail();
  return rope_.pop_front(max);
}

std::size_t RopeBuilder::read_into(MutableView into) {
  std::size_t copied = rope_.copy_to(into);
  rope_.drop_front(copied);
  if (copied < into.size() && tail_used_ > 0) {
    // Straight out of the tail; what is left of it stays there.
    const std::size_t n = std::min(tail_used_, into.size() - copied);
    std::memcpy(into.data() + copied, tail_.data(), n);
    copied += n;
    if (n == tail_used_) {
      tail_used_ = 0;
    } else {
      seal_tail();
      rope_.drop_front(n);
    }
  }
  return copied;
}

void RopeBuilder::clear() {
  rope_.clear();
  tail_ = {};
  tail_used_ = 0;
}

}  // namespace myelin::io
