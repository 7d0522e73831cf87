// The fuzzer itself, under another name, so that what it once found stays found.
#define LLVMFuzzerTestOneInput call_session_fuzz_input
#include "glia/call_session_fuzz.cpp"
#undef LLVMFuzzerTestOneInput

#include "identity/corpus_replay.hpp"

#include <gtest/gtest.h>

TEST(GliaCorpus, call_session) {
  EXPECT_GE(
      myelin::identity::replay_corpus(MYELIN_SOURCE_DIR "/src/glia/corpus/call_session_fuzz", call_session_fuzz_input),
      4u);
}
