// The body of identify_fuzz, which the unit tests replay over the corpus: what a peer may send as identify, in pieces.
#pragma once

#include "base/check.hpp"
#include "libp2p/identify.hpp"

#include <algorithm>

namespace myelin::libp2p::identify::testing {

inline void fuzz(View bytes) {
  if (const auto record = open_peer_record(bytes))
    MYELIN_CHECK(record->addresses.size() <= max_record_addresses, "addresses of a record keep within their limit");
  Reader reader(identity::KeyPair::ed25519({}).peer_id());
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(bytes.size(), 1 + bytes.front());
    if (!reader.receive(Buffer::copy_of(bytes.first(size)))) return;
    bytes = bytes.subspan(size);
  }
  const auto identity = reader.finish();
  if (!identity) return;
  MYELIN_CHECK(identity->protocols.size() <= max_protocols, "protocols keep within their limit");
  MYELIN_CHECK(identity->addresses.size() <= max_addresses, "addresses keep within their limit");
  MYELIN_CHECK(identity->agent.size() <= max_text_bytes, "texts keep within their limit");
  for (const char c : identity->agent) MYELIN_CHECK(static_cast<unsigned char>(c) >= 0x20, "no control characters");
}

}  // namespace myelin::libp2p::identify::testing
