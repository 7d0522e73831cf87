// The compile helper's side: its command line, and what its exit codes mean.
//
// A module is compiled in a program of its own, under limits on processor time and memory, because compilers can be
// made to take minutes or gigabytes by a few kilobytes of input. The helper reads the module from stdin and writes a
// code file (code_cache.hpp). Thread: any; compile() blocks.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "wasm/engine_config.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace myelin::wasm {

struct CompileOptions {
  CodeSettings settings;
  bool fast = false;                // the register allocator in linear time
  std::uint64_t compatibility = 0;  // of the engine that will load the code
  std::string output;

  std::vector<std::string> arguments() const;
  // Errors: bad_request.
  static Result<CompileOptions> parse(const std::vector<std::string>& arguments);
};

enum class CompileExit : int {
  ok = 0,
  refused = 10,       // stderr says why the module is not valid
  cannot_write = 11,  // stderr names the file
  other_build = 12,   // this helper's code would not load in the engine that asks
  usage = 13,
};

// Errors: invalid_module, io, unsupported (another build).
Result<void> compile(const CompileOptions& options, View module);

}  // namespace myelin::wasm
