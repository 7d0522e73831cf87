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
struct wasmtime_context;
struct wasmtime_error;
struct wasmtime_instance_pre;
struct wasmtime_linker;
struct wasmtime_memory;
struct wasmtime_module;
struct wasmtime_pooling_allocation_config_t;
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
// Only the pages that a guest has written are made clean for the next, where the system can tell which.
void myelin_pool_pagemap_scan(wasmtime_pooling_allocation_config_t* pool);
void myelin_config_typed_references(wasm_config_t* config, bool enable);
// A host function that may wait: called with the store's data when the guest calls it (`first`) and at each resume
// after that for as long as it answers 1. 0: done, *result is written; anything else ends the guest's call.
using myelin_waiting_call = std::uint8_t (*)(void* env, void* data, const std::uint64_t* args, std::uint64_t* result,
                                             bool first);
// `shape`: `i` or `I` for each parameter (i32, i64), `>`, and that of the result. False: no such shape, or a taken
// name.
bool myelin_linker_define_waiting(wasmtime_linker* linker, const char* module, std::size_t module_size,
                                  const char* name, std::size_t name_size, const char* shape, std::size_t shape_size,
                                  myelin_waiting_call call, void* env);
// Runs the call for about `fuel` units (> 0); whether it has ended. `left`: what is left of the store's fuel.
bool myelin_call_resume(wasmtime_call_future* call, wasmtime_context* store, std::uint64_t fuel, std::uint64_t* left);
// Start and size of a memory.
std::uint8_t* myelin_memory_span(wasmtime_context* store, const wasmtime_memory* memory, std::size_t* size);
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
