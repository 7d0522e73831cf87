#include "wasm/wasi_testing.hpp"

namespace myelin::wasm::wasi::testing {
namespace {

using namespace std::string_view_literals;

class WasiStrings : public WasiTest {
 protected:
  WasiStrings()
      : WasiTest({.arguments = {"guest", "two words", "", std::string("cut\0off", 7)},
                  .environment = {{"KEY", "value"}, {"EMPTY", ""}, {"E", "a=b"}}}) {}
};

TEST_F(WasiStrings, ArgumentsAreLaidOutAsCWantsThem) {
  ASSERT_EQ(call("args_sizes_get", {16, 20}), Errno::success);
  EXPECT_EQ(u32(16), 4u);
  EXPECT_EQ(u32(20), 6u + 10u + 1u + 4u);
  ASSERT_EQ(call("args_get", {100, 200}), Errno::success);
  EXPECT_EQ(u32(100), 200u);
  EXPECT_EQ(u32(104), 206u);
  EXPECT_EQ(u32(108), 216u);
  EXPECT_EQ(u32(112), 217u);
  EXPECT_EQ(text(200, 21), "guest\0two words\0\0cut\0"sv);
  EXPECT_EQ(text(221, 1), "\0"sv);
}

TEST_F(WasiStrings, EnvironmentIsKeyEqualsValue) {
  ASSERT_EQ(call("environ_sizes_get", {16, 20}), Errno::success);
  EXPECT_EQ(u32(16), 3u);
  EXPECT_EQ(u32(20), 23u);
  ASSERT_EQ(call("environ_get", {100, 200}), Errno::success);
  EXPECT_EQ(u32(104), 210u);
  EXPECT_EQ(u32(108), 217u);
  EXPECT_EQ(text(200, 23), "KEY=value\0EMPTY=\0E=a=b\0"sv);
}

TEST_F(WasiStrings, StringsThatEndWithTheMemoryFit) {
  ASSERT_EQ(call("args_get", {memory_size - 16, memory_size - 16 - 21}), Errno::success);
  EXPECT_EQ(text(memory_size - 16 - 21, 5), "guest");
  ASSERT_EQ(call("environ_sizes_get", {memory_size - 8, memory_size - 4}), Errno::success);
  EXPECT_EQ(u32(memory_size - 4), 23u);
}

TEST_F(WasiStrings, PointersOutsideAreFaultsAndNothingIsWritten) {
  const Bytes before = instance.bytes;
  for (const std::string_view name : {"args_get"sv, "environ_get"sv}) {
    EXPECT_EQ(call(name, {outside, 200}), Errno::fault) << name;
    EXPECT_EQ(call(name, {100, outside}), Errno::fault) << name;
    EXPECT_EQ(call(name, {0xffff'ffff, 0xffff'ffff}), Errno::fault) << name;
    EXPECT_EQ(call(name, {memory_size, memory_size}), Errno::fault) << name;
  }
  EXPECT_EQ(instance.bytes, before);
  EXPECT_EQ(call("args_sizes_get", {outside, 20}), Errno::fault);
  EXPECT_EQ(call("args_sizes_get", {16, outside}), Errno::fault);
  EXPECT_EQ(call("environ_sizes_get", {0xffff'fffe, 20}), Errno::fault);
}

class WasiNoStrings : public WasiTest {
 protected:
  WasiNoStrings() : WasiTest(Context::Config{}) {}
};

TEST_F(WasiNoStrings, NothingIsCountedAsNothing) {
  put_u32(16, 7);
  put_u32(20, 7);
  ASSERT_EQ(call("args_sizes_get", {16, 20}), Errno::success);
  EXPECT_EQ(u32(16), 0u);
  EXPECT_EQ(u32(20), 0u);
  EXPECT_EQ(call("args_get", {100, 200}), Errno::success);
  EXPECT_EQ(call("environ_get", {memory_size, memory_size}), Errno::success);  // nothing, at the very end
}

}  // namespace
}  // namespace myelin::wasm::wasi::testing
