#include "io/simulated/link.hpp"

#include "base/limits.hpp"

#include <algorithm>

namespace myelin::io::simulated {

namespace {

constexpr std::size_t segment_bytes = 1460;
constexpr std::uint64_t pieces_per_s = 50;
constexpr std::uint64_t ns_per_s = 1'000'000'000;

}  // namespace

Instant Link::reserve(Instant now, std::size_t bytes) {
  const std::uint64_t bandwidth = model().bandwidth_bytes_s;
  if (bandwidth == 0) return now;
  const std::uint64_t took_ns = (static_cast<std::uint64_t>(bytes) * ns_per_s + bandwidth - 1) / bandwidth;
  busy_until = std::max(now, busy_until) + Duration(static_cast<std::int64_t>(took_ns));
  return busy_until;
}

std::size_t Link::piece_bytes() const {
  const std::uint64_t bandwidth = model().bandwidth_bytes_s;
  if (bandwidth == 0) return limits::chunk_bytes;
  const std::uint64_t piece = std::min<std::uint64_t>(bandwidth / pieces_per_s, limits::chunk_bytes);
  return std::max(static_cast<std::size_t>(piece), segment_bytes);
}

}  // namespace myelin::io::simulated
