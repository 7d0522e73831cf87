// Bytes of a guest, as `send` and `respond` get them.
#include "base/check.hpp"
#include "kernel/record.hpp"

#include <cstddef>
#include <cstdint>

namespace {

void check_sent(const myelin::kernel::abi::Sent& sent) {
  using namespace myelin;
  using namespace myelin::kernel;
  MYELIN_CHECK(sent.target.size() <= abi::address_bytes && sent.mime.size() <= abi::mime_bytes, "text is bounded");
  MYELIN_CHECK(sent.context.size() <= abi::side_bytes && sent.metadata.size() <= abi::side_bytes, "sides are bounded");
  MYELIN_CHECK(sent.body.size() <= limits::message_body_bytes, "the body is bounded");
  MYELIN_CHECK(sent.timeout >= Duration::zero(), "time runs forward");
  // What a guest typed as address: read or refused, and what was read is written the same way again.
  auto address = Address::parse(sent.target, {});
  if (!address) return;
  auto again = Address::parse(address->to_string(), {});
  MYELIN_CHECK(again && again->to_string() == address->to_string(), "an address round-trips");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace myelin;
  using namespace myelin::kernel;
  View bytes(data, size);
  if (auto sent = abi::decode_sent(bytes)) check_sent(*sent);
  if (auto answer = abi::decode_answer(bytes)) {
    const std::string reason = abi::one_line(answer->reason);
    MYELIN_CHECK(abi::one_line(reason) == reason, "a reason becomes one line");
    MYELIN_CHECK(!answer->error || *answer->error != ErrorCode::mailbox_full, "a guest does not speak for the node");
  }
  (void)CallPath::parse(as_text(bytes), {});
  std::string line = abi::one_line(as_text(bytes));
  for (char c : line) MYELIN_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "no control is left");
  return 0;
}
