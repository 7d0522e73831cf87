// Multiaddrs: self-describing addresses, `/ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…` (multiformats/multiaddr).
//
// Invariants: a Multiaddr is well formed: every component known, with a value of its size. Equality is that of the
// bytes. Codes read and written: ip4 4, tcp 6, udp 273, ip6 41, ip6zone 42, dns 53, dns4 54, dns6 55, dnsaddr 56,
// p2p-circuit 290, unix 400, p2p 421 (alias /ipfs/), tls 448, sni 449, noise 454, quic 460, quic-v1 461, webtransport
// 465, certhash 466, ws 477, wss 478, webrtc-direct 280. Thread: values.
//
// Strict, in text and bytes alike: ports are decimal without leading zeros; names are DNS names of at most 253
// characters in ASCII; peers are peer IDs; a zone is at most 64 printable characters without `/`; a unix path is
// printable ASCII and takes the rest of the address. Text may end in one `/`. At most `max_components` components,
// `max_bytes` bytes, `max_text` characters; every address within the first two fits the third.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "identity/peer_id.hpp"
#include "io/network.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::libp2p {

class Multiaddr {
 public:
  enum Code : std::uint32_t {
    ip4 = 4,
    tcp = 6,
    ip6 = 41,
    ip6zone = 42,
    dns = 53,
    dns4 = 54,
    dns6 = 55,
    dnsaddr = 56,
    udp = 273,
    webrtc_direct = 280,
    p2p_circuit = 290,
    unix_path = 400,
    p2p = 421,
    tls = 448,
    sni = 449,
    noise = 454,
    quic = 460,
    quic_v1 = 461,
    webtransport = 465,
    certhash = 466,
    ws = 477,
    wss = 478,
  };
  struct Component {
    std::uint32_t code;
    Bytes value;  // without its length prefix
    friend auto operator<=>(const Component&, const Component&) = default;
  };

  static constexpr std::size_t max_components = 32;
  static constexpr std::size_t max_bytes = 1024;
  static constexpr std::size_t max_text = 4096;

  Multiaddr() = default;  // empty, which no text or bytes stand for
  // Errors: bad_request.
  static Result<Multiaddr> parse(std::string_view text);
  static Result<Multiaddr> from_bytes(View bytes);
  // /ip4|ip6/…/tcp/…
  static Multiaddr tcp_address(const io::SocketAddress& address);

  const std::vector<Component>& components() const { return components_; }
  Bytes to_bytes() const;
  // Canonical: parse() of it gives the same address; peers in base58, certificate hashes in base64url.
  std::string to_string() const;
  bool empty() const { return components_.empty(); }

  // The peer named by the last /p2p component, if there is one.
  std::optional<identity::PeerId> peer() const;
  // With /p2p/<id> at the end, in place of one that is there. An address that ends in a unix path, after which nothing
  // can stand, stays as it is.
  Multiaddr with_peer(const identity::PeerId& id) const;
  // Without the /p2p component at the end, if there is one.
  Multiaddr without_peer() const;
  // The socket, for exactly /ip4|ip6/…/tcp/…[/p2p/…].
  std::optional<io::SocketAddress> tcp_socket() const;

  friend auto operator<=>(const Multiaddr&, const Multiaddr&) = default;

 private:
  std::vector<Component> components_;
};

}  // namespace myelin::libp2p
