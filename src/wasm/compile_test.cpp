#include "wasm/compile.hpp"

#include "wasm/code_cache.hpp"
#include "wasm/compiler_run.hpp"
#include "wasm/engine_testing.hpp"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace myelin::wasm {
namespace {

using ::testing::HasSubstr;

CompileOptions some_options(std::string output) {
  return {.settings = {.preset = MemoryPreset::dense, .deterministic = true, .max_memory_pages = 77},
          .fast = true,
          .compatibility = 0xffff'ffff'ffff'fff0,
          .output = std::move(output)};
}

TEST(CompileOptions, SurviveTheCommandLine) {
  const auto back = CompileOptions::parse(some_options("/x y/z").arguments());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->settings.preset, MemoryPreset::dense);
  EXPECT_TRUE(back->settings.deterministic);
  EXPECT_EQ(back->settings.max_memory_pages, 77u);
  EXPECT_TRUE(back->fast);
  EXPECT_EQ(back->compatibility, 0xffff'ffff'ffff'fff0);
  EXPECT_EQ(back->output, "/x y/z");
}

TEST(CompileOptions, NonsenseIsRefused) {
  for (const std::vector<std::string>& bad :
       std::vector<std::vector<std::string>>{{},
                                             {"--output"},
                                             {"--output", ""},
                                             {"--preset", "large", "--output", "x"},
                                             {"--pages", "-1", "--output", "x"},
                                             {"--pages", "70000", "--output", "x"},
                                             {"--fast", "yes", "--output", "x"},
                                             {"--compatibility", "0x10", "--output", "x"},
                                             {"--what", "1", "--output", "x"}}) {
    const auto options = CompileOptions::parse(bad);
    ASSERT_FALSE(options);
    EXPECT_EQ(options.error().code, ErrorCode::bad_request);
  }
}

TEST(CompileChild, RefusesToCompileForAnotherBuild) {
  const testing::Folder folder;
  io::ChildSpec spec;
  spec.arguments = some_options(folder.path() + "/out.code").arguments();
  spec.input = testing::guest("engine_small");
  const io::ChildEnd end = compile_child(spec);
  EXPECT_EQ(end.exit_code, static_cast<int>(CompileExit::other_build));
  const auto outcome = outcome_of(end);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::io);
  EXPECT_THAT(outcome.error().message, HasSubstr("different builds"));
  EXPECT_EQ(read_code(folder.path() + "/out.code"), std::nullopt);
}

TEST(CompileChild, SaysWhatItDoesNotUnderstand) {
  io::ChildSpec spec;
  spec.arguments = {"--nonsense", "1"};
  const io::ChildEnd end = compile_child(spec);
  EXPECT_EQ(end.exit_code, static_cast<int>(CompileExit::usage));
  EXPECT_THAT(to_text(end.errors.view()), HasSubstr("--nonsense"));
}

TEST(CompileOutcome, EachEndIsItsError) {
  const auto code = [](const io::ChildEnd& end) { return outcome_of(end).error().code; };
  const auto end = [](int exit_code, int signal, bool timed_out, std::string_view errors) {
    return io::ChildEnd{timed_out, exit_code, signal, {}, Buffer::copy_of(errors)};
  };
  EXPECT_TRUE(outcome_of(end(0, 0, false, "")));
  EXPECT_EQ(code(end(-1, SIGKILL, true, "")), ErrorCode::timeout);
  EXPECT_EQ(code(end(-1, SIGXCPU, true, "")), ErrorCode::timeout);
  EXPECT_EQ(code(end(-1, SIGABRT, false, "memory allocation of 64 bytes failed")), ErrorCode::limit);
  EXPECT_EQ(code(end(-1, SIGSEGV, false, "")), ErrorCode::invalid_module);
  EXPECT_EQ(code(end(127, 0, false, "not found")), ErrorCode::io);
  const auto refused = outcome_of(end(10, 0, false, "type mismatch\nand more\x01"));
  EXPECT_EQ(refused.error(), (Error{ErrorCode::invalid_module, "type mismatch"}));
}

}  // namespace
}  // namespace myelin::wasm
