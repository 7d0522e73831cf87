#include "protocol/meter.hpp"

#include "protocol/context.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace myelin::protocol {
namespace {

struct MeterTest : ::testing::Test {
  MeterTest() {
    for (int i = 0; i < 2; ++i) cells.push_back(std::make_unique<Cell>());
    meter.begin(now_ns);
  }
  // One event of a cell that takes so long.
  void event(std::size_t cell, std::int64_t takes_ns) {
    now_ns += takes_ns;
    if (!meter.count(*cells[cell])) return;
    ++looks;
    slow += meter.look(now_ns, cells) ? 1 : 0;
  }
  std::int64_t busy(std::size_t cell) const { return cells[cell]->busy.count(); }

  std::vector<std::unique_ptr<Cell>> cells;
  Meter meter;
  std::int64_t now_ns = 1'000;
  int looks = 0, slow = 0;
};

TEST_F(MeterTest, ShortEventsShareALook) {
  for (int i = 0; i < 1600; ++i) event(static_cast<std::size_t>(i % 2), 100);
  EXPECT_LT(looks, 120);
  meter.look(now_ns, cells);
  EXPECT_EQ(busy(0) + busy(1), 160'000);
  EXPECT_NEAR(static_cast<double>(busy(0)), 80'000, 1'000);
  EXPECT_EQ(slow, 0);
}

TEST_F(MeterTest, LongEventsAreMeasuredEach) {
  for (int i = 0; i < 32; ++i) event(0, 100);
  for (int i = 0; i < 100; ++i) {
    event(0, 10'000);
    event(1, 30'000);
  }
  EXPECT_NEAR(static_cast<double>(busy(0)), 1'003'200, 200'000);  // but for those of the first look
  EXPECT_NEAR(static_cast<double>(busy(1)), 3'000'000, 200'000);
}

TEST_F(MeterTest, ASlowOneIsSeenAmongShortOnes) {
  for (int i = 0; i < 40; ++i) event(0, 100);
  event(1, 200'000'000);
  for (int i = 0; i < 40; ++i) event(0, 100);
  EXPECT_EQ(slow, 1);
}

}  // namespace
}  // namespace myelin::protocol
