// Owners of the engine library's objects, and the calls that engine/src/lib.rs adds to its C API.
//
// The library's own header is heavy and stays in .cpp files: here its types are only named. Everything is released
// exactly once, by the owner's destructor.
// Thread: engines, modules, linkers and instance_pres any; the rest belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

struct wasm_config_t;
struct wasm_engine_t;
struct wasm_trap_t;
struct wasmtime_call_future;
struct wasmtime_error;
struct wasmtime_instance_pre;
struct wasmtime_linker;
struct wasmtime_module;
struct wasmtime_store;

extern "C" {
// Takes `config`. Null and *error when the machine cannot hold such an engine or its settings contradict.
wasm_engine_t* myelin_engine_new(wasm_config_t* config, wasmtime_error** error);
// Differs between engines whose compiled code must not be exchanged.
std::uint64_t myelin_engine_compatibility(const wasm_engine_t* engine);
void myelin_config_backtrace_frames(wasm_config_t* config, std::size_t frames);
void myelin_config_address_map(wasm_config_t* config, bool enable);
void myelin_config_async_stack_zeroing(wasm_config_t* config, bool enable);
void myelin_config_guard_before_memory(wasm_config_t* config, bool enable);
void myelin_config_typed_references(wasm_config_t* config, bool enable);
}

namespace myelin::wasm {

struct Release {
  void operator()(wasm_config_t* object) const;
  void operator()(wasm_engine_t* object) const;
  void operator()(wasm_trap_t* object) const;
  void operator()(wasmtime_call_future* object) const;
  void operator()(wasmtime_error* object) const;
  void operator()(wasmtime_instance_pre* object) const;
  void operator()(wasmtime_linker* object) const;
  void operator()(wasmtime_module* object) const;
  void operator()(wasmtime_store* object) const;
};

template <typename T>
using Handle = std::unique_ptr<T, Release>;

using ConfigHandle = Handle<wasm_config_t>;
using EngineHandle = Handle<wasm_engine_t>;
using TrapHandle = Handle<wasm_trap_t>;
using FutureHandle = Handle<wasmtime_call_future>;
using ErrorHandle = Handle<wasmtime_error>;
using InstancePreHandle = Handle<wasmtime_instance_pre>;
using LinkerHandle = Handle<wasmtime_linker>;
using ModuleHandle = Handle<wasmtime_module>;
using StoreHandle = Handle<wasmtime_store>;

// The library's message on one line: runs of white space become one space; at most 500 bytes.
std::string message_of(const wasmtime_error& error);
// A trap's reason, short and stable: "out of bounds memory access".
std::string reason_of(const wasm_trap_t& trap);

}  // namespace myelin::wasm
