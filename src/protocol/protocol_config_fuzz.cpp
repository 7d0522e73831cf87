// Any text as a configuration file: an error that names the place, or a configuration within its ranges.
#include "base/check.hpp"
#include "protocol/config.hpp"
#include "protocol/log_format.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace myelin::protocol;
  const auto config = parse_config({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
  if (!config) {
    MYELIN_CHECK(config.error().code == myelin::ErrorCode::bad_request, "it is the text's fault");
    MYELIN_CHECK(config.error().message.starts_with("fuzz.yaml:"), "an error names the place");
    return 0;
  }
  MYELIN_CHECK(RuntimeLog::check(config->log).has_value(), "components are known ones");
  MYELIN_CHECK(config->mailbox_capacity > 0 && config->queue_bytes >= 64 * 1024, "limits are within their ranges");
  MYELIN_CHECK(config->peer_port.value_or(1) != 0, "a peer has a port");
  return 0;
}
