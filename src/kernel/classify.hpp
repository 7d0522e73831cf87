// What kind of process a module is, and which methods it offers: from its imports and exports alone.
//
// Pure. Thread: any.
#pragma once

#include "base/error.hpp"
#include "kernel/process.hpp"
#include "wasm/module.hpp"

#include <string>
#include <vector>

namespace myelin::kernel {

struct Classified {
  ProcessKind kind = ProcessKind::method;
  std::vector<std::string> methods;  // in the module's order; a command's is `run`, a mailbox process has none
  bool has_initialize = false;
  bool uses_info = false;  // imports message_info
};

// Mailbox: imports `receive` of `myelin:process` and exports run. Command: no method, but `_start`. Method otherwise.
// Errors: invalid_module (nothing to call, or no memory exported though host functions are imported).
Result<Classified> classify(const wasm::ModuleInfo& module);

}  // namespace myelin::kernel
