#include "wasm/compiled_module.hpp"

#include <algorithm>
#include <utility>
#include <wasmtime.h>

namespace myelin::wasm {

Result<std::shared_ptr<const CompiledModule>> CompiledModule::create(ModuleInfo info, const Id& id, ModuleHandle code,
                                                                     const HostLinks& links) {
  std::shared_ptr<CompiledModule> result(new CompiledModule);
  result->info_ = std::move(info);
  result->id_ = id;
  result->code_ = std::move(code);

  wasmtime_instance_pre_t* pre = nullptr;
  const ErrorHandle error(wasmtime_linker_instantiate_pre(&links.linker(), result->code_.get(), &pre));
  if (error) return fail(ErrorCode::invalid_module, message_of(*error));
  result->pre_.reset(pre);

  void* start = nullptr;
  void* end = nullptr;
  wasmtime_module_image_range(result->code_.get(), &start, &end);
  result->code_bytes_ = static_cast<std::size_t>(static_cast<char*>(end) - static_cast<char*>(start));

  for (const Export& entry : result->info_.exports) {
    if (entry.kind == ExternKind::function && entry.type == FunctionType{}) result->callable_.push_back(entry.name);
  }
  std::ranges::sort(result->callable_);
  return result;
}

bool CompiledModule::callable(std::string_view name) const { return std::ranges::binary_search(callable_, name); }

}  // namespace myelin::wasm
