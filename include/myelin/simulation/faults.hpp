// Faults: what goes wrong in a run, and when.
//
//   scenario.faults = {Fault::crash(at, Pick::fraction(0.3)), Fault::partition(at, Pick::range(0, 5), Pick::rest())};
//
// Thread: values.
#pragma once

#include "myelin/simulation/options.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace myelin::simulation {

// Which nodes a fault or a broadcast means. Random picks are drawn from the seed among the nodes that run at that time
// (for restart: among those that do not), without repetition.
struct Pick {
  enum class Kind : std::uint8_t { all, nodes, range, random, fraction, rest } kind = Kind::all;
  std::vector<NodeIndex> indices;
  NodeIndex first = 0;
  std::size_t count = 0;
  double share = 0;

  static Pick all() { return {}; }
  static Pick node(NodeIndex index) { return {Kind::nodes, {index}, 0, 0, 0}; }
  static Pick nodes(std::vector<NodeIndex> indices) { return {Kind::nodes, std::move(indices), 0, 0, 0}; }
  static Pick range(NodeIndex first, std::size_t count) { return {Kind::range, {}, first, count, 0}; }
  static Pick random(std::size_t count) { return {Kind::random, {}, 0, count, 0}; }
  static Pick fraction(double share) { return {Kind::fraction, {}, 0, 0, share}; }  // rounded to the nearest
  // As the second of two picks: all that the first does not name.
  static Pick rest() { return {Kind::rest, {}, 0, 0, 0}; }
};

struct Fault {
  enum class Kind : std::uint8_t {
    crash,      // `nodes` end at once; their connections are reset, which peers hear one latency later
    restart,    // `nodes` begin anew, with fresh protocols
    partition,  // nothing passes from `nodes` to `others`; nobody is told
    heal,       // undoes partitions from `nodes` to `others`
    noise,      // sets the noise of all links, or of those from `nodes` to `others`
    latency,    // sets the latency of all links
    slow,       // messages and timers of `nodes` take `factor` times as long; 1 ends it
    reset,      // the sessions between `nodes` and `others` break, and both sides are told
    churn,      // for `duration`: every `interval` one random node crashes, and one that is down restarts
  };
  Kind kind = Kind::crash;
  Duration at{};  // since the start of the scenario
  Pick nodes = {};
  Pick others = Pick::rest();
  bool both_ways = true;  // partition, heal, noise
  double factor = 1;
  Noise noise{};
  Latency link{};
  Duration duration{};  // churn; of partition, noise, slow: undone after it, 0 is never
  Duration interval{};  // churn

  static Fault crash(Duration at, Pick nodes) { return {.kind = Kind::crash, .at = at, .nodes = std::move(nodes)}; }
  static Fault restart(Duration at, Pick nodes) { return {.kind = Kind::restart, .at = at, .nodes = std::move(nodes)}; }
  // Asymmetric with both_ways = false: `others` still reach `nodes`.
  static Fault partition(Duration at, Pick nodes, Pick others = Pick::rest(), Duration duration = {},
                         bool both_ways = true) {
    return {.kind = Kind::partition,
            .at = at,
            .nodes = std::move(nodes),
            .others = std::move(others),
            .both_ways = both_ways,
            .duration = duration};
  }
  static Fault heal(Duration at, Pick nodes = Pick::all(), Pick others = Pick::all()) {
    return {.kind = Kind::heal, .at = at, .nodes = std::move(nodes), .others = std::move(others)};
  }
  static Fault disturb(Duration at, Noise noise, Duration duration = {}) {
    return {.kind = Kind::noise,
            .at = at,
            .nodes = Pick::all(),
            .others = Pick::all(),
            .noise = noise,
            .duration = duration};
  }
  static Fault slow(Duration at, Pick nodes, double factor, Duration duration = {}) {
    return {.kind = Kind::slow, .at = at, .nodes = std::move(nodes), .factor = factor, .duration = duration};
  }
  static Fault reset(Duration at, Pick nodes, Pick others = Pick::all()) {
    return {.kind = Kind::reset, .at = at, .nodes = std::move(nodes), .others = std::move(others)};
  }
  static Fault churn(Duration at, Duration interval, Duration duration) {
    return {.kind = Kind::churn, .at = at, .duration = duration, .interval = interval};
  }

  // "crash 3 nodes at 20s", for people.
  MYELIN_API std::string to_string() const;
};

}  // namespace myelin::simulation
