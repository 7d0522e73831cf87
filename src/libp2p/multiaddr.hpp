// Multiaddrs: self-describing addresses, `/ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…` (multiformats/multiaddr).
//
// Invariants: a Multiaddr is well formed: every component known, with a value of its size. Equality is that of the
// bytes. Codes read and written: ip4 4, tcp 6, udp 273, ip6 41, ip6zone 42, dns 53, dns4 54, dns6 55, dnsaddr 56,
// p2p-circuit 290, unix 400, p2p 421 (alias /ipfs/), tls 448, sni 449, noise 454, quic 460, quic-v1 461, webtransport
// 465, certhash 466, ws 477, wss 478, webrtc-direct 280. Thread: values.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "identity/peer_id.hpp"
#include "io/network.hpp"

#include <compare>
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

  Multiaddr() = default;
  // Errors: bad_request.
  static Result<Multiaddr> parse(std::string_view text);
  static Result<Multiaddr> from_bytes(View bytes);
  // /ip4|ip6/…/tcp/…
  static Multiaddr tcp_address(const io::SocketAddress& address);

  const std::vector<Component>& components() const { return components_; }
  Bytes to_bytes() const;
  std::string to_string() const;
  bool empty() const { return components_.empty(); }

  // The peer named by the last /p2p component, if there is one.
  std::optional<identity::PeerId> peer() const;
  Multiaddr with_peer(const identity::PeerId& id) const;
  Multiaddr without_peer() const;
  // The socket, for exactly /ip4|ip6/…/tcp/…[/p2p/…].
  std::optional<io::SocketAddress> tcp_socket() const;

  friend auto operator<=>(const Multiaddr&, const Multiaddr&) = default;

 private:
  std::vector<Component> components_;
};

}  // namespace myelin::libp2p
