// Case: which run of a scenario, as text and back.
#include "base/units.hpp"
#include "myelin/simulation/scenario.hpp"

#include <algorithm>
#include <string>

namespace myelin::simulation {
namespace {

std::string join(const std::vector<std::size_t>& numbers) {
  std::string text;
  for (const std::size_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

std::string_view take_until(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

std::optional<std::vector<std::size_t>> numbers(std::string_view text) {
  std::vector<std::size_t> list;
  while (!text.empty()) {
    const auto number = parse_number(take_until(text, ','));
    if (!number || (!list.empty() && *number <= list.back())) return std::nullopt;
    list.push_back(static_cast<std::size_t>(*number));
  }
  return list;
}

}  // namespace

std::string Case::to_string() const {
  std::string text = std::to_string(seed);
  if (nodes) text += "/nodes=" + std::to_string(*nodes);
  if (faults) text += "/faults=" + join(*faults);
  if (actions) text += "/actions=" + join(*actions);
  if (steps) text += "/steps=" + std::to_string(*steps);
  return text;
}

Result<Case> Case::parse(std::string_view text) {
  const std::string whole(text.substr(0, 200));
  const auto bad = [&whole] {
    return myelin::fail(ErrorCode::bad_request,
                        "'" + whole + "' is no case such as 17 or 17/nodes=4/faults=0,2/actions=1/steps=913");
  };
  Case parsed;
  const auto seed = parse_number(take_until(text, '/'));
  if (!seed) return bad();
  parsed.seed = *seed;
  while (!text.empty()) {
    std::string_view value = take_until(text, '/');
    const std::string_view key = take_until(value, '=');
    if (key == "faults" || key == "actions") {
      auto list = numbers(value);
      if (!list) return bad();
      (key == "faults" ? parsed.faults : parsed.actions) = std::move(*list);
      continue;
    }
    const auto number = parse_number(value);
    if (!number) return bad();
    if (key == "nodes") {
      parsed.nodes = static_cast<std::size_t>(*number);
    } else if (key == "steps") {
      parsed.steps = *number;
    } else {
      return bad();
    }
  }
  return parsed;
}

}  // namespace myelin::simulation
