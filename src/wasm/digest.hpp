// SHA-256 (FIPS 180-4), from OpenSSL. Thread: any.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstdint>
#include <initializer_list>

namespace myelin::wasm {

using Digest = std::array<std::uint8_t, 32>;

// Of the parts one after another.
Digest sha256(std::initializer_list<View> parts);

}  // namespace myelin::wasm
