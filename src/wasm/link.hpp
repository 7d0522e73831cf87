// What guests may import: the host functions of one Engine, and how the library calls them.
//
// Two ways in. A function that never waits is called with raw values on the guest's stack (a few nanoseconds). One that
// may wait is asked when the guest calls it, and again each time the guest is resumed, until it answers something other
// than `pending`: an answer that is there costs no switch of stacks. Both are typed: no value is boxed. Thread:
// HostLinks is immutable after create(), any; GuestState that of its Instance.
#pragma once

#include "base/error.hpp"
#include "wasm/engine.hpp"
#include "wasm/handles.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

union wasmtime_val_raw;

namespace myelin::wasm {

inline constexpr std::size_t max_host_params = 16;

struct BoundFunction {
  HostFunction declared;
  std::array<bool, max_host_params> wide{};  // which parameters are i64
  bool wide_result = false;
};

// What host calls and the Instance tell each other; the library's store carries a pointer to it.
struct GuestState {
  enum class Ending : std::uint8_t { none, exited, trapped };

  explicit GuestState(Instance& owner) : instance(owner) {}
  GuestState(const GuestState&) = delete;
  GuestState& operator=(const GuestState&) = delete;

  Instance& instance;
  Ending ending = Ending::none;         // how a host function ended the call
  bool waiting = false;                 // one answered `pending` since the last resume
  const std::uint8_t* stack = nullptr;  // where the guest's stack was when one answered `pending`
  std::uint32_t argument = 0;           // and its first parameter, by convention an address
  std::uint32_t exit_code = 0;
  std::string trap_reason;
};

class HostLinks {
 public:
  // REQUIRES: parameters and results are i32 or i64, at most 16 and 1; no two functions of one name.
  static std::unique_ptr<HostLinks> create(wasm_engine_t& engine, std::vector<HostFunction> functions);

  // Errors: invalid_module, naming the import that is unknown or of another type.
  Result<void> check(const ModuleInfo& info) const;
  wasmtime_linker& linker() const { return *linker_; }

 private:
  HostLinks() = default;
  void define(BoundFunction& function);

  LinkerHandle linker_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<BoundFunction>> functions_;
};

}  // namespace myelin::wasm
