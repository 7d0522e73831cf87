// multistream-select against any peer, in any pieces: the machines agree only on what was proposed, keep no more than
// one message, and take nothing once they have ended.
#include "base/check.hpp"
#include "base/limits.hpp"
#include "libp2p/multistream.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using namespace myelin;
using namespace myelin::libp2p::multistream;

void dial(View bytes, std::size_t step) {
  Dialer machine = *Dialer::create({"/a", "/b/1.0.0"});
  while (!bytes.empty() && machine.state() == State::reading) {
    const std::size_t n = std::min(step, bytes.size());
    Rope in(Buffer::copy_of(bytes.first(n)));
    machine.receive(in);
    MYELIN_CHECK(in.empty() || machine.state() != State::reading, "a machine that reads takes all");
    MYELIN_CHECK(machine.take_output().size() < 64, "no more is written than was to be proposed");
    bytes = bytes.subspan(n);
  }
  if (machine.state() == State::agreed) {
    MYELIN_CHECK(machine.protocol() == "/a" || machine.protocol() == "/b/1.0.0", "only what was proposed is agreed");
  }
}

void listen(View bytes, std::size_t step) {
  Listener machine;
  std::size_t proposals = 0;
  while (!bytes.empty() && machine.state() == State::reading) {
    const std::size_t n = std::min(step, bytes.size());
    Rope in(Buffer::copy_of(bytes.first(n)));
    for (machine.receive(in); machine.state() == State::proposed; machine.receive(in)) {
      MYELIN_CHECK(valid_protocol(machine.proposal()), "a proposal is a protocol");
      MYELIN_CHECK(++proposals <= max_proposals, "proposals end");
      machine.proposal() == "/a" ? machine.accept() : machine.refuse();
    }
    MYELIN_CHECK(machine.take_output().size() < 64 + 4 * max_proposals, "answers are bounded");
    bytes = bytes.subspan(n);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = 1 + (data[0] >> 1);
  const View bytes(data + 1, size - 1);
  if ((data[0] & 1) == 0) {
    dial(bytes, step);
  } else {
    listen(bytes, step);
  }
  return 0;
}
