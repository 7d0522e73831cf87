// Key messages from anywhere: what is read is canonical, has a peer ID that is read back, and verifies and signs
// without harm.
#include "base/check.hpp"
#include "identity/keys.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace myelin;
  using namespace myelin::identity;
  if (size == 0) return 0;
  const View bytes(data + 1, size - 1);
  if ((data[0] & 1) == 0) {
    const Result<PublicKey> key = PublicKey::decode(bytes);
    if (!key) return 0;
    MYELIN_CHECK(as_text(key->message()) == as_text(bytes), "only the canonical message is read");
    MYELIN_CHECK(PeerId::from_bytes(key->peer_id().bytes()) == key->peer_id(), "a key's peer ID is one");
    key->verify(bytes, bytes);
    key->verify(bytes, bytes.last(bytes.size() < 64 ? bytes.size() : 64));
  } else {
    const Result<KeyPair> pair = KeyPair::decode(bytes);
    if (!pair) return 0;
    MYELIN_CHECK(pair->public_key().verify(bytes, pair->sign(bytes)), "a key signs what its public half verifies");
    MYELIN_CHECK(PublicKey::decode(pair->public_key().message()) == pair->public_key(), "the public half is a key");
    const Bytes encoded = pair->encode();
    const Result<KeyPair> again = KeyPair::decode(encoded);
    MYELIN_CHECK(again && again->encode() == encoded, "what is written is read back");
  }
  return 0;
}
