// PathCache: the paths that were parsed or written last, so that a process that is called again and again does not cost
// its peer's and its own base58 each time.
//
// Only what parsed is kept, a failure is told afresh. Bounded: `places` paths of at most 1,024 bytes; a newer one takes
// the place of the one that shares its hash. Gives exactly what CallPath::parse without aliases and CallPath::to_string
// give. Thread: one at a time.
#pragma once

#include "base/error.hpp"
#include "kernel/message.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace myelin::glia {

class PathCache {
 public:
  static constexpr std::size_t places = 64;

  // Errors: bad_request.
  Result<kernel::CallPath> parse(std::string_view text);
  const std::string& text_of(const kernel::CallPath& path);

 private:
  struct Entry {
    std::string text;
    kernel::CallPath path;
  };
  std::array<std::optional<Entry>, places> parsed_;   // by the text's hash
  std::array<std::optional<Entry>, places> written_;  // by the process's and method's
};

}  // namespace myelin::glia
