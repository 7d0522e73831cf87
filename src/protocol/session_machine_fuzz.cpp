// Any bytes, cut anywhere, through the session machine in each role: the cuts change nothing, its invariants hold.
//
// Input: one byte chooses the role and the cuts, the rest is what the peer sends.
#include "base/check.hpp"
#include "protocol/handshake.hpp"
#include "protocol/session_machine.hpp"

#include <algorithm>
#include <string>

namespace myelin::protocol {
namespace {

constexpr Instant deadline = Instant{} + std::chrono::seconds(5);

SessionMachine made(unsigned role) {
  const Host self{"127.0.0.1", 5101};
  const Host peer{"127.0.0.1", 5102};
  switch (role % 4) {
    case 0:
      return SessionMachine::acceptor(deadline);
    case 1:
      return SessionMachine::dialler(Wire::w0, self, peer, deadline);
    case 2:
      return SessionMachine::dialler(Wire::w3, self, peer, deadline);
    default:
      return SessionMachine::authenticated(peer);
  }
}

// What the machine says, as text; checks what must hold on the way.
std::string run(unsigned role, View bytes, std::size_t step) {
  SessionMachine machine = made(role);
  std::string seen = to_hex(machine.take_output());
  bool up = machine.state() == SessionMachine::State::established;
  bool over = false;
  while (!over) {
    const SessionMachine::Step next = machine.next();
    switch (next.kind) {
      case SessionMachine::Step::Kind::more: {
        if (bytes.empty()) {
          over = true;
          break;
        }
        const std::size_t size = std::min(step, bytes.size());
        machine.receive(Buffer::copy_of(bytes.first(size)));
        bytes = bytes.subspan(size);
        break;
      }
      case SessionMachine::Step::Kind::established:
        MYELIN_CHECK(!up, "a session is established once");
        up = true;
        MYELIN_CHECK(!machine.peer().empty(), "an established session has a peer");
        seen += " up " + machine.peer().to_string() + to_hex(machine.take_output());
        break;
      case SessionMachine::Step::Kind::message:
        MYELIN_CHECK(up, "no message comes before the handshake's end");
        MYELIN_CHECK(machine.next().payload.data() == next.payload.data(), "a message stays until it is popped");
        seen += " m" + std::to_string(next.protocol) + "." + std::to_string(next.id) + "." +
                std::to_string(next.wire_id) + to_hex(next.payload);
        machine.pop();
        break;
      case SessionMachine::Step::Kind::merge:
        MYELIN_CHECK(up, "nothing is merged before the handshake's end");
        seen += " j" + std::to_string(static_cast<int>(next.merge));
        break;
      case SessionMachine::Step::Kind::dropped:
        seen += " d" + std::string(next.why);
        break;
      case SessionMachine::Step::Kind::closed:
        seen += " x" + to_string(machine.error()) + to_hex(machine.take_output());
        over = true;
        break;
    }
  }
  machine.expire(deadline);
  MYELIN_CHECK(
      up == (machine.state() == SessionMachine::State::established) || machine.state() == SessionMachine::State::closed,
      "after its time a machine is established or closed");
  return seen;
}

}  // namespace
}  // namespace myelin::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace myelin::protocol;
  if (size == 0) return 0;
  const View bytes(data + 1, size - 1);
  const unsigned role = data[0];
  const std::string whole = run(role, bytes, SIZE_MAX);
  MYELIN_CHECK(run(role, bytes, 1) == whole, "byte by byte gives the same");
  MYELIN_CHECK(run(role, bytes, 2 + (role >> 2)) == whole, "other cuts give the same");
  return 0;
}
