#include "libp2p/noise_transport.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace myelin::libp2p::noise {
namespace {

// A frame that arrives in more pieces than this is copied together.
constexpr std::size_t max_pieces = 8;

std::size_t read_length(std::uint8_t high, std::uint8_t low) { return (std::size_t{high} << 8) | low; }

// Copies the last bytes of the pieces into `into` and takes them off.
void take_back(std::vector<View>& pieces, MutableView into) {
  while (!into.empty()) {
    View& last = pieces.back();
    const std::size_t n = std::min(last.size(), into.size());
    std::memcpy(into.data() + into.size() - n, last.data() + last.size() - n, n);
    into = into.first(into.size() - n);
    last = last.first(last.size() - n);
    if (last.empty()) pieces.pop_back();
  }
}

void drop_front(std::vector<View>& pieces, std::size_t n) {
  for (View& piece : pieces) {
    const std::size_t dropped = std::min(piece.size(), n);
    piece = piece.subspan(dropped);
    n -= dropped;
  }
}

}  // namespace

Result<void> Encryptor::seal(Rope plaintext, Rope& out) {
  std::vector<View> pieces;
  std::size_t size = 0;
  for (const Buffer& segment : plaintext.segments()) {
    for (View rest = segment.view(); !rest.empty();) {
      const std::size_t n = std::min(rest.size(), max_plaintext_bytes - size);
      pieces.push_back(rest.first(n));
      rest = rest.subspan(n);
      size += n;
      if (size < max_plaintext_bytes) continue;
      if (Result<void> sealed = frame(pieces, size, out); !sealed) return sealed;
      pieces.clear();
      size = 0;
    }
  }
  if (size == 0) return {};
  return frame(pieces, size, out);
}

Result<void> Encryptor::seal(View plaintext, Rope& out) {
  while (!plaintext.empty()) {
    const View piece = plaintext.first(std::min(plaintext.size(), max_plaintext_bytes));
    if (Result<void> sealed = frame({&piece, 1}, piece.size(), out); !sealed) return sealed;
    plaintext = plaintext.subspan(piece.size());
  }
  return {};
}

Result<void> Encryptor::frame(std::span<const View> pieces, std::size_t size, Rope& out) {
  if (error_) return fail(*error_);
  Buffer buffer = Buffer::allocate(size + frame_overhead_bytes);
  const MutableView bytes = buffer.writable();
  bytes[0] = static_cast<std::uint8_t>((size + tag_bytes) >> 8);
  bytes[1] = static_cast<std::uint8_t>(size + tag_bytes);
  if (Result<void> sealed = cipher_.seal({}, pieces, bytes.data() + length_bytes); !sealed) {
    error_ = sealed.error();
    return sealed;
  }
  out.append(std::move(buffer));
  return {};
}

Result<void> Decryptor::open(Rope arrived, Rope& out) {
  while (!arrived.empty()) {
    if (Result<void> opened = open(arrived.pop_front(), out); !opened) return opened;
  }
  return {};
}

Result<void> Decryptor::open(Buffer arrived, Rope& out) {
  if (error_) return fail(*error_);
  if (pending_bytes() > 0) {
    if (Result<void> opened = open_pending(arrived, out); !opened) return opened;
  }
  if (Result<void> opened = open_whole(arrived, out); !opened) return opened;
  if (!arrived.empty()) keep(std::move(arrived));
  return {};
}

// Finishes the frame that has begun, if `arrived` has the rest of it, which is taken off; else `arrived` is kept.
Result<void> Decryptor::open_pending(Buffer& arrived, Rope& out) {
  if (arrived.empty()) return {};
  const std::optional<std::size_t> size = pending_frame_size(arrived.view());
  if (size && *size < frame_overhead_bytes)
    return fail_with({ErrorCode::protocol, "Noise frame is shorter than its tag"});
  if (!size || arrived.size() < *size - pending_bytes()) {
    keep(std::move(arrived));
    arrived = {};
    return {};
  }
  const std::size_t missing = *size - pending_bytes();
  const View rest = arrived.view().first(missing);
  if (Result<void> opened = filled_ > 0 ? open_assembled(rest, out) : open_scattered(rest, out); !opened) return opened;
  last_frame_ = *size;
  arrived.drop_front(missing);
  return {};
}

Result<void> Decryptor::open_assembled(View rest, Rope& out) {
  Buffer frame = std::exchange(assembled_, {});
  const MutableView bytes = frame.writable();
  std::memcpy(bytes.data() + std::exchange(filled_, 0), rest.data(), rest.size());
  const std::size_t plain = bytes.size() - frame_overhead_bytes;
  const View ciphertext = bytes.subspan(length_bytes, plain);
  if (Result<void> opened = cipher_.open({}, {&ciphertext, 1}, bytes.last(tag_bytes), bytes.data() + length_bytes);
      !opened) {
    return fail_with(opened.error());
  }
  frame.drop_front(length_bytes);
  frame.truncate(plain);
  out.append(std::move(frame));
  return {};
}

// Opens from the pieces as they lie into a new buffer, so that no byte is copied only to be joined.
Result<void> Decryptor::open_scattered(View rest, Rope& out) {
  std::vector<View> pieces;
  for (const Buffer& piece : pending_.segments()) pieces.push_back(piece.view());
  pieces.push_back(rest);
  Buffer plaintext = Buffer::allocate(pending_.size() + rest.size() - frame_overhead_bytes);
  std::array<std::uint8_t, tag_bytes> tag{};
  take_back(pieces, tag);
  drop_front(pieces, length_bytes);
  const Result<void> opened = cipher_.open({}, pieces, tag, plaintext.writable().data());
  pending_.clear();
  if (!opened) return fail_with(opened.error());
  out.append(std::move(plaintext));
  return {};
}

// Opens all frames that lie whole in `arrived` and takes them off.
Result<void> Decryptor::open_whole(Buffer& arrived, Rope& out) {
  // Asked once: the slices given out share the segment, but the bytes under them are not written again.
  std::uint8_t* const in_place = arrived.unique() ? arrived.writable().data() : nullptr;
  const std::uint8_t* const start = arrived.data();
  while (arrived.size() >= length_bytes) {
    const View bytes = arrived.view();
    const std::size_t size = read_length(bytes[0], bytes[1]);
    if (size < tag_bytes) return fail_with({ErrorCode::protocol, "Noise frame is shorter than its tag"});
    if (bytes.size() - length_bytes < size) break;
    const std::size_t plain = size - tag_bytes;
    const View ciphertext = bytes.subspan(length_bytes, plain);
    const View tag = bytes.subspan(length_bytes + plain, tag_bytes);
    Buffer fresh;
    std::uint8_t* into = nullptr;
    if (in_place != nullptr) {
      into = in_place + (ciphertext.data() - start);
    } else {
      fresh = Buffer::allocate(plain);
      into = fresh.writable().data();
    }
    if (Result<void> opened = cipher_.open({}, {&ciphertext, 1}, tag, into); !opened) return fail_with(opened.error());
    out.append(in_place != nullptr ? arrived.slice(length_bytes, plain) : std::move(fresh));
    last_frame_ = length_bytes + size;
    arrived.drop_front(last_frame_);
  }
  return {};
}

std::size_t Decryptor::next_read_bytes(std::size_t most) const {
  const std::size_t begun = pending_bytes();
  // Of a frame whose length has not come whole, the last one's size is the best guess.
  const std::size_t size = begun < length_bytes ? last_frame_ : *pending_frame_size({});
  const std::size_t missing = begun > 0 && size > begun ? size - begun : 0;
  if (last_frame_ == 0 || missing >= most) return most;
  const std::size_t frames = (most - missing) / last_frame_;
  return missing + frames * last_frame_ == 0 ? most : missing + frames * last_frame_;
}

void Decryptor::keep(Buffer piece) {
  if (filled_ > 0) {
    std::memcpy(assembled_.writable().data() + filled_, piece.data(), piece.size());
    filled_ += piece.size();
    return;
  }
  // A few bytes must not keep a large segment alive.
  if (piece.size() * 2 < piece.segment_size()) piece = Buffer::copy_of(piece.view());
  pending_.append(std::move(piece));
  if (pending_.segments().size() <= max_pieces) return;
  assembled_ = Buffer::allocate(*pending_frame_size({}));
  filled_ = pending_.copy_to(assembled_.writable());
  pending_.clear();
}

// Of the frame that has begun, length included, if both bytes of its length are there or first in `next`.
std::optional<std::size_t> Decryptor::pending_frame_size(View next) const {
  if (filled_ > 0) return assembled_.size();
  std::array<std::uint8_t, length_bytes> length{};
  std::size_t have = pending_.copy_to(length);
  for (std::size_t i = 0; have < length_bytes && i < next.size(); ++i) length[have++] = next[i];
  if (have < length_bytes) return std::nullopt;
  return length_bytes + read_length(length[0], length[1]);
}

Result<void> Decryptor::fail_with(Error error) {
  pending_.clear();
  assembled_ = {};
  filled_ = 0;
  error_ = error;
  return fail(std::move(error));
}

}  // namespace myelin::libp2p::noise
