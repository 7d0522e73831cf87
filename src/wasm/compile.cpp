#include "wasm/compile.hpp"

#include "wasm/code_cache.hpp"
#include "wasm/engine.hpp"
#include "wasm/reader.hpp"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <sys/resource.h>
#include <unistd.h>
#include <wasmtime.h>

namespace myelin::wasm {
namespace {

template <typename T>
bool parse_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

Result<Bytes> read_input() {
  Bytes input;
  std::array<std::uint8_t, 65'536> chunk;
  while (true) {
    const ssize_t n = read(STDIN_FILENO, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(ErrorCode::io, "cannot read the module from stdin");
    if (n == 0) return input;
    input.insert(input.end(), chunk.begin(), chunk.begin() + n);
  }
}

CompileExit exit_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_module:
      return CompileExit::refused;
    case ErrorCode::unsupported:
      return CompileExit::other_build;
    case ErrorCode::bad_request:
      return CompileExit::usage;
    default:
      return CompileExit::cannot_write;
  }
}

Result<EngineHandle> make_compiler(const CodeSettings& settings, bool fast) {
  wasmtime_error_t* failed = nullptr;
  EngineHandle engine(myelin_engine_new(make_code_config(settings, fast).release(), &failed));
  if (const ErrorHandle error(failed); error) return fail(ErrorCode::io, message_of(*error));
  return engine;
}

}  // namespace

std::vector<std::string> CompileOptions::arguments() const {
  return {"--preset",        settings.preset == MemoryPreset::guarded ? "guarded" : "dense",
          "--pages",         std::to_string(settings.max_memory_pages),
          "--deterministic", settings.deterministic ? "1" : "0",
          "--fast",          fast ? "1" : "0",
          "--compatibility", std::to_string(compatibility),
          "--output",        output};
}

Result<CompileOptions> CompileOptions::parse(const std::vector<std::string>& arguments) {
  CompileOptions result;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string& key = arguments[i];
    if (i + 1 == arguments.size()) return fail(ErrorCode::bad_request, concat("no value after ", key));
    const std::string& value = arguments[i + 1];
    bool ok = false;
    if (key == "--preset") {
      ok = value == "guarded" || value == "dense";
      result.settings.preset = value == "dense" ? MemoryPreset::dense : MemoryPreset::guarded;
    } else if (key == "--pages") {
      ok = parse_number(value, result.settings.max_memory_pages) && result.settings.max_memory_pages <= 65'536;
    } else if (key == "--deterministic" || key == "--fast") {
      ok = value == "0" || value == "1";
      (key == "--fast" ? result.fast : result.settings.deterministic) = value == "1";
    } else if (key == "--compatibility") {
      ok = parse_number(value, result.compatibility);
    } else if (key == "--output") {
      ok = !value.empty();
      result.output = value;
    }
    if (!ok) return fail(ErrorCode::bad_request, concat("not understood: ", key, " ", value));
  }
  if (result.output.empty()) return fail(ErrorCode::bad_request, "no --output");
  return result;
}

Result<void> compile(const CompileOptions& options, View module) {
  auto engine = make_compiler(options.settings, false);
  if (!engine) return fail(engine.error());
  // The number covers the register allocator too, although code from either loads alike.
  if (myelin_engine_compatibility(engine->get()) != options.compatibility) {
    return fail(ErrorCode::unsupported, "the compile helper and the engine are of different builds");
  }
  if (options.fast) engine = make_compiler(options.settings, true);
  if (!engine) return fail(engine.error());
  wasmtime_module_t* raw = nullptr;
  if (const ErrorHandle error(wasmtime_module_new(engine->get(), module.data(), module.size(), &raw)); error) {
    return fail(ErrorCode::invalid_module, message_of(*error));
  }
  const ModuleHandle compiled(raw);
  wasm_byte_vec_t code;
  if (const ErrorHandle error(wasmtime_module_serialize(compiled.get(), &code)); error) {
    return fail(ErrorCode::invalid_module, message_of(*error));
  }
  auto written = write_code(options.output, View(reinterpret_cast<const std::uint8_t*>(code.data), code.size));
  wasm_byte_vec_delete(&code);
  return written;
}

io::ChildEnd compile_child(const io::ChildSpec& spec) {
  io::ChildEnd end;
  const auto options = CompileOptions::parse(spec.arguments);
  Result<void> result;
  if (!options) {
    result = fail(options.error());
  } else if (!read_code(options->output)) {  // what an earlier run left is what this one would write
    result = compile(*options, spec.input.view());
  }
  end.exit_code = result ? 0 : static_cast<int>(exit_of(result.error().code));
  if (!result) end.errors = Buffer::copy_of(result.error().message);
  return end;
}

int compile_main(int argc, char** argv) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);  // a compiler that ran out of memory has nothing worth a core file
  const auto options = CompileOptions::parse(std::vector<std::string>(argv + 1, argv + argc));
  Result<void> result;
  if (!options) {
    result = fail(options.error());
  } else if (auto input = read_input(); !input) {
    result = fail(input.error());
  } else {
    result = compile(*options, *input);
  }
  if (result) return 0;
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  return static_cast<int>(exit_of(result.error().code));
}

}  // namespace myelin::wasm
