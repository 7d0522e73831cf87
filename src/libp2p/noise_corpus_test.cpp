// The fuzzer itself, under another name, so that what it once found stays found.
#define LLVMFuzzerTestOneInput noise_fuzz_input
#include "libp2p/noise_fuzz.cpp"
#undef LLVMFuzzerTestOneInput

#include "identity/corpus_replay.hpp"

#include <gtest/gtest.h>

TEST(NoiseCorpus, Replays) {
  EXPECT_GE(myelin::identity::replay_corpus(MYELIN_SOURCE_DIR "/src/libp2p/corpus/noise_fuzz", noise_fuzz_input), 10u);
}
