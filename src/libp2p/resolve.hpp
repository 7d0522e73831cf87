// From multiaddrs to sockets: /ip4, /ip6, /dns, /dns4, /dns6 with /tcp, and /dnsaddr, whose TXT records at
// `_dnsaddr.<host>` are multiaddrs again (libp2p specs, addressing/README.md).
//
// Invariants: at most max_lookups questions to DNS, max_depth levels of /dnsaddr and max_candidates results, whatever
// the records say; a record for another peer than the one wanted is left out. Thread: the loop's.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "identity/peer_id.hpp"
#include "io/cancel.hpp"
#include "io/loop.hpp"
#include "io/network.hpp"
#include "libp2p/multiaddr.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace myelin::libp2p {

inline constexpr std::size_t max_lookups = 16;
inline constexpr std::size_t max_depth = 4;
inline constexpr std::size_t max_candidates = 32;
inline constexpr Duration lookup_timeout = std::chrono::seconds(5);

struct Candidate {
  io::SocketAddress socket;
  Multiaddr address;  // the resolved one, without /p2p
};

// Candidates in the order in which to try them: families alternate, IPv6 first (RFC 8305 §4), no socket twice.
// Errors: offline (names that do not resolve), unsupported (nothing that TCP could reach), cancelled.
io::Task<Result<std::vector<Candidate>>> resolve(io::Loop* loop, std::vector<Multiaddr> addresses,
                                                 std::optional<identity::PeerId> peer, io::CancelToken token);

}  // namespace myelin::libp2p
