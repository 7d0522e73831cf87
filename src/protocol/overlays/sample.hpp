// Random choice from small vectors, by a `draw(bound)` that gives a uniform number in [0, bound): deterministic where
// the draw is.
#pragma once

#include "myelin/protocol/host.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace myelin::protocol {

inline bool contains(const std::vector<Host>& hosts, const Host& host) {
  return std::find(hosts.begin(), hosts.end(), host) != hosts.end();
}

// Removes without keeping the order. False if it was not there.
inline bool remove_unordered(std::vector<Host>& hosts, const Host& host) {
  const auto found = std::find(hosts.begin(), hosts.end(), host);
  if (found == hosts.end()) return false;
  if (found != hosts.end() - 1) *found = std::move(hosts.back());
  hosts.pop_back();
  return true;
}

// One that `admit` lets through, or null: reservoir sampling, one pass.
template <typename T, typename Random, typename Admit>
const T* choose(const std::vector<T>& from, Random&& draw, Admit&& admit) {
  const T* chosen = nullptr;
  std::uint64_t seen = 0;
  for (const T& candidate : from) {
    if (!admit(candidate)) continue;
    if (++seen == 1 || draw(seen) == 0) chosen = &candidate;
  }
  return chosen;
}

// Keeps `count` of the elements, chosen uniformly and in random order.
template <typename T, typename Random>
void keep_random(std::vector<T>& values, std::size_t count, Random&& draw) {
  count = std::min(count, values.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto other = i + static_cast<std::size_t>(draw(values.size() - i));
    if (other != i) std::swap(values[i], values[other]);
  }
  values.resize(count);
}

// `count` of the elements, chosen uniformly and in random order; the draws are keep_random's.
template <typename T, typename Random>
std::vector<T> sample(const std::vector<T>& from, std::size_t count, Random&& draw) {
  std::vector<std::uint32_t> places(from.size());
  std::iota(places.begin(), places.end(), 0u);
  keep_random(places, count, draw);
  std::vector<T> chosen;
  chosen.reserve(places.size());
  for (const std::uint32_t place : places) chosen.push_back(from[place]);
  return chosen;
}

}  // namespace myelin::protocol
