// yaml: a document as a tree of ours, bounded in size, depth and number of values.
//
// Invariants: nodes are text, list or map; a map's keys are unique. Thread: values.
#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::sim::yaml {

struct Node {
  enum class Kind : std::uint8_t { text, list, map } kind = Kind::text;
  std::size_t line = 1, column = 1;
  std::string text;                                         // empty for a null
  std::vector<Node> items;                                  // of a list; of a map: the values
  std::vector<std::string> keys;                            // of a map
  std::vector<std::pair<std::size_t, std::size_t>> places;  // of the keys: line, column
};

// "origin:3:5: what".
std::unexpected<Error> error_at(std::string_view origin, std::size_t line, std::size_t column, const std::string& what);

// Errors: bad_request.
Result<Node> load(std::string_view text, std::string_view origin);

}  // namespace myelin::sim::yaml
