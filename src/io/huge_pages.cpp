#include "io/huge_pages.hpp"

#include <cstdlib>
#include <unistd.h>

namespace myelin::io {

namespace {

constexpr const char* variable = "GLIBC_TUNABLES";
constexpr const char* tunable = "glibc.malloc.hugetlb";

}  // namespace

std::string with_huge_pages(std::string tunables) {
  if (tunables.find(tunable) != std::string::npos) return tunables;
  if (!tunables.empty()) tunables += ':';
  return tunables + tunable + "=1";
}

void restart_with_huge_pages(char** argv) {
  const char* const set = std::getenv(variable);
  const std::string before = set == nullptr ? "" : set;
  const std::string wanted = with_huge_pages(before);
  if (wanted == before || ::setenv(variable, wanted.c_str(), 1) != 0) return;
  ::execv("/proc/self/exe", argv);
}

}  // namespace myelin::io
