// Sizes and durations as people write them in configuration, flags and requests: "64MiB", "1k" is refused, "250ms",
// "10s".
//
// Sizes: a whole number with B, KiB, MiB, GiB, or none (bytes). Durations: a whole number with ns, us, ms, s, m, h;
// only 0 may stand without a unit. Thread: any.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace myelin {

// A decimal number, nothing around it; nothing if it is none or does not fit.
std::optional<std::uint64_t> parse_number(std::string_view text);
std::optional<std::uint64_t> parse_size(std::string_view text);
// At most 10 years.
std::optional<Duration> parse_duration(std::string_view text);
// The shortest exact form: "64MiB", "1500B"; "1500ms", "10s".
std::string size_text(std::uint64_t bytes);
std::string duration_text(Duration duration);

}  // namespace myelin
