#include "glia/frame.hpp"

#include "base/check.hpp"
#include "base/varint.hpp"

#include <algorithm>
#include <string>

namespace myelin::glia {
namespace {

// A slice that keeps alive much more memory than it shows is copied, so that a frame that comes in crumbs cannot hold
// on to the segments that they came in. Small ones are copied together by RopeBuilder when they have to wait.
constexpr std::size_t wasteful_factor = 8;

}  // namespace

void put_frame(Bytes& out, View body) {
  put_varint(out, body.size());
  out.insert(out.end(), body.begin(), body.end());
}

Bytes frame_head(std::uint64_t size) {
  Bytes head;
  head.reserve(max_varint_size);
  put_varint(head, size);
  return head;
}

std::string_view name(FrameFault fault) {
  switch (fault) {
    case FrameFault::truncated_length:
      return "truncated length";
    case FrameFault::truncated_body:
      return "truncated body";
    case FrameFault::overflow:
      return "length over 64 bits";
    case FrameFault::overlong:
      return "length not minimal";
    case FrameFault::too_large:
      return "frame too large";
  }
  return "unknown";
}

Error to_error(FrameFault fault) {
  const ErrorCode code = fault == FrameFault::too_large ? ErrorCode::too_large : ErrorCode::protocol;
  return {code, "frame: " + std::string(name(fault)), 0};
}

void FrameReader::feed(Buffer bytes) {
  if (bytes.empty() || fault_) return;
  const bool wasteful = bytes.segment_size() / wasteful_factor > bytes.size();
  if (wasteful && bytes.size() >= io::RopeBuilder::share_from_bytes) bytes = Buffer::copy_of(bytes.view());
  rest_.append(std::move(bytes));
}

std::expected<void, FrameFault> FrameReader::read_head() {
  while (!rest_.empty() && !body_bytes_) {
    rest_.copy_to(MutableView(head_).subspan(head_size_, 1));
    rest_.drop_front(1);
    ++head_size_;
    const Varint length = get_varint_lenient(View(head_).first(head_size_));
    if (length.state == Varint::State::truncated && head_size_ < max_varint_size) continue;
    if (length.state != Varint::State::ok) return std::unexpected(FrameFault::overflow);
    if (length.size != varint_size(length.value)) return std::unexpected(FrameFault::overlong);
    if (length.value > max_body_bytes_) return std::unexpected(FrameFault::too_large);
    body_bytes_ = static_cast<std::size_t>(length.value);
    head_size_ = 0;
  }
  return {};
}

std::expected<std::optional<Rope>, FrameFault> FrameReader::next() {
  if (fault_) return std::unexpected(*fault_);
  if (auto read = read_head(); !read) {
    fault_ = read.error();
    rest_.clear();
    head_size_ = 0;
    return std::unexpected(*fault_);
  }
  if (!body_bytes_) return std::optional<Rope>();
  if (body_.empty() && !rest_.empty() && rest_.segments().front().size() >= *body_bytes_) {
    // It lies whole in one piece, as it mostly does.
    Rope whole = rest_.take_front(*body_bytes_);
    body_bytes_.reset();
    return std::optional<Rope>(std::move(whole));
  }
  body_.append(rest_.take_front(std::min(rest_.size(), *body_bytes_ - body_.size())));
  if (body_.size() < *body_bytes_) return std::optional<Rope>();
  body_bytes_.reset();
  return std::optional<Rope>(body_.take());
}

std::expected<void, FrameFault> FrameReader::finish() const {
  if (fault_) return std::unexpected(*fault_);
  if (body_bytes_) return std::unexpected(FrameFault::truncated_body);
  if (head_size_ > 0) return std::unexpected(FrameFault::truncated_length);
  return {};
}

}  // namespace myelin::glia
