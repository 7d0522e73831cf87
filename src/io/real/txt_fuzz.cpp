// Answers of name servers: foreign bytes, parsed on our threads.
#include "io/real/resolver.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto records = myelin::io::real::parse_txt({data, size});
  if (!records) return 0;
  // Each record takes at least 11 bytes of the message, and its text no more than the message holds.
  if (records->size() * 11 > size) __builtin_trap();
  for (const auto& record : *records) {
    if (record.size() > size) __builtin_trap();
  }
  return 0;
}
