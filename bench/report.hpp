// What every benchmark program ends with: one line of JSON on stdout, read by bench/run.py.
//
// `value` is the row's figure in its unit; `check` is what both sides of a row must agree on. Peak memory is the
// kernel's high-water mark of resident memory. Thread: any.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <malloc.h>
#include <string>

namespace myelin::bench {

// A figure of /proc/self/status, in bytes; 0 if there is none of that name.
inline std::uint64_t status_bytes(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
  }
  return 0;
}

// As `myelin node` does: what is freed in the order of its making would let glibc give the top of its heap back and
// take it again all the time.
inline void keep_freed_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
  ::mallopt(M_TOP_PAD, 4 << 20);
}

inline void report(double value, const std::string& check, const std::string& more = {}) {
  std::printf(R"({"value": %.9g, "check": "%s", "peak": %llu%s})"
              "\n",
              value, check.c_str(), static_cast<unsigned long long>(status_bytes("VmHWM")), more.c_str());
  std::fflush(stdout);
}

[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "error: %s\n", why.c_str());
  std::exit(1);
}

inline std::uint64_t number(const char* text) {
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(text, &end, 10);
  if (end == text || *end != '\0') give_up(std::string("not a number: ") + text);
  return value;
}

}  // namespace myelin::bench
