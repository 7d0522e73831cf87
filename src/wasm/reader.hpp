// Reader: the primitives of WebAssembly's binary format over borrowed bytes, with one error that sticks.
//
// After the first refusal every read gives zero or nothing and the first reason stays, so callers may read several
// things and ask ok() once; loops ask it each time round. Offsets in reasons are from the module's start.
// Thread: values; the bytes must outlive them. Source: WebAssembly core specification 2.0, 5.2.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace myelin::wasm {

// The parts one after another, numbers in decimal: for messages.
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  const auto add = [&out](const auto& part) {
    if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(part)>>) {
      out += std::to_string(part);
    } else {
      out += part;
    }
  };
  (add(parts), ...);
  return out;
}

// `text` for a message: in quotes, at most 64 bytes of it, what is not printable ASCII as '?'.
std::string quoted(std::string_view text);

class Reader {
 public:
  explicit Reader(View bytes, std::size_t base = 0) : bytes_(bytes), base_(base) {}

  bool ok() const { return reason_.empty(); }
  bool at_end() const { return position_ == bytes_.size(); }
  std::size_t left() const { return bytes_.size() - position_; }
  std::size_t offset() const { return base_ + position_; }

  std::uint8_t byte();
  // LEB128 of at most 5 bytes whose unused bits are zero; longer spellings than needed are allowed up to that.
  std::uint32_t u32();
  View bytes(std::size_t n, std::string_view what);
  // A vector of bytes that are UTF-8.
  std::string name();
  // A Reader of the next `n` bytes, which this one leaves behind.
  Reader sub(std::size_t n, std::string_view what);
  void skip_rest() { position_ = bytes_.size(); }

  void refuse(std::string reason) { refuse(offset(), std::move(reason)); }
  void refuse(std::size_t at, std::string reason);
  void replace_reason(std::size_t at, std::string reason);
  // Takes over what `other` refused for.
  void take_error(const Reader& other);
  // REQUIRES: !ok(). invalid_module with reason and offset.
  Error error() const;

 private:
  View bytes_;
  std::size_t base_;
  std::size_t position_ = 0;
  std::size_t refused_at_ = 0;
  std::string reason_;
};

}  // namespace myelin::wasm
