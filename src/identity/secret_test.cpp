#include "identity/secret.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <new>

namespace myelin::identity {
namespace {

TEST(Secret, ArrayIsWipedWhereItLay) {
  alignas(SecretArray<32>) std::array<std::uint8_t, sizeof(SecretArray<32>)> memory{};
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(0xa5);
  auto* secret = new (memory.data()) SecretArray<32>(bytes);
  EXPECT_EQ(std::count(memory.begin(), memory.end(), 0xa5), 32);
  secret->~SecretArray();
  EXPECT_EQ(std::count(memory.begin(), memory.end(), 0xa5), 0);
}

TEST(Secret, BytesAreCopiedAndMovedWhole) {
  const SecretBytes first(as_view("a secret"));
  SecretBytes second = first;
  EXPECT_EQ(to_text(second.view()), "a secret");
  SecretBytes third;
  third = std::move(second);
  EXPECT_EQ(to_text(third.view()), "a secret");
  third = first;
  EXPECT_EQ(to_text(third.view()), "a secret");
  const SecretBytes& self = third;
  third = self;
  EXPECT_EQ(to_text(third.view()), "a secret");
}

TEST(Secret, WipeOverwritesAll) {
  Bytes bytes(100, 7);
  wipe(bytes);
  EXPECT_TRUE(std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; }));
  wipe({});
}

}  // namespace
}  // namespace myelin::identity
