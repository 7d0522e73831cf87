// Replays the corpora of the fuzzers, so that what they found stays found.
#include "libp2p/identify_fuzzing.hpp"
#include "libp2p/yamux_fuzzing.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

namespace myelin::libp2p {
namespace {

std::size_t replay(const std::string& fuzzer, void (*body)(View)) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MYELIN_SOURCE_DIR "/src/libp2p/corpus/" + fuzzer)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    SCOPED_TRACE(entry.path().filename().string());
    body(as_view(text));
    ++count;
  }
  return count;
}

TEST(FuzzCorpus, Yamux) { EXPECT_GT(replay("yamux_fuzz", yamux::testing::fuzz), 10u); }
TEST(FuzzCorpus, Identify) { EXPECT_GT(replay("identify_fuzz", identify::testing::fuzz), 5u); }

}  // namespace
}  // namespace myelin::libp2p
