// Both ends of a call from any bytes: no crash, a protocol error stays one, nothing follows a last frame.
#include "base/check.hpp"
#include "glia/call_session.hpp"

namespace {

using namespace myelin;

template <typename Session, typename IsLast>
void drive(View bytes, IsLast is_last) {
  Session session;
  session.feed(Buffer::copy_of(bytes));
  bool last = false;
  while (true) {
    auto event = session.next();
    if (!event || !*event) break;
    MYELIN_CHECK(!last, "nothing follows a last frame");
    last = is_last(**event);
  }
  (void)session.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace myelin::glia;
  if (size == 0) return 0;
  const View bytes(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    drive<CallerSession>(bytes, [](const CallerSession::Event& event) {
      return std::holds_alternative<Ended>(event) || std::holds_alternative<Error>(event);
    });
  } else {
    drive<CalleeSession>(bytes,
                         [](const CalleeSession::Event& event) { return std::holds_alternative<Cancelled>(event); });
  }
  return 0;
}
