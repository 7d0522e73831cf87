// The fuzzer itself, under another name, so that what it once found stays found.
#define LLVMFuzzerTestOneInput frame_fuzz_input
#include "glia/frame_fuzz.cpp"
#undef LLVMFuzzerTestOneInput

#include "identity/corpus_replay.hpp"

#include <gtest/gtest.h>

TEST(GliaCorpus, frame) {
  EXPECT_GE(myelin::identity::replay_corpus(MYELIN_SOURCE_DIR "/src/glia/corpus/frame_fuzz", frame_fuzz_input), 4u);
}
