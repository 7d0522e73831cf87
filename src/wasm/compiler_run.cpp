#include "wasm/compiler_run.hpp"

#include "io/children.hpp"
#include "wasm/reader.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

namespace myelin::wasm {
namespace {

constexpr std::uint64_t first_run_cpu_max_s = 5;

std::string first_line(const Buffer& errors) {
  constexpr std::size_t max = 500;
  std::string_view text = as_text(errors.view());
  text = text.substr(0, std::min(text.find('\n'), max));
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return out;
}

}  // namespace

CompilerLimits CompilerLimits::of(const EngineConfig& config) {
  // A sanitizer's shadow memory alone is more than any limit.
  return {config.compiler_program, config.compile_wall_limit, hardware_traps ? config.compile_memory_bytes : 0};
}

Result<void> outcome_of(const io::ChildEnd& end) {
  if (end.timed_out) return fail(ErrorCode::timeout, "compiling the module took too long");
  const std::string text = first_line(end.errors);
  if (end.signal != 0) {
    if (text.find("memory allocation") != std::string::npos || text.find("bad_alloc") != std::string::npos) {
      return fail(ErrorCode::limit, "compiling the module takes more memory than is allowed");
    }
    return fail(ErrorCode::invalid_module, concat("the compiler was ended by signal ", end.signal, ": ", text));
  }
  switch (static_cast<CompileExit>(end.exit_code)) {
    case CompileExit::ok:
      return {};
    case CompileExit::refused:
      return fail(ErrorCode::invalid_module, text);
    case CompileExit::cannot_write:
    case CompileExit::other_build:
    case CompileExit::usage:
      return fail(ErrorCode::io, concat("compile helper: ", text));
  }
  return fail(ErrorCode::io, concat("the compile helper ended with ", end.exit_code, ": ", text));
}

io::Task<Result<void>> run_compiler(io::Loop* loop, CompilerLimits limits, CompileOptions options, Buffer module) {
  const Instant deadline = loop->now() + limits.wall;
  io::ChildSpec spec;
  spec.program = limits.program;
  spec.arguments = options.arguments();
  spec.input = module;
  spec.memory_limit_bytes = limits.memory_bytes;
  spec.wall_limit = limits.wall / 2;
  const auto quarter_s = std::chrono::duration_cast<std::chrono::seconds>(limits.wall / 4).count();
  spec.cpu_limit_s = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(quarter_s), 1, first_run_cpu_max_s);
  auto end = co_await loop->children().run(std::move(spec));
  if (!end) co_return fail(end.error());

  const Duration left = deadline - loop->now();
  if ((end->timed_out || end->signal != 0) && left > Duration::zero()) {
    options.fast = true;
    io::ChildSpec again;
    again.program = std::move(limits.program);
    again.arguments = options.arguments();
    again.input = std::move(module);
    again.memory_limit_bytes = limits.memory_bytes;
    again.wall_limit = left;
    again.cpu_limit_s = static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(left).count());
    end = co_await loop->children().run(std::move(again));
    if (!end) co_return fail(end.error());
  }
  co_return outcome_of(*end);
}

}  // namespace myelin::wasm
