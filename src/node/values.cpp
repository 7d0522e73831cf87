#include "node/values.hpp"

#include "base/units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

namespace myelin::node {
namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text.substr(0, 64)) + "'"; }

// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

Result<Duration> read_duration(std::string_view text) {
  if (const auto duration = parse_duration(text)) return *duration;
  return fail(ErrorCode::bad_request, quoted(text) + " is not a duration such as 250ms, 10s or 5m");
}

std::string write_duration(Duration value) { return value == Duration(0) ? "0" : duration_text(value); }

Result<std::uint64_t> read_size(std::string_view text) {
  if (const auto size = parse_size(text)) return *size;
  return fail(ErrorCode::bad_request, quoted(text) + " is not a size such as 512KiB, 64MiB or 4096");
}

std::string write_size(std::uint64_t bytes) { return bytes == 0 ? "0" : size_text(bytes); }

Result<std::uint64_t> read_count(std::string_view text, std::uint64_t max) {
  const auto number = parse_number(text);
  if (!number) return fail(ErrorCode::bad_request, quoted(text) + " is not a whole number");
  if (*number > max) return fail(ErrorCode::bad_request, quoted(text) + " is over " + std::to_string(max));
  return *number;
}

Result<double> read_rate(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end || !(value >= 0 && value <= 1e9)) {
    return fail(ErrorCode::bad_request, quoted(text) + " is not a number from 0 to 1000000000");
  }
  return value;
}

std::string write_rate(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  return std::string(text.data(), end.ptr);
}

Result<bool> read_flag(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return fail(ErrorCode::bad_request, quoted(text) + " is not true or false");
}

std::string nearest(std::string_view text, const std::vector<std::string>& candidates) {
  constexpr std::size_t max_text = 64;
  if (text.size() > max_text) return {};
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (const std::size_t d = distance(text, candidate); d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string suggestion(std::string_view text, const std::vector<std::string>& candidates) {
  const std::string near = nearest(text, candidates);
  return near.empty() ? std::string() : " (did you mean '" + near + "'?)";
}

}  // namespace myelin::node
