#include "kernel/classify.hpp"

#include "kernel/message.hpp"

namespace myelin::kernel {

namespace {

bool callable(const wasm::Export& exported) {
  return exported.kind == wasm::ExternKind::function && exported.type.params.empty() && exported.type.results.empty();
}

bool exports_callable(const wasm::ModuleInfo& module, std::string_view name) {
  const wasm::Export* found = module.find_function(name);
  return found != nullptr && callable(*found);
}

}  // namespace

Result<Classified> classify(const wasm::ModuleInfo& module) {
  Classified result;
  bool receives = false;
  bool imports_functions = false;
  for (const auto& import : module.imports) {
    if (import.kind != wasm::ExternKind::function) continue;
    imports_functions = true;
    if (import.module != "myelin:process") continue;
    receives = receives || import.name == "receive";
    result.uses_info = result.uses_info || import.name == "message_info";
  }
  if (imports_functions && !module.exports_memory)
    return fail(ErrorCode::invalid_module, "the module imports host functions, but exports no memory");
  result.has_initialize = exports_callable(module, "_initialize");
  if (receives && exports_callable(module, "run")) {
    result.kind = ProcessKind::mailbox;
    return result;
  }
  for (const auto& exported : module.exports)
    if (callable(exported) && valid_method_name(exported.name)) result.methods.push_back(exported.name);
  if (!result.methods.empty()) return result;
  if (exports_callable(module, "_start")) {
    result.kind = ProcessKind::command;
    result.methods = {"run"};
    return result;
  }
  return fail(ErrorCode::invalid_module, "the module exports neither a method, nor run with receive, nor _start");
}

}  // namespace myelin::kernel
