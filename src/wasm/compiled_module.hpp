// A Module as the engine keeps it: what the pre-check found, the loaded code, and its imports bound.
//
// Immutable after create(); shared by the shards that run it and the engine that may hand it out again. Thread: any.
#pragma once

#include "wasm/handles.hpp"
#include "wasm/link.hpp"
#include "wasm/module.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace myelin::wasm {

class CompiledModule final : public Module {
 public:
  // Errors: invalid_module (its imports do not bind).
  static Result<std::shared_ptr<const CompiledModule>> create(ModuleInfo info, const Id& id, ModuleHandle code,
                                                              const HostLinks& links);

  const ModuleInfo& info() const override { return info_; }
  const Id& id() const override { return id_; }
  std::size_t code_bytes() const override { return code_bytes_; }

  const wasmtime_instance_pre& pre() const { return *pre_; }
  // Whether `name` is an exported function of type () -> ().
  bool callable(std::string_view name) const;

 private:
  CompiledModule() = default;

  ModuleInfo info_;
  Id id_{};
  std::size_t code_bytes_ = 0;
  ModuleHandle code_;
  InstancePreHandle pre_;
  std::vector<std::string_view> callable_;  // sorted, into info_
};

}  // namespace myelin::wasm
