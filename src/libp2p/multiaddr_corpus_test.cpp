// The fuzzer itself, under another name, so that what it once found stays found.
#define LLVMFuzzerTestOneInput multiaddr_fuzz_input
#include "libp2p/multiaddr_fuzz.cpp"
#undef LLVMFuzzerTestOneInput

#include "identity/corpus_replay.hpp"

#include <gtest/gtest.h>

TEST(MultiaddrCorpus, Replays) {
  EXPECT_GE(
      myelin::identity::replay_corpus(MYELIN_SOURCE_DIR "/src/libp2p/corpus/multiaddr_fuzz", multiaddr_fuzz_input),
      12u);
}
