#include "io/simulated/trace.hpp"

namespace myelin::io::simulated {

void Trace::add(std::string_view line) {
  constexpr std::uint64_t prime = 0x100000001b3U;
  for (const char c : line) hash_ = (hash_ ^ static_cast<std::uint8_t>(c)) * prime;
  hash_ = (hash_ ^ std::uint8_t{'\n'}) * prime;
  if (keep_) lines_.emplace_back(line);
}

}  // namespace myelin::io::simulated
