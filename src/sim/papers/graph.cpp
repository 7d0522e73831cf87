#include "sim/papers/graph.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace myelin::sim::papers {

namespace {

constexpr std::uint32_t unseen = UINT32_MAX;

}  // namespace

void Graph::add(std::uint32_t a, std::uint32_t b) {
  MYELIN_CHECK(a != b && a < size() && b < size(), "an edge between two nodes of the graph");
  neighbors_[a].push_back(b);
  neighbors_[b].push_back(a);
}

void Graph::finish() {
  for (auto& each : neighbors_) {
    std::sort(each.begin(), each.end());
    each.erase(std::unique(each.begin(), each.end()), each.end());
  }
}

double Graph::average_degree() const {
  std::size_t sum = 0;
  for (const auto& each : neighbors_) sum += each.size();
  return size() == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(size());
}

std::vector<std::size_t> Graph::degrees() const {
  std::vector<std::size_t> count;
  for (const auto& each : neighbors_) {
    if (count.size() <= each.size()) count.resize(each.size() + 1);
    ++count[each.size()];
  }
  return count;
}

double Graph::clustering_coefficient() const {
  double sum = 0;
  for (const auto& around : neighbors_) {
    if (around.size() < 2) continue;
    std::size_t edges = 0;
    for (std::size_t i = 0; i < around.size(); ++i)
      for (std::size_t j = i + 1; j < around.size(); ++j)
        edges += std::binary_search(neighbors_[around[i]].begin(), neighbors_[around[i]].end(), around[j]);
    sum += static_cast<double>(edges) / (static_cast<double>(around.size() * (around.size() - 1)) / 2);
  }
  return size() == 0 ? 0 : sum / static_cast<double>(size());
}

Graph::Paths Graph::shortest_paths(std::uint32_t stride) const {
  Paths paths;
  std::uint64_t sum = 0, pairs = 0;
  std::vector<std::uint32_t> distance(size()), queue(size());
  for (std::uint32_t from = 0; from < size(); from += stride) {
    std::fill(distance.begin(), distance.end(), unseen);
    distance[from] = 0;
    queue[0] = from;
    std::size_t end = 1;
    for (std::size_t at = 0; at < end; ++at) {
      const std::uint32_t here = distance[queue[at]];
      sum += here;
      paths.diameter = std::max(paths.diameter, here);
      for (const std::uint32_t next : neighbors_[queue[at]]) {
        if (distance[next] != unseen) continue;
        distance[next] = here + 1;
        queue[end++] = next;
      }
    }
    pairs += end - 1;
    paths.unreachable += size() - end;
  }
  paths.average = pairs == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(pairs);
  return paths;
}

std::size_t Graph::largest_component() const {
  std::vector<bool> seen(size());
  std::vector<std::uint32_t> queue;
  std::size_t largest = 0;
  for (std::uint32_t from = 0; from < size(); ++from) {
    if (seen[from]) continue;
    seen[from] = true;
    queue.assign(1, from);
    for (std::size_t at = 0; at < queue.size(); ++at)
      for (const std::uint32_t next : neighbors_[queue[at]]) {
        if (seen[next]) continue;
        seen[next] = true;
        queue.push_back(next);
      }
    largest = std::max(largest, queue.size());
  }
  return largest;
}

}  // namespace myelin::sim::papers
