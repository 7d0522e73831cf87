#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace myelin {

void check_failed(std::string_view condition, std::string_view why, std::string_view file, int line) {
  std::fprintf(stderr, "myelin: broken invariant at %.*s:%d: %.*s (%.*s)\n", static_cast<int>(file.size()), file.data(),
               line, static_cast<int>(why.size()), why.data(), static_cast<int>(condition.size()), condition.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace myelin
