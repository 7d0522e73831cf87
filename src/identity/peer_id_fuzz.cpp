// Peer IDs and multibase from anywhere: what is read is written in a form that is read as the same.
#include "base/check.hpp"
#include "identity/multibase.hpp"
#include "identity/peer_id.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace myelin;
  using namespace myelin::identity;
  const View bytes(data, size);
  for (const Result<PeerId>& id : {PeerId::from_bytes(bytes), PeerId::parse(as_text(bytes))}) {
    if (!id) continue;
    MYELIN_CHECK(PeerId::parse(id->to_string()) == *id, "base58 is read back");
    MYELIN_CHECK(PeerId::parse(id->to_cid_string()) == *id, "the CID is read back");
    MYELIN_CHECK(PeerId::from_bytes(id->bytes()) == *id, "the bytes are read back");
  }
  if (const Result<Multibase> decoded = multibase_decode(as_text(bytes))) {
    const Result<Multibase> again = multibase_decode(multibase_encode(decoded->base, decoded->bytes));
    MYELIN_CHECK(again && again->bytes == decoded->bytes, "multibase is read back");
  }
  return 0;
}
