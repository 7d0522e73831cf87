#include "identity/der.hpp"

#include <bit>

namespace myelin::identity {

std::optional<View> DerReader::element(Tag tag) {
  if (rest_.size() < 2 || rest_[0] != tag) return std::nullopt;
  std::size_t size = rest_[1];
  std::size_t at = 2;
  if (size >= 0x80) {
    const std::size_t octets = size & 0x7f;
    if (octets == 0 || octets > 3 || rest_.size() < at + octets) return std::nullopt;
    size = 0;
    for (std::size_t i = 0; i < octets; ++i) size = (size << 8) | rest_[at + i];
    at += octets;
    if (size < 0x80 || (size >> (8 * (octets - 1))) == 0) return std::nullopt;  // a shorter form exists
  }
  if (size > rest_.size() - at) return std::nullopt;
  const View content = rest_.subspan(at, size);
  rest_ = rest_.subspan(at + size);
  return content;
}

std::optional<View> DerReader::positive_integer() {
  std::optional<View> content = element(integer);
  if (!content || content->empty() || ((*content)[0] & 0x80) != 0) return std::nullopt;
  if ((*content)[0] != 0) return content;
  // A zero byte in front is there to keep the number positive, or the number is zero.
  if (content->size() == 1 || ((*content)[1] & 0x80) == 0) return std::nullopt;
  return content->subspan(1);
}

std::size_t bit_length(View magnitude) {
  if (magnitude.empty()) return 0;
  return (magnitude.size() - 1) * 8 + static_cast<std::size_t>(std::bit_width(static_cast<unsigned>(magnitude[0])));
}

}  // namespace myelin::identity
