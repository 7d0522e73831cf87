#include "base/check.hpp"
#include "wasm/module.hpp"

#include <cstddef>
#include <cstdint>

// What inspect() accepts must be within the limits that it was given, and the same every time.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace myelin;
  wasm::ModuleLimits limits;
  limits.functions = 64;
  limits.imports = 16;
  limits.exports = 16;
  limits.memory_pages = 8;
  const auto info = wasm::inspect(View(data, size), limits);
  if (!info) {
    MYELIN_CHECK(!info.error().message.empty(), "a refusal has a reason");
    return 0;
  }
  MYELIN_CHECK(info->imports.size() <= limits.imports, "imports within the limit");
  MYELIN_CHECK(info->exports.size() <= limits.exports, "exports within the limit");
  MYELIN_CHECK(info->functions <= limits.functions && info->functions <= size, "functions within the limit");
  MYELIN_CHECK(info->memory_min_pages <= limits.memory_pages, "memory within the limit");
  for (const auto& entry : info->exports) {
    if (entry.kind == wasm::ExternKind::function) {
      MYELIN_CHECK(info->find_function(entry.name) == &entry, "exports are found by name");
    }
  }
  return 0;
}
