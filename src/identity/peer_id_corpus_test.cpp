// The fuzzer itself, under another name, so that what it once found stays found.
#define LLVMFuzzerTestOneInput peer_id_fuzz_input
#include "identity/peer_id_fuzz.cpp"
#undef LLVMFuzzerTestOneInput

#include "identity/corpus_replay.hpp"

#include <gtest/gtest.h>

TEST(PeerIdCorpus, Replays) {
  EXPECT_GE(myelin::identity::replay_corpus(MYELIN_SOURCE_DIR "/src/identity/corpus/peer_id_fuzz", peer_id_fuzz_input),
            7u);
}
