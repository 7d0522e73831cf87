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

TEST(IdlePatience, LooksWhileWhatComesThroughDescriptorsComesSoon) {
  IdlePatience patience;
  EXPECT_FALSE(patience.on());
  patience.idle_for(1us, false);
  EXPECT_EQ(patience.wait(), 0us) << "nobody asked for it";
  patience.set_most(50us);
  EXPECT_TRUE(patience.on());
  EXPECT_EQ(patience.wait(), 0us);
  patience.idle_for(51us, false);
  EXPECT_EQ(patience.wait(), 0us) << "looking would have been in vain";
  patience.idle_for(50us, false);
  EXPECT_EQ(patience.wait(), 50us);
  for (int i = 0; i < 100; ++i) {
    patience.idle_for(3us, true);
    EXPECT_EQ(patience.wait(), 50us);
  }
}

TEST(IdlePatience, LooksInVainEverMoreSeldom) {
  IdlePatience patience;
  patience.set_most(50us);
  unsigned looks = 0;
  for (int i = 0; i < 10'000; ++i) {
    if (patience.wait() > 0us) ++looks;
    patience.idle_for(40us, false);
  }
  EXPECT_GE(looks, 8u);
  EXPECT_LE(looks, 12u);
  while (patience.wait() == 0us) patience.idle_for(40us, false);
  patience.idle_for(4us, true);
  patience.idle_for(40us, false);
  unsigned pause = 0;
  for (; patience.wait() == 0us; ++pause) patience.idle_for(40us, false);
  EXPECT_EQ(pause, IdlePatience::first_pause) << "once was worth it: it begins anew";
}

}  // namespace
}  // namespace myelin::io::real
