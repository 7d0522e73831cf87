#include "wasm/wasi_fuzz_case.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  myelin::wasm::wasi::testing::fuzz::play(data, size);
  return 0;
}
