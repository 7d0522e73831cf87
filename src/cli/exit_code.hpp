// Exit codes: 0; a guest's own 1 to 63; else 64 + the error's number.
//
// Thread: any.
#pragma once

#include "base/error.hpp"

namespace myelin::cli {

constexpr int exit_code(ErrorCode code) { return 64 + static_cast<int>(code); }

// A guest's exit code above 63 would be taken for an error of ours: it becomes guest_failed's.
constexpr int exit_code(ErrorCode code, std::uint32_t detail) {
  return code == ErrorCode::guest_failed && detail >= 1 && detail <= 63 ? static_cast<int>(detail) : exit_code(code);
}

}  // namespace myelin::cli
