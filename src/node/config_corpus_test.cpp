// The fuzzer itself, under another name, so that what it once found stays found.
#define LLVMFuzzerTestOneInput config_fuzz_input
#include "node/config_fuzz.cpp"
#undef LLVMFuzzerTestOneInput

#include "identity/corpus_replay.hpp"

#include <gtest/gtest.h>

TEST(ConfigCorpus, Replays) {
  EXPECT_GE(myelin::identity::replay_corpus(MYELIN_SOURCE_DIR "/src/node/corpus/config_fuzz", config_fuzz_input), 4u);
}
