// For tests: WebAssembly modules put together section by section.
//
// `module(section(1, vec({function_type("", "")})), …)`. Thread: values.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace myelin::wasm::testing {

inline void append(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

inline Bytes u32(std::uint32_t value) {
  Bytes out;
  do {
    const auto low = static_cast<std::uint8_t>(value & 0x7f);
    value >>= 7;
    out.push_back(value == 0 ? low : low | 0x80);
  } while (value != 0);
  return out;
}

inline Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) append(out, part);
  return out;
}

inline Bytes sized(const Bytes& contents) { return join({u32(static_cast<std::uint32_t>(contents.size())), contents}); }

inline Bytes name(std::string_view text) { return sized(Bytes(text.begin(), text.end())); }

inline Bytes vec(std::initializer_list<Bytes> elements) {
  return join({u32(static_cast<std::uint32_t>(elements.size())), join(elements)});
}

inline Bytes section(std::uint8_t id, const Bytes& contents) { return join({Bytes{id}, sized(contents)}); }

inline Bytes function_type(Bytes params, Bytes results) { return join({{0x60}, sized(params), sized(results)}); }

inline Bytes module(std::initializer_list<Bytes> sections) {
  return join({{0, 'a', 's', 'm', 1, 0, 0, 0}, join(sections)});
}

// One function () -> () with that body (locals and instructions), exported as "run".
inline Bytes one_function(const Bytes& body) {
  return module({section(1, vec({function_type({}, {})})), section(3, vec({u32(0)})),
                 section(7, vec({join({name("run"), {0}, u32(0)})})), section(10, vec({sized(body)}))});
}

// A function that takes a register allocator long: `locals` numbers that all live around a loop of `steps` conditional
// assignments, each a block of its own.
inline Bytes compile_bomb(std::uint32_t locals, std::uint32_t steps) {
  Bytes body = join({u32(1), u32(locals), {0x7f}, {0x03, 0x40}});  // loop
  for (std::uint32_t step = 0; step < steps; ++step) {
    const std::uint32_t a = step % locals, b = (step * 7 + 1) % locals, c = (step * 13 + 2) % locals;
    // if (local a) { local b = local b * local c + local a }
    append(body, join({{0x20},
                       u32(a),
                       {0x04, 0x40, 0x20},
                       u32(b),
                       {0x20},
                       u32(c),
                       {0x6c, 0x20},
                       u32(a),
                       {0x6a, 0x21},
                       u32(b),
                       {0x0b}}));
  }
  append(body, {0x20, 0x00, 0x0d, 0x00, 0x0b, 0x0b});  // while (local 0)
  return one_function(body);
}

}  // namespace myelin::wasm::testing
