#include "libp2p/multiaddr.hpp"

#include "base/ids.hpp"
#include "base/varint.hpp"
#include "identity/multibase.hpp"
#include "identity/multihash.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <utility>

namespace myelin::libp2p {
namespace {

enum class Kind : std::uint8_t { none, ip4, ip6, port, name, zone, path, peer, hash };

struct Protocol {
  std::uint32_t code;
  std::string_view name;
  Kind kind;
};

// multiformats/multicodec table, `multiaddr` rows.
constexpr std::array protocols{
    Protocol{Multiaddr::ip4, "ip4", Kind::ip4},
    Protocol{Multiaddr::tcp, "tcp", Kind::port},
    Protocol{Multiaddr::ip6, "ip6", Kind::ip6},
    Protocol{Multiaddr::ip6zone, "ip6zone", Kind::zone},
    Protocol{Multiaddr::dns, "dns", Kind::name},
    Protocol{Multiaddr::dns4, "dns4", Kind::name},
    Protocol{Multiaddr::dns6, "dns6", Kind::name},
    Protocol{Multiaddr::dnsaddr, "dnsaddr", Kind::name},
    Protocol{Multiaddr::udp, "udp", Kind::port},
    Protocol{Multiaddr::webrtc_direct, "webrtc-direct", Kind::none},
    Protocol{Multiaddr::p2p_circuit, "p2p-circuit", Kind::none},
    Protocol{Multiaddr::unix_path, "unix", Kind::path},
    Protocol{Multiaddr::p2p, "p2p", Kind::peer},
    Protocol{Multiaddr::tls, "tls", Kind::none},
    Protocol{Multiaddr::sni, "sni", Kind::name},
    Protocol{Multiaddr::noise, "noise", Kind::none},
    Protocol{Multiaddr::quic, "quic", Kind::none},
    Protocol{Multiaddr::quic_v1, "quic-v1", Kind::none},
    Protocol{Multiaddr::webtransport, "webtransport", Kind::none},
    Protocol{Multiaddr::certhash, "certhash", Kind::hash},
    Protocol{Multiaddr::ws, "ws", Kind::none},
    Protocol{Multiaddr::wss, "wss", Kind::none},
};
constexpr std::string_view p2p_alias = "ipfs";

constexpr std::size_t max_zone = 64;
constexpr std::size_t max_dns_name = 253;
constexpr std::size_t max_dns_label = 63;

const Protocol* find_protocol(std::uint64_t code) {
  const auto found =
      std::find_if(protocols.begin(), protocols.end(), [&](const Protocol& p) { return p.code == code; });
  return found == protocols.end() ? nullptr : &*found;
}

const Protocol* find_protocol(std::string_view name) {
  if (name == p2p_alias) name = "p2p";
  const auto found =
      std::find_if(protocols.begin(), protocols.end(), [&](const Protocol& p) { return p.name == name; });
  return found == protocols.end() ? nullptr : &*found;
}

// Bytes of a value whose size is fixed by its kind; nothing for those behind a length.
std::optional<std::size_t> fixed_size(Kind kind) {
  switch (kind) {
    case Kind::none:
      return 0;
    case Kind::ip4:
      return 4;
    case Kind::ip6:
      return 16;
    case Kind::port:
      return 2;
    case Kind::name:
    case Kind::zone:
    case Kind::path:
    case Kind::peer:
    case Kind::hash:
      return std::nullopt;
  }
  return std::nullopt;
}

bool is_printable(std::string_view text, char least) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return c >= least && c <= '~'; });
}

bool is_label(std::string_view label, bool first) {
  if (first && label == "*") return true;  // names of certificates, /sni/*.example.com
  return !label.empty() && label.size() <= max_dns_label && std::all_of(label.begin(), label.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_dns_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);  // the root
  if (name.empty() || name.size() > max_dns_name) return false;
  for (bool first = true;; first = false) {
    const std::size_t dot = name.find('.');
    if (!is_label(name.substr(0, dot), first)) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool is_path(std::string_view path) {
  return path.size() >= 2 && path.front() == '/' && path.back() != '/' && is_printable(path, ' ');
}

// Whether `value` is one for that kind; sizes that are fixed have been checked.
bool is_value(Kind kind, View value) {
  switch (kind) {
    case Kind::none:
    case Kind::ip4:
    case Kind::ip6:
    case Kind::port:
      return true;
    case Kind::name:
      return is_dns_name(as_text(value));
    case Kind::zone:
      return !value.empty() && value.size() <= max_zone && is_printable(as_text(value), '!') &&
             as_text(value).find('/') == std::string_view::npos;
    case Kind::path:
      return is_path(as_text(value));
    case Kind::peer:
      return identity::PeerId::from_bytes(value).has_value();
    case Kind::hash:
      return identity::decode_multihash(value).has_value();
  }
  return false;
}

std::optional<Bytes> parse_ip(int family, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;  // where inet_pton would stop reading
  Bytes value(family == AF_INET ? 4 : 16);
  if (inet_pton(family, std::string(text).c_str(), value.data()) != 1) return std::nullopt;
  return value;
}

std::optional<Bytes> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || (text.size() > 1 && text[0] == '0')) {
    return std::nullopt;
  }
  return Bytes{static_cast<std::uint8_t>(port >> 8), static_cast<std::uint8_t>(port)};
}

std::optional<Bytes> parse_value(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::none:
      return Bytes{};
    case Kind::ip4:
      return parse_ip(AF_INET, text);
    case Kind::ip6:
      return parse_ip(AF_INET6, text);
    case Kind::port:
      return parse_port(text);
    case Kind::name:
    case Kind::zone:
    case Kind::path: {
      const View bytes = as_view(text);
      if (!is_value(kind, bytes)) return std::nullopt;
      return Bytes(bytes.begin(), bytes.end());
    }
    case Kind::peer: {
      const Result<identity::PeerId> id = identity::PeerId::parse(text);
      if (!id) return std::nullopt;
      return Bytes(id->bytes().begin(), id->bytes().end());
    }
    case Kind::hash: {
      Result<identity::Multibase> decoded = identity::multibase_decode(text);
      if (!decoded || !is_value(kind, decoded->bytes)) return std::nullopt;
      return std::move(decoded->bytes);
    }
  }
  return std::nullopt;
}

std::string ip_text(int family, const Bytes& value) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return inet_ntop(family, value.data(), text.data(), text.size());
}

std::string value_text(Kind kind, const Bytes& value) {
  switch (kind) {
    case Kind::none:
      return {};
    case Kind::ip4:
      return ip_text(AF_INET, value);
    case Kind::ip6:
      return ip_text(AF_INET6, value);
    case Kind::port:
      return std::to_string((value[0] << 8) | value[1]);
    case Kind::name:
    case Kind::zone:
    case Kind::path:
      return to_text(value);
    case Kind::peer:
      return base58_encode(value);
    case Kind::hash:
      return identity::multibase_encode(identity::Base::base64url, value);
  }
  return {};
}

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::bad_request, "multiaddr: " + std::string(what));
}

// Takes the next `/…` off `text`, which begins with its slash; without the slash.
std::string_view take_part(std::string_view& text) {
  text.remove_prefix(1);
  const std::string_view part = text.substr(0, text.find('/'));
  text.remove_prefix(part.size());
  return part;
}

Result<Multiaddr::Component> take_component(std::string_view& text) {
  const std::string_view name = take_part(text);
  const Protocol* protocol = find_protocol(name);
  if (protocol == nullptr) return malformed("a component that is not known");
  if (protocol->kind == Kind::none) return Multiaddr::Component{protocol->code, {}};
  if (text.empty()) return malformed(std::string(name) + " without a value");
  // A path takes the rest, slashes and all.
  const std::string_view value = protocol->kind == Kind::path ? std::exchange(text, {}) : take_part(text);
  std::optional<Bytes> bytes = parse_value(protocol->kind, value);
  if (!bytes) return malformed("the value of " + std::string(name) + " is not one");
  return Multiaddr::Component{protocol->code, std::move(*bytes)};
}

Result<Multiaddr::Component> take_component(View& bytes) {
  const Varint code = get_varint_strict(bytes);
  if (code.state != Varint::State::ok) return malformed("a code that is not a varint");
  const Protocol* protocol = find_protocol(code.value);
  if (protocol == nullptr) return malformed("a component that is not known");
  bytes = bytes.subspan(code.size);
  const std::optional<std::size_t> fixed = fixed_size(protocol->kind);
  std::uint64_t size = fixed.value_or(0);
  if (!fixed) {
    const Varint length = get_varint_strict(bytes);
    if (length.state != Varint::State::ok) return malformed("a length that is not a varint");
    size = length.value;
    bytes = bytes.subspan(length.size);
  }
  if (size > bytes.size()) return malformed("a value that is cut off");
  const View value = bytes.first(size);
  if (!is_value(protocol->kind, value)) return malformed("the value of " + std::string(protocol->name) + " is not one");
  bytes = bytes.subspan(size);
  return Multiaddr::Component{protocol->code, Bytes(value.begin(), value.end())};
}

std::size_t wire_size(const Multiaddr::Component& component) {
  const std::size_t size = varint_size(component.code) + component.value.size();
  return fixed_size(find_protocol(component.code)->kind) ? size : size + varint_size(component.value.size());
}

}  // namespace

Result<Multiaddr> Multiaddr::parse(std::string_view text) {
  if (text.size() > max_text) return malformed("too long");
  if (!text.starts_with('/')) return malformed("it begins with a slash");
  if (text.ends_with('/')) text.remove_suffix(1);
  if (text.empty()) return malformed("empty");
  Multiaddr address;
  std::size_t bytes = 0;
  while (!text.empty()) {
    Result<Component> component = take_component(text);
    if (!component) return fail(component.error());
    bytes += wire_size(*component);
    if (address.components_.size() == max_components || bytes > max_bytes) return malformed("too long");
    address.components_.push_back(std::move(*component));
  }
  return address;
}

Result<Multiaddr> Multiaddr::from_bytes(View bytes) {
  if (bytes.empty()) return malformed("empty");
  if (bytes.size() > max_bytes) return malformed("too long");
  Multiaddr address;
  while (!bytes.empty()) {
    Result<Component> component = take_component(bytes);
    if (!component) return fail(component.error());
    if (address.components_.size() == max_components) return malformed("too long");
    address.components_.push_back(std::move(*component));
  }
  // In text a path takes all that follows, so it can only be last.
  const auto path = std::find_if(address.components_.begin(), address.components_.end(),
                                 [](const Component& component) { return component.code == unix_path; });
  if (path != address.components_.end() && path + 1 != address.components_.end()) {
    return malformed("a unix path that is not last");
  }
  return address;
}

Multiaddr Multiaddr::tcp_address(const io::SocketAddress& address) {
  const bool v4 = address.ip.family == io::IpAddress::Family::v4;
  const View ip = View(address.ip.bytes).first(v4 ? 4 : 16);
  Multiaddr multiaddr;
  multiaddr.components_.push_back({v4 ? ip4 : ip6, Bytes(ip.begin(), ip.end())});
  multiaddr.components_.push_back(
      {tcp, {static_cast<std::uint8_t>(address.port >> 8), static_cast<std::uint8_t>(address.port)}});
  return multiaddr;
}

Bytes Multiaddr::to_bytes() const {
  Bytes bytes;
  for (const Component& component : components_) {
    put_varint(bytes, component.code);
    if (!fixed_size(find_protocol(component.code)->kind)) put_varint(bytes, component.value.size());
    bytes.insert(bytes.end(), component.value.begin(), component.value.end());
  }
  return bytes;
}

std::string Multiaddr::to_string() const {
  std::string text;
  for (const Component& component : components_) {
    const Protocol* protocol = find_protocol(component.code);
    text.append("/").append(protocol->name);
    if (protocol->kind == Kind::none) continue;
    if (protocol->kind != Kind::path) text.push_back('/');  // a path has its own
    text.append(value_text(protocol->kind, component.value));
  }
  return text;
}

std::optional<identity::PeerId> Multiaddr::peer() const {
  const auto last = std::find_if(components_.rbegin(), components_.rend(),
                                 [](const Component& component) { return component.code == p2p; });
  if (last == components_.rend()) return std::nullopt;
  Result<identity::PeerId> id = identity::PeerId::from_bytes(last->value);
  if (!id) return std::nullopt;
  return std::move(*id);
}

Multiaddr Multiaddr::with_peer(const identity::PeerId& id) const {
  Multiaddr address = without_peer();
  if (!address.empty() && address.components_.back().code == unix_path) return address;
  address.components_.push_back({p2p, Bytes(id.bytes().begin(), id.bytes().end())});
  return address;
}

Multiaddr Multiaddr::without_peer() const {
  Multiaddr address = *this;
  if (!address.empty() && address.components_.back().code == p2p) address.components_.pop_back();
  return address;
}

std::optional<io::SocketAddress> Multiaddr::tcp_socket() const {
  const bool plain = components_.size() == 2;
  const bool with_peer = components_.size() == 3 && components_[2].code == p2p;
  if ((!plain && !with_peer) || components_[1].code != tcp) return std::nullopt;
  const Component& ip = components_[0];
  if (ip.code != ip4 && ip.code != ip6) return std::nullopt;
  io::SocketAddress socket;
  socket.ip.family = ip.code == ip4 ? io::IpAddress::Family::v4 : io::IpAddress::Family::v6;
  std::copy(ip.value.begin(), ip.value.end(), socket.ip.bytes.begin());
  const Bytes& port = components_[1].value;
  socket.port = static_cast<std::uint16_t>((port[0] << 8) | port[1]);
  return socket;
}

}  // namespace myelin::libp2p
