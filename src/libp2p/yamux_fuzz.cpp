#include "libp2p/yamux_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  myelin::libp2p::yamux::testing::fuzz({data, size});
  return 0;
}
