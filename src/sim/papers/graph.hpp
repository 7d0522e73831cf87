// Graph: an undirected graph of nodes 0 to n-1, and the figures that overlays are judged by.
//
// Thread: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace myelin::sim::papers {

class Graph {
 public:
  explicit Graph(std::size_t nodes) : neighbors_(nodes) {}

  // An edge, once however often it is added. REQUIRES: a != b, both below size(). Before the first question.
  void add(std::uint32_t a, std::uint32_t b);
  // Ends the adding.
  void finish();

  std::size_t size() const { return neighbors_.size(); }
  const std::vector<std::uint32_t>& neighbors(std::uint32_t node) const { return neighbors_[node]; }
  double average_degree() const;
  // How many nodes have each degree.
  std::vector<std::size_t> degrees() const;

  // Of a node: the edges between its neighbours, of all that could be; the mean over all nodes, 0 where there are fewer
  // than two neighbours. D. Watts, S. Strogatz: "Collective dynamics of 'small-world' networks", 1998.
  double clustering_coefficient() const;
  struct Paths {
    double average = 0;           // over all pairs that have a path
    std::uint32_t diameter = 0;   // the longest of the shortest
    std::size_t unreachable = 0;  // ordered pairs without a path
  };
  // From every `stride`-th node to all others, by breadth-first search. 1: exact.
  Paths shortest_paths(std::uint32_t stride = 1) const;
  // Nodes in the largest component.
  std::size_t largest_component() const;

 private:
  std::vector<std::vector<std::uint32_t>> neighbors_;  // sorted
};

}  // namespace myelin::sim::papers
