// Replays a fuzzer's corpus in a unit test: each file goes through the fuzzer's own entry, whose checks abort.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace myelin::identity {

using FuzzTarget = int (*)(const std::uint8_t* data, std::size_t size);

// How many files of `folder` were replayed.
inline std::size_t replay_corpus(const std::filesystem::path& folder, FuzzTarget target) {
  std::size_t replayed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    target(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++replayed;
  }
  return replayed;
}

}  // namespace myelin::identity
