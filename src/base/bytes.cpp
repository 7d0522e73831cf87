#include "base/bytes.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace myelin {

// The count and the bytes in one allocation; the bytes follow the struct.
struct Buffer::Segment {
  std::atomic<std::uint32_t> owners;
  std::size_t size;
  std::uint8_t* bytes() { return reinterpret_cast<std::uint8_t*>(this + 1); }

  static Segment* make(std::size_t size) {
    void* memory = ::operator new(sizeof(Segment) + size);
    return new (memory) Segment{1, size};
  }
  static void retain(Segment* segment) { segment->owners.fetch_add(1, std::memory_order_relaxed); }
  static void release(Segment* segment) {
    // Whoever holds the only reference needs no locked subtraction to know it.
    if (segment->owners.load(std::memory_order_acquire) == 1 ||
        segment->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      segment->~Segment();
      ::operator delete(segment);
    }
  }
};

void Buffer::retain() const { Segment::retain(segment_); }

void Buffer::release() const { Segment::release(segment_); }

Buffer Buffer::allocate(std::size_t size) {
  Buffer buffer;
  if (size == 0) return buffer;
  buffer.segment_ = Segment::make(size);
  buffer.data_ = buffer.segment_->bytes();
  buffer.size_ = size;
  return buffer;
}

Buffer Buffer::copy_of(View bytes) {
  Buffer buffer = allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.data_, bytes.data(), bytes.size());
  return buffer;
}

bool Buffer::unique() const { return segment_ == nullptr || segment_->owners.load(std::memory_order_acquire) == 1; }

MutableView Buffer::writable() {
  MYELIN_CHECK(unique(), "a shared segment is immutable");
  return {data_, size_};
}

Buffer Buffer::slice(std::size_t offset, std::size_t size) const {
  MYELIN_CHECK(offset <= size_ && size <= size_ - offset, "a slice lies within its buffer");
  Buffer part;
  if (size == 0) return part;
  part.segment_ = segment_;
  retain();
  part.data_ = data_ + offset;
  part.size_ = size;
  return part;
}

void Buffer::drop_front(std::size_t n) {
  MYELIN_CHECK(n <= size_, "no more is dropped than there is");
  data_ += n;
  truncate_to(size_ - n);
}

void Buffer::truncate(std::size_t n) {
  MYELIN_CHECK(n <= size_, "a buffer is not truncated to more than it holds");
  truncate_to(n);
}

void Buffer::truncate_to(std::size_t n) {
  size_ = n;
  if (n == 0) {  // an empty buffer holds no segment
    if (segment_ != nullptr) release();
    segment_ = nullptr;
    data_ = nullptr;
  }
}

std::size_t Buffer::segment_size() const { return segment_ == nullptr ? 0 : segment_->size; }

void Rope::append(Buffer buffer) {
  if (buffer.empty()) return;
  size_ += buffer.size();
  segments_.push_back(std::move(buffer));
}

void Rope::append(Rope other) {
  if (segments_.empty()) {
    *this = std::move(other);
    return;
  }
  for (Buffer& buffer : other.segments_) append(std::move(buffer));
}

Rope Rope::take_front(std::size_t n) {
  MYELIN_CHECK(n <= size_, "no more is taken than there is");
  Rope front;
  while (n > 0) {
    Buffer piece = pop_front(n);
    n -= piece.size();
    front.append(std::move(piece));
  }
  return front;
}

Buffer Rope::pop_front(std::size_t max) {
  if (segments_.empty() || max == 0) return {};
  Buffer& first = segments_.front();
  Buffer piece;
  if (first.size() <= max) {
    piece = std::move(first);
    segments_.pop_front();
  } else {
    piece = first.slice(0, max);
    first.drop_front(max);
  }
  size_ -= piece.size();
  return piece;
}

std::size_t Rope::copy_to(MutableView into, std::size_t offset) const {
  std::size_t copied = 0;
  for (const Buffer& buffer : segments_) {
    if (copied == into.size()) break;
    if (offset >= buffer.size()) {
      offset -= buffer.size();
      continue;
    }
    const std::size_t n = std::min(buffer.size() - offset, into.size() - copied);
    std::memcpy(into.data() + copied, buffer.data() + offset, n);
    copied += n;
    offset = 0;
  }
  return copied;
}

void Rope::drop_front(std::size_t n) {
  MYELIN_CHECK(n <= size_, "no more is dropped than there is");
  while (n > 0) n -= pop_front(n).size();
}

void Rope::clear() {
  segments_.clear();
  size_ = 0;
}

Buffer Rope::flatten() const {
  if (segments_.empty()) return {};
  if (segments_.size() == 1) return segments_.front();
  Buffer whole = Buffer::allocate(size_);
  copy_to(whole.writable());
  return whole;
}

std::string to_hex(View bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (std::uint8_t byte : bytes) {
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

}  // namespace myelin
