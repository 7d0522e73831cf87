#include "protocol/out_queue.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "protocol/frame.hpp"
#include "protocol/wire_w0.hpp"
#include "protocol/wire_w3.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace myelin::protocol {

namespace {

constexpr std::size_t piece_bytes = limits::chunk_bytes;

}  // namespace

void OutQueue::seal() {
  if (tail_.empty()) return;
  sealed_.append(Buffer::copy_of(tail_));
  if (tail_.capacity() > 4 * piece_bytes) {
    Bytes().swap(tail_);
  } else {
    tail_.clear();
  }
}

void OutQueue::add(View bytes) {
  tail_.insert(tail_.end(), bytes.begin(), bytes.end());
  added_ += bytes.size();
}

Result<void> OutQueue::add(Wire wire, const Outgoing& message) {
  MYELIN_CHECK(message.codec != nullptr, "a message without a codec was sent over bytes");
  const std::size_t begin = tail_.size();
  const MessageType& type = message.box.type();
  std::array<std::uint8_t, frame_head_bytes + 1 + w3::header_bytes> head{};
  std::uint8_t* const at = head.data() + frame_head_bytes + 1;  // after length and layer, which is 0
  static_assert(static_cast<std::uint8_t>(Layer::application) == 0);
  if (wire == Wire::w0) {
    w0::put_header(at, message.protocol, type.id);
  } else {
    w3::put_header(at, type.wire);
  }
  const std::size_t header = wire == Wire::w0 ? w0::header_bytes : w3::header_bytes;
  tail_.insert(tail_.end(), head.data(), at + header);
  Writer out(tail_);
  auto encoded = message.codec->encode(message.box, out);
  const std::size_t length = tail_.size() - begin - frame_head_bytes;
  if (encoded && length > max_frame_bytes) encoded = fail(ErrorCode::too_large, "a message of more than 16 MiB");
  if (!encoded) {
    tail_.resize(begin);
    return encoded;
  }
  put_frame_length(tail_.data() + begin, static_cast<std::uint32_t>(length));
  added_ += frame_head_bytes + length;
  if (message.id != 0) marks_.push_back({added_, message.id});
  if (tail_.size() >= piece_bytes) seal();
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
  tail_.clear();
  added_ = written_;
}

}  // namespace myelin::protocol
