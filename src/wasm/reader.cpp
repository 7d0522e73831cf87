#include "wasm/reader.hpp"

#include "base/check.hpp"

#include <utility>

namespace myelin::wasm {
namespace {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(View text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const std::uint8_t lead = text[i];
    std::size_t more = 0;
    std::uint32_t low = 0x80, high = 0xbf;  // range of the second byte
    if (lead < 0x80) {
      ++i;
      continue;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    } else {
      return false;
    }
    if (text.size() - i <= more) return false;
    if (text[i + 1] < low || text[i + 1] > high) return false;
    for (std::size_t k = 2; k <= more; ++k) {
      if ((text[i + k] & 0xc0) != 0x80) return false;
    }
    i += more + 1;
  }
  return true;
}

}  // namespace

std::string quoted(std::string_view text) {
  constexpr std::size_t max = 64;
  std::string out = "\"";
  for (const char c : text.substr(0, max)) out += c >= 0x20 && c < 0x7f && c != '"' ? c : '?';
  return out + (text.size() > max ? "…\"" : "\"");
}

std::uint8_t Reader::byte() {
  if (!ok()) return 0;
  if (at_end()) {
    refuse("the bytes end too early");
    return 0;
  }
  return bytes_[position_++];
}

std::uint32_t Reader::u32() {
  const std::size_t at = offset();
  std::uint32_t value = 0;
  for (std::uint32_t shift = 0; shift < 35 && ok(); shift += 7) {
    const std::uint8_t next = byte();
    if (shift == 28 && next > 0x0f) {
      refuse(at, "a number of more than 32 bits or 5 bytes");
      break;
    }
    value |= static_cast<std::uint32_t>(next & 0x7f) << shift;
    if ((next & 0x80) == 0) return ok() ? value : 0;
  }
  return 0;
}

View Reader::bytes(std::size_t n, std::string_view what) {
  if (!ok()) return {};
  if (n > left()) {
    refuse(concat("a ", what, " of ", n, " bytes where ", left(), " are left"));
    return {};
  }
  const View result = bytes_.subspan(position_, n);
  position_ += n;
  return result;
}

std::string Reader::name() {
  const std::size_t at = offset();
  const std::uint32_t size = u32();
  const View text = bytes(size, "name");
  if (ok() && !is_utf8(text)) refuse(at, "a name that is not UTF-8");
  return ok() ? to_text(text) : std::string();
}

Reader Reader::sub(std::size_t n, std::string_view what) {
  const std::size_t at = offset();
  return Reader(bytes(n, what), at);
}

void Reader::refuse(std::size_t at, std::string reason) {
  if (!ok()) return;
  replace_reason(at, std::move(reason));
}

void Reader::replace_reason(std::size_t at, std::string reason) {
  refused_at_ = at;
  reason_ = std::move(reason);
}

void Reader::take_error(const Reader& other) { refuse(other.refused_at_, other.reason_); }

Error Reader::error() const {
  MYELIN_CHECK(!ok(), "there is an error to tell");
  return Error{ErrorCode::invalid_module, concat(reason_, " (at byte ", refused_at_, ")")};
}

}  // namespace myelin::wasm
