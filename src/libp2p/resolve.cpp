#include "libp2p/resolve.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace myelin::libp2p {

namespace {

using Family = io::IpAddress::Family;

// One resolution. Its member coroutines run within the life of the coroutine that owns it.
class Resolution {
 public:
  Resolution(io::Loop& loop, std::optional<identity::PeerId> peer, io::CancelToken token)
      : loop_(loop), peer_(std::move(peer)), token_(std::move(token)) {}

  io::Task<void> add(Multiaddr address, std::size_t depth) {
    if (found_.size() >= max_candidates || token_.fired()) co_return;
    if (peer_ && address.peer() && *address.peer() != *peer_) co_return;
    const Multiaddr bare = address.without_peer();
    if (auto socket = bare.tcp_socket()) {
      take(*socket);
      co_return;
    }
    const auto& parts = bare.components();
    if (parts.empty()) co_return;
    const std::string host = to_text(parts.front().value);
    if (parts.size() == 1 && parts[0].code == Multiaddr::dnsaddr) {
      co_await add_records(host, depth);
    } else if (parts.size() == 2 && parts[1].code == Multiaddr::tcp && parts[1].value.size() == 2) {
      const auto port = static_cast<std::uint16_t>((parts[1].value[0] << 8) | parts[1].value[1]);
      co_await add_name(host, port, parts[0].code);
    }
  }

  std::vector<Candidate> take_ordered() {
    std::vector<Candidate> v6, v4, ordered;
    for (Candidate& candidate : found_) {
      (candidate.socket.ip.family == Family::v6 ? v6 : v4).push_back(std::move(candidate));
    }
    for (std::size_t i = 0; i < std::max(v6.size(), v4.size()); ++i) {
      if (i < v6.size()) ordered.push_back(std::move(v6[i]));
      if (i < v4.size()) ordered.push_back(std::move(v4[i]));
    }
    return ordered;
  }
  const std::optional<Error>& lookup_error() const { return lookup_error_; }

 private:
  void take(const io::SocketAddress& socket) {
    if (found_.size() >= max_candidates || std::ranges::find(found_, socket, &Candidate::socket) != found_.end())
      return;
    found_.push_back({socket, Multiaddr::tcp_address(socket)});
  }

  bool may_look_up() { return lookups_++ < max_lookups; }

  io::Task<void> add_name(std::string host, std::uint16_t port, std::uint32_t code) {
    if (code != Multiaddr::dns && code != Multiaddr::dns4 && code != Multiaddr::dns6) co_return;
    if (!may_look_up()) co_return;
    auto addresses = co_await loop_.network().resolve(std::move(host), lookup_timeout, token_);
    if (!addresses) {
      lookup_error_ = addresses.error();
      co_return;
    }
    for (const io::IpAddress& ip : *addresses) {
      if (code == Multiaddr::dns4 && ip.family != Family::v4) continue;
      if (code == Multiaddr::dns6 && ip.family != Family::v6) continue;
      take({ip, port});
    }
  }

  io::Task<void> add_records(std::string host, std::size_t depth) {
    constexpr std::string_view prefix = "dnsaddr=";
    if (depth >= max_depth || !may_look_up()) co_return;
    auto records = co_await loop_.network().resolve_txt("_dnsaddr." + host, lookup_timeout, token_);
    if (!records) {
      lookup_error_ = records.error();
      co_return;
    }
    for (const std::string& record : *records) {
      if (!record.starts_with(prefix)) continue;
      auto address = Multiaddr::parse(std::string_view(record).substr(prefix.size()));
      if (address) co_await add(std::move(*address), depth + 1);
    }
  }

  io::Loop& loop_;
  std::optional<identity::PeerId> peer_;
  io::CancelToken token_;
  std::vector<Candidate> found_;
  std::size_t lookups_ = 0;
  std::optional<Error> lookup_error_;
};

}  // namespace

io::Task<Result<std::vector<Candidate>>> resolve(io::Loop* loop, std::vector<Multiaddr> addresses,
                                                 std::optional<identity::PeerId> peer, io::CancelToken token) {
  Resolution resolution(*loop, std::move(peer), token);
  for (const Multiaddr& address : addresses) co_await resolution.add(address, 0);
  if (token.fired()) co_return fail(ErrorCode::cancelled, "cancelled");
  std::vector<Candidate> ordered = resolution.take_ordered();
  if (!ordered.empty()) co_return ordered;
  if (resolution.lookup_error()) co_return fail(*resolution.lookup_error());
  co_return fail(ErrorCode::unsupported, "no address that TCP could reach");
}

}  // namespace myelin::libp2p
