// Scenario files of any bytes: never a crash, never without end.
#include "sim/file/scenario_file.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 64 * 1024) return 0;
  const auto file = myelin::sim::parse_scenario({reinterpret_cast<const char*>(data), size}, "f");
  if (!file && !file.error().message.starts_with("f:")) __builtin_trap();  // every error names its place
  return 0;
}
