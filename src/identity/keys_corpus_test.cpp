// The fuzzer itself, under another name, so that what it once found stays found.
#define LLVMFuzzerTestOneInput keys_fuzz_input
#include "identity/keys_fuzz.cpp"
#undef LLVMFuzzerTestOneInput

#include "identity/corpus_replay.hpp"

#include <gtest/gtest.h>

TEST(KeysCorpus, Replays) {
  EXPECT_GE(myelin::identity::replay_corpus(MYELIN_SOURCE_DIR "/src/identity/corpus/keys_fuzz", keys_fuzz_input), 8u);
}
