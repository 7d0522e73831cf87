#include "libp2p/identify_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  myelin::libp2p::identify::testing::fuzz({data, size});
  return 0;
}
