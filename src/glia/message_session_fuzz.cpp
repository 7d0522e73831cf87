// Both ends of a message channel from any bytes: no crash; what is read can be written and read again.
#include "base/check.hpp"
#include "glia/message_session.hpp"

namespace {

using namespace myelin;
using namespace myelin::glia;

identity::PeerId peer() {
  static const auto id = *identity::PeerId::parse("12D3KooWFYcCMuKujeeDDPqnH6yHeVrnXPaCjfbYVmQ9fHxfRDtA");
  return id;
}

void receive(View bytes) {
  MessageReceiver receiver(peer());
  receiver.feed(Buffer::copy_of(bytes));
  for (std::uint64_t number = 1;; ++number) {
    auto message = receiver.next(Instant());
    if (!message || !*message) break;
    MYELIN_CHECK((*message)->number == number, "numbers have no gaps");
    MYELIN_CHECK((*message)->message.source.node == peer(), "nobody speaks for another node");
    if ((*message)->refused) continue;
    auto again = encode_message(number, (*message)->message, Instant());
    MYELIN_CHECK(again, "what was read can be written");
  }
  const bool finished = receiver.finish().has_value();
  MYELIN_CHECK(finished == receiver.finish().has_value(), "the end is judged the same again");
}

void send(View bytes) {
  MessageSender sender;
  for (int i = 0; i < 4; ++i) sender.next_number();
  sender.forget(3);
  sender.feed(Buffer::copy_of(bytes));
  for (std::size_t waiting = sender.waiting();;) {
    auto event = sender.next();
    if (!event || !*event) break;
    if (std::holds_alternative<WireOutcome>(**event)) --waiting;
    MYELIN_CHECK(sender.waiting() == waiting, "one outcome for each message, and none for a room");
  }
  const bool finished = sender.finish().has_value();
  MYELIN_CHECK(finished == sender.finish().has_value(), "the end is judged the same again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const View bytes(data + 1, size - 1);
  data[0] % 2 == 0 ? receive(bytes) : send(bytes);
  return 0;
}
