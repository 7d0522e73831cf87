#include "io/real/patience.hpp"

#include <gtest/gtest.h>

namespace myelin::io::real {
namespace {

using namespace std::chrono_literals;

TEST(Patience, BeginsWithASleepThatWasNotWorthIt) {
  Patience patience;
  EXPECT_EQ(patience.wait(), 0us);
  patience.woken_after(10ms);
  EXPECT_EQ(patience.wait(), 0us) << "whoever sleeps long saves by it";
  patience.woken_after(30us);
  EXPECT_GE(patience.wait(), Patience::least);
}

TEST(Patience, GrowsWhileItIsWorthItAndEndsWhenItIsNot) {
  Patience patience;
  patience.woken_after(30us);
  for (int i = 0; i < 10; ++i) patience.waited(true);
  EXPECT_EQ(patience.wait(), Patience::most);
  int waits = 0;
  for (; patience.wait() > 0us; ++waits) patience.waited(false);
  EXPECT_LE(waits, 5) << "in vain it waits a few times and no more";
  patience.waited(true);
  EXPECT_EQ(patience.wait(), 0us);
}

}  // namespace
}  // namespace myelin::io::real
