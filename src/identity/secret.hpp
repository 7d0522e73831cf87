// Secrets: bytes that are overwritten before their memory is given back.
//
// Invariants: neither destruction nor assignment leaves the old bytes readable in memory that was released. What a
// caller copies out is the caller's to wipe. Thread: values.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace myelin::identity {

// Overwrites `bytes` with zeros in a way that no compiler leaves out.
void wipe(MutableView bytes);

// A secret of `N` bytes.
template <std::size_t N>
class SecretArray {
 public:
  SecretArray() = default;
  explicit SecretArray(const std::array<std::uint8_t, N>& bytes) : bytes_(bytes) {}
  SecretArray(const SecretArray&) = default;
  SecretArray& operator=(const SecretArray&) = default;
  ~SecretArray() { wipe(bytes_); }

  View view() const { return bytes_; }
  MutableView writable() { return bytes_; }
  const std::uint8_t* data() const { return bytes_.data(); }
  std::uint8_t* data() { return bytes_.data(); }
  static constexpr std::size_t size() { return N; }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

// A secret whose size is found at run time.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(View bytes) : bytes_(bytes.begin(), bytes.end()) {}
  SecretBytes(const SecretBytes&) = default;
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
  SecretBytes& operator=(const SecretBytes& other);
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  ~SecretBytes() { wipe(bytes_); }

  View view() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  Bytes bytes_;
};

}  // namespace myelin::identity
