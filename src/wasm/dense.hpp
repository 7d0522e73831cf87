// The dense preset's memories and stacks: two SlotArenas that the engine library draws from.
//
// A memory is as large as its slot from the start, so growing moves nothing and asks the system for nothing. There are
// no guard pages: a guest is held by the checks in its code alone (every access, and every function's stack), and host
// functions by the stack that is set aside for them.
// Lifetime: the library keeps the arenas until the last engine, module and instance made with them is gone.
#pragma once

#include "base/error.hpp"
#include "wasm/engine_config.hpp"

#include <cstdint>

namespace myelin::wasm {

// Makes `config` use arenas for `instances` guests. Errors: limit.
Result<void> use_arenas(wasm_config_t& config, const CodeSettings& settings, std::uint32_t instances);

}  // namespace myelin::wasm
