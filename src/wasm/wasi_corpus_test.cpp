// The fuzzer's corpus, replayed: each input reached something that the others did not.
#include "wasm/wasi_fuzz_case.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

namespace myelin::wasm::wasi::testing {
namespace {

TEST(WasiCorpus, EveryInputKeepsTheRules) {
  int inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MYELIN_SOURCE_DIR "/src/wasm/corpus/wasi_fuzz")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
    fuzz::play(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++inputs;
  }
  EXPECT_GE(inputs, 20);
}

}  // namespace
}  // namespace myelin::wasm::wasi::testing
