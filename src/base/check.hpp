// Invariants, checked always, in every build. A broken one is a bug of ours: the program says where and aborts.
//
// Never for what a peer, a guest, a file or a user chose: those are errors (error.hpp).
#pragma once

#include <string_view>

namespace myelin {

[[noreturn]] void check_failed(std::string_view condition, std::string_view why, std::string_view file, int line);

}  // namespace myelin

#define MYELIN_CHECK(condition, why) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::myelin::check_failed(#condition, why, __FILE__, __LINE__))
