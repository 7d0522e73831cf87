// The fuzzers' corpora, replayed.
#include "identity/corpus_replay.hpp"

#include <gtest/gtest.h>

// One translation unit has one fuzz target: each becomes a function of its own name.
#define LLVMFuzzerTestOneInput session_machine_fuzz_target
#include "protocol/session_machine_fuzz.cpp"  // NOLINT(bugprone-suspicious-include)
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput wire_w0_fuzz_target
#include "protocol/wire_w0_fuzz.cpp"  // NOLINT(bugprone-suspicious-include)
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput wire_w3_fuzz_target
#include "protocol/wire_w3_fuzz.cpp"  // NOLINT(bugprone-suspicious-include)
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput protocol_config_fuzz_target
#include "protocol/protocol_config_fuzz.cpp"  // NOLINT(bugprone-suspicious-include)
#undef LLVMFuzzerTestOneInput

namespace {

using myelin::identity::replay_corpus;
const std::string corpus = MYELIN_SOURCE_DIR "/src/protocol/corpus/";

TEST(WireCorpus, IsReplayed) {
  EXPECT_GE(replay_corpus(corpus + "session_machine_fuzz", session_machine_fuzz_target), 10u);
  EXPECT_GE(replay_corpus(corpus + "wire_w0_fuzz", wire_w0_fuzz_target), 4u);
  EXPECT_GE(replay_corpus(corpus + "wire_w3_fuzz", wire_w3_fuzz_target), 4u);
  EXPECT_GE(replay_corpus(corpus + "protocol_config_fuzz", protocol_config_fuzz_target), 4u);
}

}  // namespace
