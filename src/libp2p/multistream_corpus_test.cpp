// The fuzzer itself, under another name, so that what it once found stays found.
#define LLVMFuzzerTestOneInput multistream_fuzz_input
#include "libp2p/multistream_fuzz.cpp"
#undef LLVMFuzzerTestOneInput

#include "identity/corpus_replay.hpp"

#include <gtest/gtest.h>

TEST(MultistreamCorpus, Replays) {
  EXPECT_GE(
      myelin::identity::replay_corpus(MYELIN_SOURCE_DIR "/src/libp2p/corpus/multistream_fuzz", multistream_fuzz_input),
      7u);
}
