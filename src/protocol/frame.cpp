#include "protocol/frame.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <utility>

namespace myelin::protocol {

namespace {

constexpr std::size_t kept_bytes = 64 * limits::kib;  // of a frame's memory, once the frame is done

}  // namespace

void FrameReader::push(Buffer piece) {
  MYELIN_CHECK(at_ == piece_.size(), "a piece was pushed before the last one was read");
  piece_ = std::move(piece);
  at_ = 0;
}

// Brings the begun frame to `size` bytes, as far as the piece goes.
bool FrameReader::fill(std::size_t size) {
  if (partial_.size() < size) {
    const std::size_t count = std::min(size - partial_.size(), piece_.size() - at_);
    const View taken = piece_.view().subspan(at_, count);
    partial_.insert(partial_.end(), taken.begin(), taken.end());
    at_ += count;
  }
  return partial_.size() >= size;
}

FrameReader::Step FrameReader::complete(std::size_t limit) {
  if (!fill(frame_head_bytes)) return Step::more;
  const std::size_t length = get_frame_length(partial_.data());
  if (length > limit) return Step::too_large;
  if (!fill(frame_head_bytes + length)) return Step::more;
  frame_ = View(partial_).subspan(frame_head_bytes);
  return Step::frame;
}

FrameReader::Step FrameReader::next(std::size_t limit) {
  if (!partial_.empty()) return complete(limit);
  const View rest = piece_.view().subspan(at_);
  if (rest.empty()) return Step::more;
  if (rest.size() >= frame_head_bytes) {
    const std::size_t length = get_frame_length(rest.data());
    if (length > limit) return Step::too_large;
    if (rest.size() - frame_head_bytes >= length) {
      frame_ = rest.subspan(frame_head_bytes, length);
      return Step::frame;
    }
  }
  return complete(limit);
}

void FrameReader::pop() {
  if (partial_.empty()) {
    at_ += frame_head_bytes + frame_.size();
  } else if (partial_.capacity() > kept_bytes) {
    Bytes().swap(partial_);
  } else {
    partial_.clear();
  }
  frame_ = {};
  if (at_ == piece_.size()) {
    piece_ = {};
    at_ = 0;
  }
}

}  // namespace myelin::protocol
