#include "sim/papers/report.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string_view>

namespace myelin::sim::papers {
namespace {

// Figures of which every gate holds.
Results good() {
  Figures all;
  all.add("nodes", 10'000);
  all.add("seed", 1);
  all.add("hyparview/clustering", 0.001);
  all.add("hyparview/path", 6.38);
  all.add("hyparview/hops", 8.5);
  for (const int percent : hyparview_failures()) {
    const std::string fail = "hyparview/fail" + std::to_string(percent) + "/";
    all.add(fail + "reliability", 1);
    all.add(fail + "healing", 0);
  }
  for (const std::string sender : {"plumtree/ss/", "plumtree/ms/"})
    for (int i = 0; i < 6; ++i) {
      all.add(sender + "payload", i == 0 ? 39'984 : 9'999);
      all.add(sender + "control", 29'990);
      all.add(sender + "rmr", i == 0 ? 3 : 0);
      all.add(sender + "links", 0);
    }
  return results_of(all);
}

// The same, with one broadcast of many senders after a cycle that made so many links.
Results with(double payload, double links) {
  Results results = good();
  Figures changed;
  for (const char* name : {"ss/payload", "ss/control", "ss/rmr", "ss/links", "ms/control", "ms/rmr"})
    for (const double value : results.plumtree.all(name)) changed.add(name, value);
  for (int i = 0; i < 6; ++i) {
    changed.add("ms/payload", i == 3 ? payload : 9'999);
    changed.add("ms/links", i == 3 ? links : 0);
  }
  results.plumtree = changed;
  return results;
}

bool holds(const Results& results, std::string_view name) {
  const auto all = gates(results);
  const auto found = std::ranges::find(all, name, &Gate::name);
  return found != all.end() && found->holds;
}

TEST(Gates, HoldForWhatThePapersSay) {
  for (const Gate& each : gates(good())) EXPECT_TRUE(each.holds) << each.name << ": " << each.ours;
}

TEST(Gates, EachPayloadTooManyNeedsANewLink) {
  constexpr std::string_view gate = "Plumtree, many senders: payloads too many that no new link explains";
  EXPECT_TRUE(holds(with(10'001, 1), gate));
  EXPECT_TRUE(holds(with(10'003, 2), gate));
  EXPECT_FALSE(holds(with(10'000, 0), gate));
  EXPECT_FALSE(holds(with(10'002, 1), gate));
}

}  // namespace
}  // namespace myelin::sim::papers
