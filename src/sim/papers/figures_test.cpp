#include "sim/papers/figures.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace myelin::sim::papers {
namespace {

TEST(Figures, ComeBackFromText) {
  Figures figures;
  figures.add("a", 0.1);
  figures.add("a", -3e-300);
  figures.add("b c", 7);
  const auto back = Figures::parse(figures.to_text());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->all("a"), (std::vector<double>{0.1, -3e-300}));
  EXPECT_EQ(back->one("b c"), 7);
  EXPECT_TRUE(back->all("d").empty());
}

TEST(Figures, AreRefusedWhereTheyAreCutOff) {
  EXPECT_FALSE(Figures::parse("a\t1"));
  EXPECT_FALSE(Figures::parse("a\tx\n"));
}

TEST(Figures, AreTakenInUnderAPrefix) {
  Figures one, all;
  one.add("a", 1);
  all.take("x/", one);
  all.take("x/", one);
  EXPECT_EQ(all.all("x/a"), (std::vector<double>{1, 1}));
  EXPECT_EQ(all.below("x/").all("a"), (std::vector<double>{1, 1}));
  EXPECT_TRUE(all.below("y/").all("a").empty());
  EXPECT_EQ(mean(all.all("x/a")), 1);
  EXPECT_EQ(mean({}), 0);
}

TEST(Copies, StartFromTheSameStateAndLeaveItAlone) {
  int state = 5;
  std::vector<Experiment> experiments;
  for (int i = 0; i < 5; ++i)
    experiments.push_back({std::to_string(i), [&state, i] {
                             state += i;
                             Figures figures;
                             figures.add("state", state);
                             return figures;
                           }});
  const auto all = run_copies(experiments, 2);
  ASSERT_TRUE(all);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(all->one(std::to_string(i) + "/state"), 5 + i);
  EXPECT_EQ(state, 5);
}

TEST(Copies, OneThatFailsFailsAll) {
  const auto all = run_copies({{"good", [] { return Figures{}; }}, {"bad", []() -> Figures { _exit(3); }}}, 2);
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().code, ErrorCode::io);
}

}  // namespace
}  // namespace myelin::sim::papers
