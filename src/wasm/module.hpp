// A WebAssembly module: what it imports and exports, found by our own reader before anything is compiled.
//
// inspect() is pure and bounded: it allocates in proportion to the bytes that are there, never to what they claim, and
// refuses what we do not run (threads, memory64, multi-memory, exceptions, components, more than the limits) with the
// reason. A start section is refused too: a guest's code runs only inside a call, in slices of fuel, and a start
// function would run while the instance is made (clang, Rust and Go make none; they export `_initialize` or `_start`).
// What inspect() accepts is well formed down to function bodies; those are validated by the compiler.
// Source: WebAssembly core specification 2.0, chapter 5 (binary format).
// Thread: values; a Module is immutable and shared by all shards.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/limits.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::wasm {

enum class ValueType : std::uint8_t { i32, i64, f32, f64, v128, reference };

struct FunctionType {
  std::vector<ValueType> params;
  std::vector<ValueType> results;
  friend bool operator==(const FunctionType&, const FunctionType&) = default;
};

enum class ExternKind : std::uint8_t { function, table, memory, global };

struct Import {
  std::string module;
  std::string name;
  ExternKind kind;
  FunctionType type;  // functions only
};

struct Export {
  std::string name;
  ExternKind kind;
  FunctionType type;  // functions only
};

struct ModuleLimits {
  std::size_t module_bytes = limits::module_bytes;
  std::uint32_t functions = 100'000;
  std::uint32_t locals_per_function = 4'000;
  std::size_t function_bytes = limits::mib;
  std::uint32_t imports = 1'000;
  std::uint32_t exports = 10'000;
  std::uint32_t memory_pages = limits::guest_memory_pages;  // the module's minimum must fit
  std::uint32_t tables = 4;
  std::uint32_t table_elements = limits::guest_table_elements;  // each table's minimum must fit
};

struct ModuleInfo {
  std::vector<Import> imports;
  std::vector<Export> exports;
  std::uint32_t memory_min_pages = 0;
  std::optional<std::uint32_t> memory_max_pages;
  bool exports_memory = false;  // under the name "memory"
  std::uint32_t functions = 0;  // defined here; imported ones do not count

  const Export* find_function(std::string_view name) const;
  bool imports_from(std::string_view module) const;
};

// Errors: invalid_module with the reason and the byte offset, too_large.
Result<ModuleInfo> inspect(View module, const ModuleLimits& limits);

// A compiled module. Its id is the SHA-256 of its WebAssembly bytes.
class Module {
 public:
  using Id = std::array<std::uint8_t, 32>;
  virtual ~Module() = default;
  virtual const ModuleInfo& info() const = 0;
  virtual const Id& id() const = 0;
  virtual std::size_t code_bytes() const = 0;
};

}  // namespace myelin::wasm
