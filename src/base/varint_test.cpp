#include "base/varint.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace myelin {
namespace {

Bytes encode(std::uint64_t value) {
  Bytes out;
  put_varint(out, value);
  return out;
}

TEST(Varint, EncodesAsGoDoes) {
  EXPECT_EQ(to_hex(encode(0)), "00");
  EXPECT_EQ(to_hex(encode(127)), "7f");
  EXPECT_EQ(to_hex(encode(128)), "8001");
  EXPECT_EQ(to_hex(encode(300)), "ac02");
  EXPECT_EQ(to_hex(encode(16384)), "808001");
  EXPECT_EQ(to_hex(encode(0xffffffff)), "ffffffff0f");
  EXPECT_EQ(to_hex(encode(std::numeric_limits<std::uint64_t>::max())), "ffffffffffffffffff01");
}

TEST(Varint, RoundTripsAtEveryBit) {
  for (int bit = 0; bit < 64; ++bit) {
    for (std::uint64_t value : {(1ull << bit) - 1, 1ull << bit, (1ull << bit) + 1}) {
      const Bytes bytes = encode(value);
      EXPECT_EQ(bytes.size(), varint_size(value));
      const Varint lenient = get_varint_lenient(bytes);
      EXPECT_EQ(lenient.state, Varint::State::ok);
      EXPECT_EQ(lenient.value, value);
      EXPECT_EQ(lenient.size, bytes.size());
      const Varint strict = get_varint_strict(bytes);
      EXPECT_EQ(strict.state, bytes.size() <= 9 ? Varint::State::ok : Varint::State::overflow) << value;
    }
  }
}

TEST(Varint, TellsTruncationFromOverflow) {
  EXPECT_EQ(get_varint_lenient({}).state, Varint::State::truncated);
  EXPECT_EQ(get_varint_lenient(Bytes{0x80}).state, Varint::State::truncated);
  EXPECT_EQ(get_varint_lenient(Bytes(9, 0xff)).state, Varint::State::truncated);
  Bytes tenth(9, 0xff);
  tenth.push_back(0x02);
  EXPECT_EQ(get_varint_lenient(tenth).state, Varint::State::overflow);
  EXPECT_EQ(get_varint_lenient(Bytes(11, 0x80)).state, Varint::State::overflow);
  EXPECT_EQ(get_varint_strict(Bytes(9, 0x80)).state, Varint::State::overflow);
}

TEST(Varint, StrictRefusesOverlongForms) {
  const Bytes overlong{0x85, 0x00};
  EXPECT_EQ(get_varint_lenient(overlong).value, 5u);
  EXPECT_EQ(get_varint_strict(overlong).state, Varint::State::overlong);
}

}  // namespace
}  // namespace myelin
