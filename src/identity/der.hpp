// DER, as much of it as keys need: a reader that takes one element after the other from borrowed bytes (X.690 §10).
//
// Strict: definite lengths in their shortest form, integers positive and minimal. It measures a foreign key before any
// library computes with it. Thread: values. Lifetime: views into what was given.
#pragma once

#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace myelin::identity {

class DerReader {
 public:
  enum Tag : std::uint8_t {
    integer = 0x02,
    bit_string = 0x03,
    octet_string = 0x04,
    null = 0x05,
    object_id = 0x06,
    sequence = 0x30,
    context_0 = 0xa0,
    context_1 = 0xa1,
  };
  explicit DerReader(View bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }
  // The content of the next element, which has that tag; nothing otherwise.
  std::optional<View> element(Tag tag);
  // The next element is an INTEGER > 0: its magnitude, without leading zero byte. Nothing otherwise.
  std::optional<View> positive_integer();

 private:
  View rest_;
};

// Bits of a magnitude without leading zero bytes.
std::size_t bit_length(View magnitude);

}  // namespace myelin::identity
