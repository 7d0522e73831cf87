#include "wasm/link.hpp"

#include "base/check.hpp"
#include "wasm/reader.hpp"

#include <utility>
#include <wasmtime.h>

namespace myelin::wasm {
namespace {

GuestState& state_of(wasmtime_caller_t* caller) {
  return *static_cast<GuestState*>(wasmtime_context_get_data(wasmtime_caller_context(caller)));
}

void set_ending(GuestState& state, HostResult how) {
  state.ending = how == HostResult::exit ? GuestState::Ending::exited : GuestState::Ending::trapped;
}

// The trap that unwinds the guest when a host function ends its call; the Instance reports what `state` says.
wasm_trap_t* end_call(GuestState& state, HostResult how) {
  set_ending(state, how);
  return wasmtime_trap_new("", 0);
}

// These two run on the guest's stack and are called from Rust: nothing may be thrown through them.

wasm_trap_t* call_at_once(void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values, std::size_t) noexcept {
  const auto& function = *static_cast<const BoundFunction*>(env);
  GuestState& state = state_of(caller);
  std::array<std::uint64_t, max_host_params> args;
  const std::size_t n = function.declared.type.params.size();
  for (std::size_t i = 0; i < n; ++i) {
    args[i] = function.wide[i] ? static_cast<std::uint64_t>(values[i].i64) : static_cast<std::uint32_t>(values[i].i32);
  }
  std::uint64_t result = 0;
  const HostResult how = function.declared.call(state.instance, {args.data(), n}, &result, true);
  if (how == HostResult::done) {
    if (!function.declared.type.results.empty()) {
      if (function.wide_result) {
        values[0].i64 = static_cast<std::int64_t>(result);
      } else {
        values[0].i32 = static_cast<std::int32_t>(result);
      }
    }
    return nullptr;
  }
  MYELIN_CHECK(how != HostResult::pending, "only a host function that was declared to wait may answer pending");
  return end_call(state, how);
}

// What the shim asks of a function that may wait; its numbers are the shim's.
std::uint8_t ask_waiting(void* env, void* data, const std::uint64_t* args, std::uint64_t* result, bool first) noexcept {
  constexpr std::uint8_t done = 0, again = 1, ended = 2;
  const auto& function = *static_cast<const BoundFunction*>(env);
  GuestState& state = *static_cast<GuestState*>(data);
  const HostResult how =
      function.declared.call(state.instance, {args, function.declared.type.params.size()}, result, first);
  switch (how) {
    case HostResult::done:
      return done;
    case HostResult::pending:
      state.waiting = true;
      state.stack = static_cast<const std::uint8_t*>(__builtin_frame_address(0));
      state.argument = function.declared.type.params.empty() ? 0 : static_cast<std::uint32_t>(args[0]);
      return again;
    default:
      set_ending(state, how);
      return ended;
  }
}

std::string shape_of(const FunctionType& type) {
  const auto letter = [](ValueType value) { return value == ValueType::i64 ? 'I' : 'i'; };
  std::string shape;
  for (const ValueType value : type.params) shape += letter(value);
  shape += '>';
  for (const ValueType value : type.results) shape += letter(value);
  return shape;
}

void fill(wasm_valtype_vec_t& out, const std::vector<ValueType>& values) {
  wasm_valtype_vec_new_uninitialized(&out, values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    out.data[i] = wasm_valtype_new(values[i] == ValueType::i64 ? WASM_I64 : WASM_I32);
  }
}

void check_value(ValueType value) {
  MYELIN_CHECK(value == ValueType::i32 || value == ValueType::i64, "host functions take and give integers only");
}

}  // namespace

std::unique_ptr<HostLinks> HostLinks::create(wasm_engine_t& engine, std::vector<HostFunction> functions) {
  std::unique_ptr<HostLinks> links(new HostLinks);
  links->linker_.reset(wasmtime_linker_new(&engine));
  for (HostFunction& declared : functions) {
    auto function = std::make_unique<BoundFunction>();
    MYELIN_CHECK(declared.type.params.size() <= max_host_params, "a host function of at most 16 parameters");
    MYELIN_CHECK(declared.type.results.size() <= 1, "a host function of at most one result");
    for (std::size_t i = 0; i < declared.type.params.size(); ++i) {
      check_value(declared.type.params[i]);
      function->wide[i] = declared.type.params[i] == ValueType::i64;
    }
    for (const ValueType value : declared.type.results) {
      check_value(value);
      function->wide_result = value == ValueType::i64;
    }
    std::pair key(declared.module, declared.name);
    function->declared = std::move(declared);
    links->define(*function);
    const bool fresh = links->functions_.emplace(std::move(key), std::move(function)).second;
    MYELIN_CHECK(fresh, "no two host functions of one name");
  }
  return links;
}

void HostLinks::define(BoundFunction& function) {
  const HostFunction& declared = function.declared;
  const std::string& module = declared.module;
  const std::string& name = declared.name;
  if (declared.waits) {
    const std::string shape = shape_of(declared.type);
    const bool defined = myelin_linker_define_waiting(linker_.get(), module.data(), module.size(), name.data(),
                                                      name.size(), shape.data(), shape.size(), ask_waiting, &function);
    MYELIN_CHECK(defined, "the shim has the shapes of all functions that wait");
    return;
  }
  wasm_valtype_vec_t params, results;
  fill(params, declared.type.params);
  fill(results, declared.type.results);
  wasm_functype_t* type = wasm_functype_new(&params, &results);
  const ErrorHandle error(wasmtime_linker_define_func_unchecked(
      linker_.get(), module.data(), module.size(), name.data(), name.size(), type, call_at_once, &function, nullptr));
  wasm_functype_delete(type);
  MYELIN_CHECK(!error, "a host function can be defined");
}

Result<void> HostLinks::check(const ModuleInfo& info) const {
  for (const Import& import : info.imports) {
    const std::string name = quoted(concat(import.module, ".", import.name));
    if (import.kind != ExternKind::function) {
      return fail(ErrorCode::invalid_module, concat("import ", name, " is not a function; only functions are offered"));
    }
    const auto found = functions_.find(std::pair(import.module, import.name));
    if (found == functions_.end()) return fail(ErrorCode::invalid_module, concat("unknown import ", name));
    if (found->second->declared.type != import.type) {
      return fail(ErrorCode::invalid_module, concat("import ", name, " is of another type than the function offered"));
    }
  }
  return {};
}

}  // namespace myelin::wasm
