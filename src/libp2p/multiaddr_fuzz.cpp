// Multiaddrs from anywhere: text and bytes that are read are written in a form that is read as the same.
#include "base/check.hpp"
#include "libp2p/multiaddr.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace myelin;
  using libp2p::Multiaddr;
  const View bytes(data, size);
  const Result<Multiaddr> read = Multiaddr::from_bytes(bytes);
  if (read) {
    const Bytes written = read->to_bytes();
    MYELIN_CHECK(as_text(written) == as_text(bytes), "only the canonical bytes are read");
  }
  for (const Result<Multiaddr>& address : {read, Multiaddr::parse(as_text(bytes))}) {
    if (!address) continue;
    MYELIN_CHECK(!address->empty() && address->components().size() <= Multiaddr::max_components, "within its bounds");
    MYELIN_CHECK(address->to_string().size() <= Multiaddr::max_text, "within its bounds");
    MYELIN_CHECK(Multiaddr::parse(address->to_string()) == *address, "the text is read back");
    MYELIN_CHECK(Multiaddr::from_bytes(address->to_bytes()) == *address, "the bytes are read back");
    if (const auto socket = address->tcp_socket()) {
      MYELIN_CHECK(Multiaddr::tcp_address(*socket) == address->without_peer(), "the socket is that of the address");
    }
    const auto peer = address->peer();
    const bool path_last = address->components().back().code == Multiaddr::unix_path;
    if (peer && !path_last) MYELIN_CHECK(address->with_peer(*peer).peer() == peer, "the peer is the last one named");
  }
  return 0;
}
