// Admission: the one function that says whether a principal may reach a process.
//
// Pure; decided on the target's node, from the target's access list. Thread: any.
#pragma once

#include "kernel/message.hpp"
#include "kernel/process.hpp"

#include <string_view>

namespace myelin::kernel {

// Success, or `unauthorized` (an anonymous local client where a token would do) or `forbidden`.
// `peer`: of a principal of that kind.
Result<void> admit(Principal::Kind kind, const identity::PeerId& peer, const AccessList& target,
                   std::string_view method);
inline Result<void> admit(const Principal& principal, const AccessList& target, std::string_view method) {
  return admit(principal.kind, principal.peer, target, method);
}

}  // namespace myelin::kernel
