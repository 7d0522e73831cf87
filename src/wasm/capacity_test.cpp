#include "wasm/capacity.hpp"

#include "wasm/engine_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace myelin::wasm {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t whole = 1ull << 47;

TEST(Capacity, TheDefaultMachineHoldsTenThousandGuardedGuests) {
  if (!hardware_traps) GTEST_SKIP() << "sized for sanitizers";
  const EngineConfig config;
  EXPECT_EQ(plan_instances(config, {65'530, 300, whole}), 10'000u);
}

TEST(Capacity, MappingsAreTheGuardedPresetsWall) {
  if (!hardware_traps) GTEST_SKIP() << "sized for sanitizers";
  EngineConfig config;
  EXPECT_EQ(plan_instances(config, {10'000, 0, whole}), 1'000u);
  const auto none = plan_instances(config, {4'000, 300, whole});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::limit);
  EXPECT_THAT(none.error().message, HasSubstr("vm.max_map_count is 4000"));
  EXPECT_THAT(none.error().message, HasSubstr("dense"));
  config.max_instances = 1'001;
  EXPECT_FALSE(plan_instances(config, {10'000, 0, whole}));
  config.max_instances = 1'000;
  EXPECT_EQ(plan_instances(config, {10'000, 0, whole}), 1'000u);
}

TEST(Capacity, TheDensePresetNeedsNoMappings) {
  if (!hardware_traps) GTEST_SKIP() << "sized for sanitizers";
  EngineConfig config;
  config.preset = MemoryPreset::dense;
  EXPECT_EQ(plan_instances(config, {4'000, 3'999, whole}), 100'000u);
}

TEST(Capacity, AddressSpaceIsShared) {
  EngineConfig config;
  config.max_memory_pages = 256;  // 16 MiB
  config.preset = MemoryPreset::dense;
  const auto small = plan_instances(config, {65'530, 300, 1ull << 30});
  ASSERT_TRUE(small);
  EXPECT_GT(*small, 40u);
  EXPECT_LT(*small, 48u);
  config.preset = MemoryPreset::guarded;
  if (!hardware_traps) return;
  const auto none = plan_instances(config, {65'530, 300, 1ull << 30});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("1024 MiB are left"));
}

TEST(Capacity, ThisMachineIsRead) {
  const MachineLimits machine = MachineLimits::read();
  EXPECT_GT(machine.max_mappings, 1'000u);
  EXPECT_GT(machine.mappings_in_use, 10u);
  EXPECT_GT(machine.address_space_bytes, 1ull << 30);
}

}  // namespace
}  // namespace myelin::wasm
