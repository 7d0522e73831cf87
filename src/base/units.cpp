#include "base/units.hpp"

#include <array>
#include <charconv>
#include <limits>

namespace myelin {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 4> sizes{{{"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1}}};
// "250ms" ends with "s" too: the longer names stand before it.
constexpr std::array<Unit, 6> durations{{{"h", 3'600'000'000'000ull},
                                         {"m", 60'000'000'000ull},
                                         {"ns", 1},
                                         {"us", 1'000},
                                         {"ms", 1'000'000},
                                         {"s", 1'000'000'000}}};
constexpr std::uint64_t max_duration_ns = 10ull * 365 * 24 * 3'600'000'000'000ull;

std::optional<std::uint64_t> scaled(std::string_view number, std::uint64_t factor) {
  const std::optional<std::uint64_t> value = parse_number(number);
  if (!value || *value > std::numeric_limits<std::uint64_t>::max() / factor) return std::nullopt;
  return *value * factor;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  for (const Unit& unit : sizes) {
    if (text.ends_with(unit.name)) return scaled(text.substr(0, text.size() - unit.name.size()), unit.factor);
  }
  return parse_number(text);
}

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  for (const Unit& unit : durations) {
    if (!text.ends_with(unit.name)) continue;
    const std::optional<std::uint64_t> ns = scaled(text.substr(0, text.size() - unit.name.size()), unit.factor);
    if (!ns || *ns > max_duration_ns) return std::nullopt;
    return Duration(static_cast<std::int64_t>(*ns));
  }
  return std::nullopt;
}

std::string size_text(std::uint64_t bytes) {
  for (const Unit& unit : sizes) {
    if (bytes > 0 && bytes % unit.factor == 0) return std::to_string(bytes / unit.factor).append(unit.name);
  }
  return "0B";
}

std::string duration_text(Duration duration) {
  const auto ns = static_cast<std::uint64_t>(duration.count());
  for (const Unit& unit : {durations[0], durations[1], durations[5], durations[4], durations[3]}) {
    if (ns > 0 && ns % unit.factor == 0) return std::to_string(ns / unit.factor).append(unit.name);
  }
  return std::to_string(ns).append("ns");
}

}  // namespace myelin
