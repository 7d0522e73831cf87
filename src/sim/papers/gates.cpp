#include "sim/papers/report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace myelin::sim::papers {

namespace {

std::string number(double value, const char* format = "%.5g") {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

Gate within(std::string name, double value, double low, double high) {
  return {std::move(name), number(low) + " to " + number(high), number(value), value >= low && value <= high};
}
Gate at_least(std::string name, double value, double least) {
  return {std::move(name), "at least " + number(least), number(value), value >= least};
}

// A link that the membership makes is eager at both ends (Plumtree, NEIGHBORUP), and closes one circle in the tree: the
// next broadcast goes around it both ways, meets itself in one place, and costs two payloads more at most, whose PRUNEs
// open the circle. What is beyond that, over all broadcasts from the third on.
double unexplained(const std::vector<double>& payload, const std::vector<double>& links, double needed) {
  double sum = 0;
  for (std::size_t i = 2; i < payload.size(); ++i) {
    const double made = i < links.size() ? links[i] : 0;
    sum += std::max(0.0, payload[i] - needed - 2 * made);
  }
  return sum;
}

}  // namespace

Results results_of(const Figures& figures) {
  Results results{.hyparview = figures.below("hyparview/"),
                  .cyclon = figures.below("cyclon/"),
                  .plumtree = figures.below("plumtree/"),
                  .optimised3 = figures.below("optimised3/"),
                  .optimised7 = figures.below("optimised7/")};
  results.setting.nodes = static_cast<std::size_t>(figures.one("nodes"));
  results.setting.seed = static_cast<std::uint64_t>(figures.one("seed"));
  return results;
}

std::vector<Gate> gates(const Results& results) {
  const Figures& hyparview = results.hyparview;
  std::vector<Gate> all{
      within("HyParView: clustering coefficient", hyparview.one("clustering"), 0, 0.002),
      within("HyParView: average shortest path", hyparview.one("path"), 6.33, 6.43),
      within("HyParView: mean of the maximum hops to delivery", mean(hyparview.all("hops")), 8, 9),
  };
  for (const int percent : hyparview_failures()) {
    const std::string fail = "fail" + std::to_string(percent) + "/";
    const std::string after = " after " + std::to_string(percent) + " % failed";
    const double reliability = mean(hyparview.all(fail + "reliability"));
    if (percent <= 80) all.push_back(at_least("HyParView: reliability" + after, reliability, 0.999));
    if (percent == 95) all.push_back(at_least("HyParView: reliability" + after, reliability, 0.9));
    if (percent < 80) all.push_back(within("HyParView: cycles to heal" + after, hyparview.one(fail + "healing"), 0, 2));
  }
  for (const std::string sender : {"ss", "ms"}) {
    const auto& payload = results.plumtree.all(sender + "/payload");
    const auto& control = results.plumtree.all(sender + "/control");
    const auto& rmr = results.plumtree.all(sender + "/rmr");
    const std::string who = sender == "ss" ? "Plumtree, one sender: " : "Plumtree, many senders: ";
    all.push_back(within(who + "payload messages, cycle 100", payload.back(), 9999, 9999));
    all.push_back(within(who + "control messages, cycle 100", control.back(), 29900, 29999));
    const double worst = *std::max_element(rmr.begin() + 2, rmr.end());
    all.push_back(within(who + "RMR from the third broadcast on", worst, 0, 0));
    const double rest = unexplained(payload, results.plumtree.all(sender + "/links"), 9999);
    all.push_back(within(who + "payloads too many that no new link explains", rest, 0, 0));
  }
  return all;
}

}  // namespace myelin::sim::papers
