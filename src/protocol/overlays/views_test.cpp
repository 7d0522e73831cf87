// The pure parts: sampling, the views of HyParView and Cyclon.
#include "protocol/overlays/cyclon_view.hpp"
#include "protocol/overlays/passive_view.hpp"
#include "protocol/overlays/sample.hpp"
#include "protocol/overlays/scripted_context_test.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <random>

namespace myelin::protocol {
namespace {

class Draws {
 public:
  std::uint64_t operator()(std::uint64_t bound) { return random_() % bound; }

 private:
  std::mt19937_64 random_{7};
};

TEST(Sample, ChoosesEachAdmittedOneEquallyOften) {
  Draws draw;
  const std::vector<Host> from = hosts(1, 5);
  std::map<Host, int> times;
  for (int i = 0; i < 4000; ++i) {
    const Host* chosen = choose(from, draw, [](const Host& each) { return each.port != 2; });
    ASSERT_NE(chosen, nullptr);
    ++times[*chosen];
  }
  EXPECT_EQ(times.count(host(2)), 0u);
  ASSERT_EQ(times.size(), 4u);
  for (const auto& [each, count] : times) EXPECT_NEAR(count, 1000, 120) << each.port;
  EXPECT_EQ(choose(from, draw, [](const Host&) { return false; }), nullptr);
}

TEST(Sample, KeepsSoManyDistinctOnes) {
  Draws draw;
  std::vector<Host> kept = hosts(1, 10);
  keep_random(kept, 4, draw);
  ASSERT_EQ(kept.size(), 4u);
  std::sort(kept.begin(), kept.end());
  EXPECT_EQ(std::unique(kept.begin(), kept.end()), kept.end());
  keep_random(kept, 9, draw);
  EXPECT_EQ(kept.size(), 4u) << "no more than there are";
  keep_random(kept, 0, draw);
  EXPECT_TRUE(kept.empty());
}

TEST(Sample, RemovesTheLastAndAnyOther) {
  std::vector<Host> from = hosts(1, 3);
  EXPECT_TRUE(remove_unordered(from, host(3)));
  EXPECT_TRUE(remove_unordered(from, host(1)));
  EXPECT_FALSE(remove_unordered(from, host(1)));
  EXPECT_EQ(from, hosts(2, 1));
}

TEST(PassiveView, IsABoundedSet) {
  Draws draw;
  PassiveView view(3);
  for (const Host& each : hosts(1, 10)) view.add(each, draw);
  view.add(view.hosts().front(), draw);
  EXPECT_EQ(view.size(), 3u);
  EXPECT_TRUE(view.contains(host(10))) << "the newest takes the place of another";
  EXPECT_TRUE(view.remove(host(10)));
  EXPECT_FALSE(view.remove(host(10)));
  EXPECT_EQ(view.size(), 2u);
  PassiveView nothing(0);
  nothing.add(host(1), draw);
  EXPECT_EQ(nothing.size(), 0u);
}

TEST(PassiveView, ReceivedNodesTakeThePlacesOfSentOnes) {
  Draws draw;
  PassiveView view(4);
  for (const Host& each : hosts(1, 4)) view.add(each, draw);
  std::vector<Host> sent{host(2), host(3)};
  view.exchange(host(1), sent, draw);
  EXPECT_EQ(sent.size(), 2u) << "what is there uses nothing up";
  view.exchange(host(11), sent, draw);
  view.exchange(host(12), sent, draw);
  EXPECT_TRUE(sent.empty());
  for (const Host& stays : {host(1), host(4), host(11), host(12)}) EXPECT_TRUE(view.contains(stays)) << stays.port;
  view.exchange(host(13), sent, draw);
  EXPECT_EQ(view.size(), 4u);
  EXPECT_TRUE(view.contains(host(13))) << "then in place of a random one";
}

TEST(PassiveView, EachIsTriedOnceInARound) {
  Draws draw;
  PassiveView view(5);
  for (const Host& each : hosts(1, 5)) view.add(each, draw);
  std::vector<Host> tried;
  while (const Host* next = view.try_next(draw)) tried.push_back(*next);
  std::sort(tried.begin(), tried.end());
  EXPECT_EQ(tried, hosts(1, 5));
  view.remove(host(1));
  view.add(host(9), draw);
  const Host* fresh = view.try_next(draw);
  ASSERT_NE(fresh, nullptr) << "a new one was not tried";
  EXPECT_EQ(*fresh, host(9));
  view.forget_tries();
  EXPECT_NE(view.try_next(draw), nullptr);
}

TEST(CyclonView, TakesTheOldest) {
  CyclonView view(4);
  view.set_self(host(100));
  EXPECT_FALSE(view.take_oldest());
  EXPECT_TRUE(view.add({host(1), 3}));
  EXPECT_TRUE(view.add({host(2), 7}));
  EXPECT_TRUE(view.add({host(3), 7}));
  EXPECT_FALSE(view.add({host(3), 0})) << "no host twice";
  EXPECT_FALSE(view.add({host(100), 0})) << "never oneself";
  view.grow_older();
  EXPECT_EQ(view.entries()[0].age, 4u);
  EXPECT_EQ(view.take_oldest(), host(2));
  EXPECT_EQ(view.take_oldest(), host(3));
  EXPECT_EQ(view.take_oldest(), host(1));
}

TEST(CyclonView, MergesIntoFreePlacesAndThenForWhatWasSent) {
  CyclonView view(4);
  view.set_self(host(100));
  for (const Host& each : hosts(1, 3)) view.add({each, 1});
  view.merge({{host(100), 0}, {host(2), 0}, {host(11), 0}, {host(12), 0}, {host(13), 0}}, {{host(1), 1}});
  std::vector<Host> now;
  for (const CyclonEntry& each : view.entries()) now.push_back(each.host);
  EXPECT_EQ(now, (std::vector<Host>{host(2), host(3), host(11), host(12)})) << "13 found no place";
  EXPECT_EQ(view.entries()[0].age, 1u) << "what is there keeps its age";
}

TEST(CyclonView, AJoinerTakesARandomPlace) {
  Draws draw;
  CyclonView view(3);
  view.set_self(host(100));
  EXPECT_FALSE(view.replace_random({host(9), 0}, draw)) << "nothing to replace";
  for (const Host& each : hosts(1, 3)) view.add({each, 1});
  const auto replaced = view.replace_random({host(9), 0}, draw);
  ASSERT_TRUE(replaced);
  EXPECT_FALSE(view.contains(replaced->host));
  EXPECT_TRUE(view.contains(host(9)));
  EXPECT_FALSE(view.replace_random({host(9), 0}, draw)) << "it is there";
  EXPECT_EQ(view.size(), 3u);
}

}  // namespace
}  // namespace myelin::protocol
