// Noise against any peer, in any pieces. The first byte chooses what the rest is:
//   0 a payload    1 what an initiator hears    2 what a responder hears    3 transport frames
//   4 a man in the middle of an honest handshake who changes bytes    5 the same on honest transport frames
#include "base/check.hpp"
#include "libp2p/noise.hpp"
#include "libp2p/noise_payload.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace {

using namespace myelin;
using namespace myelin::libp2p::noise;

Key secret(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return Key(bytes);
}

const identity::KeyPair& identity_of(Role role) {
  static const std::array<identity::KeyPair, 2> pairs{identity::KeyPair::ed25519({1}), identity::KeyPair::ed25519({2})};
  return pairs[role == Role::initiator ? 0 : 1];
}

Handshake handshake(Role role) {
  const std::uint8_t fill = role == Role::initiator ? 1 : 3;
  return Handshake(identity_of(role), {role, secret(fill), secret(fill + 1), std::nullopt, {"/yamux/1.0.0"}});
}

void payload(View bytes) {
  const Result<Payload> decoded = decode_payload(bytes);
  if (!decoded) return;
  const Result<Payload> again = decode_payload(encode_payload(*decoded));
  MYELIN_CHECK(again && again->muxers == decoded->muxers, "what is written is read back");
}

void hear(Role role, View bytes, std::size_t step) {
  Handshake machine = handshake(role);
  while (!bytes.empty() && machine.state() == HandshakeState::running) {
    const std::size_t n = std::min(step, bytes.size());
    Rope in(Buffer::copy_of(bytes.first(n)));
    machine.receive(in);
    machine.take_output();
    bytes = bytes.subspan(n);
  }
  MYELIN_CHECK(machine.state() != HandshakeState::done, "nobody finishes a handshake by chance");
}

void open(View bytes, std::size_t step) {
  Decryptor decryptor(secret(9));
  Rope out;
  while (!bytes.empty()) {
    const std::size_t n = std::min(step, bytes.size());
    if (!decryptor.open(Buffer::copy_of(bytes.first(n)), out)) break;
    bytes = bytes.subspan(n);
  }
  MYELIN_CHECK(out.empty(), "nothing is authentic by chance");
}

// Takes two bytes at a time as a place and a change; whether anything was changed.
bool change(Bytes& message, View& edits) {
  const Bytes before = message;
  for (int i = 0; i < 2 && edits.size() >= 2; ++i) {
    if (!message.empty()) message[edits[0] % message.size()] ^= edits[1];
    edits = edits.subspan(2);
  }
  return message != before;
}

void interfere(View edits, std::size_t step) {
  Handshake initiator = handshake(Role::initiator);
  Handshake responder = handshake(Role::responder);
  bool changed = false;
  for (int i = 0; i < 3; ++i) {
    Handshake& from = i % 2 == 0 ? initiator : responder;
    Handshake& to = i % 2 == 0 ? responder : initiator;
    Bytes message = from.take_output();
    changed = change(message, edits) || changed;
    for (View rest = message; !rest.empty();) {
      const std::size_t n = std::min(step, rest.size());
      Rope in(Buffer::copy_of(rest.first(n)));
      to.receive(in);
      rest = rest.subspan(n);
    }
  }
  const bool both = initiator.state() == HandshakeState::done && responder.state() == HandshakeState::done;
  MYELIN_CHECK(both != changed, "a handshake ends well if, and only if, nobody interfered");
}

void interfere_with_frames(View edits, std::size_t step) {
  Encryptor encryptor(secret(9));
  Rope frames;
  std::size_t total = 0;
  while (edits.size() >= 2 && total < 200'000) {  // sizes of the messages
    const std::size_t size = std::size_t{edits[0]} * edits[1];
    MYELIN_CHECK(encryptor.seal(View(Bytes(size, edits[0])), frames).has_value(), "there are nonces");
    total += size;
    edits = edits.subspan(2);
  }
  Decryptor decryptor(secret(9));
  Rope out;
  while (!frames.empty()) {
    Rope piece = frames.take_front(std::min(step * step, frames.size()));
    MYELIN_CHECK(decryptor.open(std::move(piece), out).has_value(), "honest frames are authentic");
  }
  MYELIN_CHECK(out.size() == total && decryptor.pending_bytes() == 0, "all of the plaintext arrives");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const View bytes(data + 2, size - 2);
  const std::size_t step = 1 + data[1];
  switch (data[0] % 6) {
    case 0:
      payload(bytes);
      break;
    case 1:
      hear(Role::initiator, bytes, step);
      break;
    case 2:
      hear(Role::responder, bytes, step);
      break;
    case 3:
      open(bytes, step);
      break;
    case 4:
      interfere(bytes, step);
      break;
    default:
      interfere_with_frames(bytes, step);
      break;
  }
  return 0;
}
