#include "protocol/out_queue.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "protocol/frame.hpp"
#include "protocol/wire_w0.hpp"
#include "protocol/wire_w3.hpp"

#include <algorithm>
#include <utility>

namespace myelin::protocol {

namespace {

constexpr std::size_t piece_bytes = limits::chunk_bytes;
constexpr std::size_t first_window_bytes = 4 * limits::kib;
// A frame begins in a window only where there is so much room.
constexpr std::size_t least_room = 64;
constexpr std::size_t longest_head = frame_head_bytes + 1 + std::max(w0::header_bytes, w3::header_bytes);
static_assert(least_room >= longest_head);

}  // namespace

void OutQueue::seal() {
  const std::size_t bytes = used();
  if (bytes == 0) return;
  if (bytes < piece_bytes / 2) {  // it would pin more than it holds
    sealed_.append(Buffer::copy_of(window_.view().first(bytes)));
    at_ = begin_;
    return;
  }
  window_.truncate(bytes);
  sealed_.append(std::exchange(window_, {}));
  begin_ = at_ = end_ = nullptr;
}

// A window begins small, as most queues are never long.
void OutQueue::make_room() {
  const std::size_t size = static_cast<std::size_t>(end_ - begin_);
  if (size >= piece_bytes) seal();
  if (at_ == begin_ && size >= piece_bytes && begin_ != nullptr) return;
  Buffer fresh =
      Buffer::allocate(size >= piece_bytes ? piece_bytes : std::clamp(size * 4, first_window_bytes, piece_bytes));
  std::uint8_t* const begin = fresh.writable().data();
  const std::size_t held = used();
  std::copy(begin_, at_, begin);
  end_ = begin + fresh.size();
  window_ = std::move(fresh);
  begin_ = begin;
  at_ = begin + held;
}

void OutQueue::add_spill() {
  while (room() < spill_.size() && static_cast<std::size_t>(end_ - begin_) < piece_bytes) make_room();
  if (spill_.size() <= room()) {
    at_ = std::copy(spill_.begin(), spill_.end(), at_);
  } else {
    seal();
    sealed_.append(Buffer::copy_of(spill_));
  }
  if (spill_.capacity() > piece_bytes) {
    Bytes().swap(spill_);
  } else {
    spill_.clear();
  }
}

void OutQueue::add(View bytes) {
  spill_.assign(bytes.begin(), bytes.end());
  add_spill();
  added_ += bytes.size();
}

Result<void> OutQueue::add(Wire wire, const Outgoing& message) {
  MYELIN_CHECK(message.codec != nullptr, "a message without a codec was sent over bytes");
  if (room() < least_room) make_room();
  const MessageType& type = message.box.type();
  std::uint8_t* const frame = at_;
  std::uint8_t* const at = frame + frame_head_bytes + 1;  // after length and layer
  frame[frame_head_bytes] = static_cast<std::uint8_t>(Layer::application);
  if (wire == Wire::w0) {
    w0::put_header(at, message.protocol, type.id);
  } else {
    w3::put_header(at, type.wire);
  }
  const std::size_t header = wire == Wire::w0 ? w0::header_bytes : w3::header_bytes;
  Writer out({frame, frame_head_bytes + 1 + header}, end_, spill_);
  auto encoded = message.codec->encode(message.box, out);
  const std::size_t length = out.size() - frame_head_bytes;
  if (encoded && length > max_frame_bytes) encoded = fail(ErrorCode::too_large, "a message of more than 16 MiB");
  if (!encoded) {
    Bytes().swap(spill_);
    return encoded;
  }
  if (out.window_end() != nullptr) {
    put_frame_length(frame, static_cast<std::uint32_t>(length));
    at_ += frame_head_bytes + length;
  } else {
    put_frame_length(spill_.data(), static_cast<std::uint32_t>(length));
    add_spill();
  }
  added_ += frame_head_bytes + length;
  if (message.id != 0) marks_.push_back({added_, message.id});
  return {};
}

Rope OutQueue::take(std::size_t max) {
  if (sealed_.size() < max) seal();
  return sealed_.take_front(std::min(max, sealed_.size()));
}

SendId OutQueue::pop_sent() {
  if (marks_.empty() || marks_.front().end > written_) return 0;
  return pop_any();
}

SendId OutQueue::pop_any() {
  if (marks_.empty()) return 0;
  const SendId id = marks_.front().id;
  marks_.pop_front();
  return id;
}

void OutQueue::clear() {
  sealed_.clear();
  at_ = begin_;
  added_ = written_;
}

}  // namespace myelin::protocol
