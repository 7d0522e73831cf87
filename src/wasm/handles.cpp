#include "wasm/handles.hpp"

#include <wasmtime.h>

namespace myelin::wasm {
namespace {

std::string one_line(const wasm_byte_vec_t& text) {
  constexpr std::size_t max = 500;
  std::string out;
  bool space = false;
  for (std::size_t i = 0; i < text.size && out.size() < max; ++i) {
    const char c = text.data[i];
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\0') {
      space = !out.empty();
      continue;
    }
    if (space) out += ' ';
    space = false;
    out += c;
  }
  return out;
}

}  // namespace

void Release::operator()(wasm_config_t* object) const { wasm_config_delete(object); }
void Release::operator()(wasm_engine_t* object) const { wasm_engine_delete(object); }
void Release::operator()(wasm_trap_t* object) const { wasm_trap_delete(object); }
void Release::operator()(wasmtime_call_future* object) const { wasmtime_call_future_delete(object); }
void Release::operator()(wasmtime_error* object) const { wasmtime_error_delete(object); }
void Release::operator()(wasmtime_instance_pre* object) const { wasmtime_instance_pre_delete(object); }
void Release::operator()(wasmtime_linker* object) const { wasmtime_linker_delete(object); }
void Release::operator()(wasmtime_module* object) const { wasmtime_module_delete(object); }
void Release::operator()(wasmtime_store* object) const { wasmtime_store_delete(object); }

std::string message_of(const wasmtime_error& error) {
  wasm_byte_vec_t text;
  wasmtime_error_message(&error, &text);
  std::string out = one_line(text);
  wasm_byte_vec_delete(&text);
  return out;
}

std::string reason_of(const wasm_trap_t& trap) {
  wasmtime_trap_code_t code = 0;
  if (wasmtime_trap_code(&trap, &code)) {
    switch (code) {
      case WASMTIME_TRAP_CODE_STACK_OVERFLOW:
        return "call stack exhausted";
      case WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS:
        return "out of bounds memory access";
      case WASMTIME_TRAP_CODE_HEAP_MISALIGNED:
        return "unaligned memory access";
      case WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS:
        return "out of bounds table access";
      case WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL:
        return "indirect call of an empty table element";
      case WASMTIME_TRAP_CODE_BAD_SIGNATURE:
        return "indirect call of another type";
      case WASMTIME_TRAP_CODE_INTEGER_OVERFLOW:
        return "integer overflow";
      case WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO:
        return "integer divide by zero";
      case WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER:
        return "invalid conversion to integer";
      case WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED:
        return "unreachable executed";
      case WASMTIME_TRAP_CODE_INTERRUPT:
        return "interrupted";
      case WASMTIME_TRAP_CODE_OUT_OF_FUEL:
        return "out of fuel";
      default:
        break;
    }
  }
  wasm_byte_vec_t text;
  wasm_trap_message(&trap, &text);
  std::string out = one_line(text);
  wasm_byte_vec_delete(&text);
  return out;
}

}  // namespace myelin::wasm
