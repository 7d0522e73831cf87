// The simulated world's own randomness: xoshiro256** seeded through splitmix64 (Blackman and Vigna, "Scrambled linear
// pseudorandom number generators", 2018). The standard library's distributions differ between implementations, so the
// few that are needed are here too.
//
// Thread: one. Not for secrets.
#pragma once

#include "base/bytes.hpp"
#include "base/time.hpp"

#include <array>
#include <cstdint>

namespace myelin::io::simulated {

class Random {
 public:
  explicit Random(std::uint64_t seed);

  std::uint64_t next();
  // Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // True with probability `p`; draws nothing for p <= 0 and p >= 1.
  bool chance(double p);
  // Uniform in [0, most]; draws nothing for most <= 0.
  Duration up_to(Duration most);
  void fill(MutableView out);

 private:
  std::array<std::uint64_t, 4> state_;
};

// What a seed is for: each use has a sequence of its own, so that one more draw here changes nothing there.
enum class Purpose : std::uint64_t { schedule = 1, entropy = 2, devices = 3, connection = 4 };

std::uint64_t derive_seed(std::uint64_t seed, Purpose purpose, std::uint64_t index);

}  // namespace myelin::io::simulated
