// Codec: how the fields of a message become bytes, and back.
//
// Fields stand in the order that the type gives them in, without names or tags. Scalars are little-endian, bool is one
// byte (0 or 1); strings, byte strings, vectors and maps are preceded by a uvarint of their length (maps are sorted by
// the encoded key); arrays have no prefix; optional is one presence byte; a Host is `u16 length || name || u16 port`. A
// type with fields names them once:
//
//   struct Ping {
//     std::uint64_t sequence = 0;
//     auto fields(this auto& self) { return std::tie(self.sequence); }
//   };
//
// Invariants: what encode() writes, decode() gives back; decode() takes nothing that encode() would not write in
// length: bytes that are left over are an error of whoever owns the frame. A decoded container holds no more elements
// than the input has bytes. Thread: values.
#pragma once

#include "myelin/error.hpp"
#include "myelin/protocol/host.hpp"

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace myelin::protocol {

using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

static_assert(std::endian::native == std::endian::little, "scalars are written as they stand in memory");

// Appends to bytes that it does not own: to a vector, or first to a window of memory and, once that is full, to a
// vector into which what it wrote has moved.
class Writer {
 public:
  explicit Writer(Bytes& into) : into_(into) {}
  // Goes on behind `written` in the window that ends at `end`. REQUIRES: `spill` is empty.
  Writer(std::span<std::uint8_t> written, std::uint8_t* end, Bytes& spill)
      : into_(spill), begin_(written.data()), at_(written.data() + written.size()), end_(end) {}
  void raw(View bytes) {
    if (bytes.size() <= static_cast<std::size_t>(end_ - at_)) {
      if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
      at_ += bytes.size();
      return;
    }
    spill();
    into_.insert(into_.end(), bytes.begin(), bytes.end());
  }
  template <typename T>
    requires std::is_arithmetic_v<T>
  void scalar(T value) {
    std::array<std::uint8_t, sizeof(T)> bytes;
    std::memcpy(bytes.data(), &value, sizeof(T));
    raw(bytes);
  }
  void uvarint(std::uint64_t value) {
    std::array<std::uint8_t, 10> bytes;
    std::size_t count = 0;
    for (; value >= 0x80; value >>= 7) bytes[count++] = static_cast<std::uint8_t>(value | 0x80);
    bytes[count++] = static_cast<std::uint8_t>(value);
    raw(View(bytes).first(count));
  }
  std::size_t size() const { return into_.size() + static_cast<std::size_t>(at_ - begin_); }
  // Where the window's bytes end; null if they have moved to the vector, or there never was a window.
  const std::uint8_t* window_end() const { return at_; }

 private:
  void spill() {
    into_.insert(into_.end(), begin_, at_);
    begin_ = at_ = end_ = nullptr;
  }

  Bytes& into_;
  std::uint8_t* begin_ = nullptr;
  std::uint8_t* at_ = nullptr;
  std::uint8_t* end_ = nullptr;
};

// Takes from the front of bytes that it does not own. After the first failure everything fails.
class Reader {
 public:
  explicit Reader(View bytes) : rest_(bytes) {}
  std::size_t size() const { return rest_.size(); }
  bool failed() const { return failed_; }
  // The next `count` bytes; empty and failed if there are fewer.
  View raw(std::size_t count) {
    if (failed_ || count > rest_.size()) return failed_ = true, View{};
    const View taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  template <typename T>
    requires std::is_arithmetic_v<T>
  T scalar() {
    T value{};
    if (const View bytes = raw(sizeof(T)); bytes.size() == sizeof(T)) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  // Fails where it is longer than 10 bytes, or over 64 bits.
  std::uint64_t uvarint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const View byte = raw(1);
      if (byte.empty()) return 0;
      if (shift == 63 && byte[0] > 1) break;
      value |= std::uint64_t{byte[0] & 0x7fu} << shift;
      if (byte[0] < 0x80) return value;
    }
    return failed_ = true, 0;
  }
  // A uvarint that is at most the number of bytes left: the length of what follows.
  std::size_t length() {
    const std::uint64_t value = uvarint();
    if (value > rest_.size()) return failed_ = true, 0;
    return static_cast<std::size_t>(value);
  }
  void fail() { failed_ = true; }

 private:
  View rest_;
  bool failed_ = false;
};

template <typename T>
concept HasFields = requires(T& value) { value.fields(); };

void encode(Writer& out, const HasFields auto& value);
void decode(Reader& in, HasFields auto& value);

template <typename T>
  requires std::is_arithmetic_v<T>
void encode(Writer& out, T value) {
  out.scalar(value);
}
template <typename T>
  requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>)
void decode(Reader& in, T& value) {
  value = in.scalar<T>();
}
inline void decode(Reader& in, bool& value) {
  const auto byte = in.scalar<std::uint8_t>();
  if (byte > 1) in.fail();
  value = byte == 1;
}
template <typename T>
  requires std::is_enum_v<T>
void encode(Writer& out, T value) {
  out.scalar(std::to_underlying(value));
}
template <typename T>
  requires std::is_enum_v<T>
void decode(Reader& in, T& value) {
  value = static_cast<T>(in.scalar<std::underlying_type_t<T>>());
}

inline void encode(Writer& out, std::string_view text) {
  out.uvarint(text.size());
  out.raw({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}
inline void decode(Reader& in, std::string& text) {
  const View bytes = in.raw(in.length());
  text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}
inline void encode(Writer& out, const Bytes& bytes) {
  out.uvarint(bytes.size());
  out.raw(bytes);
}
inline void decode(Reader& in, Bytes& bytes) {
  const View taken = in.raw(in.length());
  bytes.assign(taken.begin(), taken.end());
}
inline void encode(Writer& out, const Host& host) {
  out.scalar(static_cast<std::uint16_t>(host.name.size()));
  out.raw({reinterpret_cast<const std::uint8_t*>(host.name.data()), host.name.size()});
  out.scalar(host.port);
}
inline void decode(Reader& in, Host& host) {
  const auto size = in.scalar<std::uint16_t>();
  if (size > 255) in.fail();
  const View name = in.raw(size);
  host.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  host.port = in.scalar<std::uint16_t>();
}

template <typename T>
void encode(Writer& out, const std::vector<T>& values) {
  out.uvarint(values.size());
  for (const auto& value : values) encode(out, value);
}
template <typename T>
void decode(Reader& in, std::vector<T>& values) {
  values.clear();
  for (std::size_t left = in.length(); left > 0 && !in.failed(); --left) decode(in, values.emplace_back());
}
template <typename T, std::size_t size>
void encode(Writer& out, const std::array<T, size>& values) {
  for (const auto& value : values) encode(out, value);
}
template <typename T, std::size_t size>
void decode(Reader& in, std::array<T, size>& values) {
  for (auto& value : values) decode(in, value);
}
template <typename T>
void encode(Writer& out, const std::optional<T>& value) {
  encode(out, value.has_value());
  if (value) encode(out, *value);
}
template <typename T>
void decode(Reader& in, std::optional<T>& value) {
  bool present = false;
  decode(in, present);
  value.reset();
  if (present && !in.failed()) decode(in, value.emplace());
}
template <typename K, typename V>
void encode(Writer& out, const std::map<K, V>& values) {
  std::map<Bytes, const V*> sorted;
  for (const auto& [key, value] : values) {
    Bytes encoded;
    Writer writer(encoded);
    encode(writer, key);
    sorted.emplace(std::move(encoded), &value);
  }
  out.uvarint(sorted.size());
  for (const auto& [key, value] : sorted) {
    out.raw(key);
    encode(out, *value);
  }
}
template <typename K, typename V>
void decode(Reader& in, std::map<K, V>& values) {
  values.clear();
  for (std::size_t left = in.length(); left > 0 && !in.failed(); --left) {
    K key{};
    decode(in, key);
    V value{};
    decode(in, value);
    if (!in.failed() && !values.emplace(std::move(key), std::move(value)).second) in.fail();
  }
}

void encode(Writer& out, const HasFields auto& value) {
  std::apply([&out](const auto&... field) { (encode(out, field), ...); }, value.fields());
}
void decode(Reader& in, HasFields auto& value) {
  std::apply([&in](auto&... field) { (decode(in, field), ...); }, value.fields());
}

}  // namespace myelin::protocol
