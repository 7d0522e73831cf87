// Runs the compile helper for one module, under its limits, and says in our errors how it ended.
//
// Twice if need be: the better register allocator first, with a quarter of the time; modules made to be slow for it get
// the rest of the time with the linear one. Thread: the loop's.
#pragma once

#include "base/error.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"
#include "wasm/compile.hpp"
#include "wasm/engine.hpp"

#include <cstdint>
#include <string>

namespace myelin::wasm {

struct CompilerLimits {
  std::string program;
  Duration wall{};  // both runs together
  std::uint64_t memory_bytes = 0;

  static CompilerLimits of(const EngineConfig& config);
};

// Errors: invalid_module with the compiler's reason, timeout, limit (memory), io (it could not run, or not write).
io::Task<Result<void>> run_compiler(io::Loop* loop, CompilerLimits limits, CompileOptions options, Buffer module);

// How the helper's end reads as an error; nothing if all is well.
Result<void> outcome_of(const io::ChildEnd& end);

}  // namespace myelin::wasm
