#include "base/ids.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace myelin {
namespace {

struct Vector {
  const char* text;
  const char* hex;
};

constexpr Vector vectors[] = {{"Wt9hMLbqHmNuCsvqCW8AuKxUjwL", "24fb178ba136237a894bd32458e5318f06de629f"},
                              {"3xRb2SHLJR34eqxuzaQgEx6AwmWG", "d426016ce4c042e333967e784908c8e4ba95b831"},
                              {"8uUq39P2CPPMk8zFNpE5tjTm2ge", "09c861eddcc9db19760d1ea985efe7d3c293a49f"},
                              {"11111111111111111111", "0000000000000000000000000000000000000000"},
                              {"4ZrjxJnU1LA5xSyrWMNuXTvSYKwt", "ffffffffffffffffffffffffffffffffffffffff"},
                              {"1Bhh3pU9gLXZiNDL6PEZuEP5ri", "000102030405060708090a0b0c0d0e0f10111213"}};

TEST(Pid, AgreesWithTheReference) {
  for (const Vector& vector : vectors) {
    const std::optional<Pid> pid = Pid::parse(vector.text);
    ASSERT_TRUE(pid) << vector.text;
    EXPECT_EQ(to_hex(pid->bytes), vector.hex);
    EXPECT_EQ(pid->to_string(), vector.text);
  }
}

TEST(Pid, IsExactlyTwentyBytes) {
  for (const char* text : {"", "1", "1111111111111111111", "111111111111111111111", "Wt9hMLbqHmNuCsvqCW8AuKxUjw",
                           "0xRb2SHLJR34eqxuzaQgEx6AwmWG", "3xRb2SHLJR34eqxuzaQgEx6AwmWG1",
                           "3xRb2SHLJR34eqxuzaQgEx6Awm G", "zzzzzzzzzzzzzzzzzzzzzzzzzzzz"}) {
    EXPECT_FALSE(Pid::parse(text)) << text;
  }
}

// Held against the schoolbook way, digit by digit, at every length and with zeros at the front and inside.
TEST(Base58, LimbsAgreeWithSingleDigits) {
  const std::string_view letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  std::uint32_t x = 7;
  for (std::size_t round = 0; round < 2000; ++round) {
    Bytes bytes(round % 71);
    for (std::uint8_t& byte : bytes) {
      x = x * 1664525u + 1013904223u;
      byte = round % 3 == 0 && x % 2 == 0 ? 0 : static_cast<std::uint8_t>(x >> 24);
    }
    for (std::size_t i = 0; i < std::min(round % 6, bytes.size()); ++i) bytes[i] = 0;
    std::string wanted;
    Bytes number = bytes;
    while (std::any_of(number.begin(), number.end(), [](std::uint8_t byte) { return byte != 0; })) {
      std::uint32_t rest = 0;
      for (std::uint8_t& byte : number) {
        rest = rest << 8 | byte;
        byte = static_cast<std::uint8_t>(rest / 58);
        rest %= 58;
      }
      wanted.insert(wanted.begin(), letters[rest]);
    }
    for (std::size_t i = 0; i < bytes.size() && bytes[i] == 0; ++i) wanted.insert(wanted.begin(), '1');
    ASSERT_EQ(base58_encode(bytes), wanted) << round;
    ASSERT_EQ(base58_decode(wanted), bytes) << round;
  }
}

TEST(Base58, KeepsLeadingZerosAndBounds) {
  EXPECT_EQ(base58_encode(Bytes{0, 0, 1}), "112");
  EXPECT_EQ(*base58_decode("112"), (Bytes{0, 0, 1}));
  EXPECT_EQ(base58_encode({}), "");
  EXPECT_FALSE(base58_decode("0"));
  EXPECT_FALSE(base58_decode("l"));
  EXPECT_FALSE(base58_decode(std::string(129, '1')));
  EXPECT_TRUE(base58_decode(std::string(129, '1'), 200));
}

}  // namespace
}  // namespace myelin
