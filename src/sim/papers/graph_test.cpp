#include "sim/papers/graph.hpp"

#include <gtest/gtest.h>

namespace myelin::sim::papers {
namespace {

Graph ring(std::uint32_t nodes) {
  Graph graph(nodes);
  for (std::uint32_t i = 0; i < nodes; ++i) graph.add(i, (i + 1) % nodes);
  graph.finish();
  return graph;
}

TEST(Graph, OfARing) {
  const Graph graph = ring(6);
  EXPECT_EQ(graph.clustering_coefficient(), 0);
  const auto paths = graph.shortest_paths();
  EXPECT_DOUBLE_EQ(paths.average, (1 + 1 + 2 + 2 + 3) / 5.0);
  EXPECT_EQ(paths.diameter, 3u);
  EXPECT_EQ(paths.unreachable, 0u);
  EXPECT_EQ(graph.largest_component(), 6u);
  EXPECT_DOUBLE_EQ(graph.average_degree(), 2);
  EXPECT_EQ(graph.degrees(), (std::vector<std::size_t>{0, 0, 6}));
}

TEST(Graph, OfACliqueWithATail) {
  Graph graph(5);
  for (std::uint32_t a = 0; a < 4; ++a)
    for (std::uint32_t b = a + 1; b < 4; ++b) graph.add(a, b);
  graph.add(3, 4);
  graph.add(4, 3);
  graph.finish();
  // Three nodes of the clique: 1; node 3: three edges of six; node 4 has one neighbour.
  EXPECT_DOUBLE_EQ(graph.clustering_coefficient(), (3 + 0.5) / 5);
  EXPECT_EQ(graph.neighbors(4).size(), 1u) << "an edge counts once";
  EXPECT_DOUBLE_EQ(graph.shortest_paths().average, (6 * 2 * 1 + 2 * 1 + 3 * 2 * 2) / 20.0);
}

TEST(Graph, InPieces) {
  Graph graph(5);
  graph.add(0, 1);
  graph.add(2, 3);
  graph.add(3, 4);
  graph.finish();
  EXPECT_EQ(graph.largest_component(), 3u);
  EXPECT_EQ(graph.shortest_paths().unreachable, 2u * 3 + 3 * 2);
  EXPECT_EQ(graph.shortest_paths().diameter, 2u);
}

TEST(Graph, SampledPathsAreTheSameWhereAllNodesAreAlike) {
  const Graph graph = ring(101);
  EXPECT_DOUBLE_EQ(graph.shortest_paths(7).average, graph.shortest_paths().average);
}

TEST(Graph, OfNothing) {
  Graph graph(0);
  graph.finish();
  EXPECT_EQ(graph.clustering_coefficient(), 0);
  EXPECT_EQ(graph.shortest_paths().average, 0);
  EXPECT_EQ(graph.largest_component(), 0u);
}

}  // namespace
}  // namespace myelin::sim::papers
