#include "io/simulated/random.hpp"

#include "base/check.hpp"

#include <bit>

namespace myelin::io::simulated {

namespace {

std::uint64_t splitmix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed) : state_{} {
  for (auto& word : state_) word = splitmix(seed);
}

std::uint64_t Random::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
  MYELIN_CHECK(bound > 0, "a number below zero was asked for");
  const std::uint64_t uneven = (0 - bound) % bound;  // 2^64 mod bound: so many values would favour the small ones
  while (true) {
    const std::uint64_t value = next();
    if (value >= uneven) return value % bound;
  }
}

bool Random::chance(double p) {
  if (p <= 0) return false;
  if (p >= 1) return true;
  return static_cast<double>(next() >> 11) * 0x1p-53 < p;
}

Duration Random::up_to(Duration most) {
  if (most <= Duration{}) return Duration{};
  return Duration(static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most.count()) + 1)));
}

void Random::fill(MutableView out) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 8 == 0) word = next();
    out[i] = static_cast<std::uint8_t>(word >> (8 * (i % 8)));
  }
}

std::uint64_t derive_seed(std::uint64_t seed, Purpose purpose, std::uint64_t index) {
  std::uint64_t state = seed;
  state = splitmix(state) ^ static_cast<std::uint64_t>(purpose);
  state = splitmix(state) ^ index;
  return splitmix(state);
}

}  // namespace myelin::io::simulated
