// Configuration from any text: refused or read, never more.
#include "base/check.hpp"
#include "node/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = myelin::node::parse_config(myelin::as_text({data, size}), "fuzz", {});
  if (!config) MYELIN_CHECK(config.error().code == myelin::ErrorCode::bad_request, "text is refused in one way");
  return 0;
}
