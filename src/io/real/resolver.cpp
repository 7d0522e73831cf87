#include "io/real/resolver.hpp"

#include "io/real/sockets.hpp"

#include <algorithm>
#include <arpa/nameser.h>
#include <chrono>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <utility>

namespace myelin::io::real {

namespace {

constexpr std::size_t longest_answer = 65535;
constexpr int tries = 2;

std::string text_of(int h_error) {
  switch (h_error) {
    case HOST_NOT_FOUND:
      return "no such name";
    case NO_DATA:
      return "the name has no such record";
    case TRY_AGAIN:
      return "no answer from the name servers";
    default:
      return "the name servers answered with a failure";
  }
}

struct ResolverState {
  struct __res_state state{};
  bool ready = false;
  ResolverState() { ready = res_ninit(&state) == 0; }
  ResolverState(const ResolverState&) = delete;
  ResolverState& operator=(const ResolverState&) = delete;
  ~ResolverState() {
    if (ready) res_nclose(&state);
  }
};

// One record's data: length-prefixed strings, joined. Nothing if they overrun the data.
std::optional<std::string> join_strings(View data) {
  std::string text;
  while (!data.empty()) {
    const std::size_t size = data[0];
    if (size >= data.size()) return std::nullopt;
    text += as_text(data.subspan(1, size));
    data = data.subspan(1 + size);
  }
  return text;
}

bool is_localhost(std::string host) {
  if (host.ends_with('.')) host.pop_back();
  std::transform(host.begin(), host.end(), host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return host == "localhost" || host.ends_with(".localhost");
}

}  // namespace

Result<std::vector<IpAddress>> look_up(const std::string& host) {
  // RFC 6761 §6.3: these names are loopback, whatever a resolver says, and never asked of one.
  if (is_localhost(host)) return std::vector<IpAddress>{IpAddress::loopback_v4(), IpAddress::loopback_v6()};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) return fail(ErrorCode::offline, "look up " + host + ": " + gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
  std::vector<IpAddress> found;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    const IpAddress ip = from_sockaddr(entry->ai_addr).ip;
    if (std::find(found.begin(), found.end(), ip) == found.end()) found.push_back(ip);
  }
  if (found.empty()) return fail(ErrorCode::offline, "look up " + host + ": no address");
  return found;
}

Result<std::vector<std::string>> parse_txt(View message) {
  ns_msg parsed;
  if (ns_initparse(message.data(), static_cast<int>(std::min(message.size(), longest_answer)), &parsed) != 0) {
    return fail(ErrorCode::offline, "malformed answer of a name server");
  }
  std::vector<std::string> records;
  for (int i = 0; i < ns_msg_count(parsed, ns_s_an); ++i) {
    ns_rr record;
    if (ns_parserr(&parsed, ns_s_an, i, &record) != 0) {
      return fail(ErrorCode::offline, "malformed answer of a name server");
    }
    if (ns_rr_type(record) != ns_t_txt || ns_rr_class(record) != ns_c_in) continue;
    auto text = join_strings(View(ns_rr_rdata(record), static_cast<std::size_t>(ns_rr_rdlen(record))));
    if (!text) return fail(ErrorCode::offline, "malformed TXT record");
    records.push_back(std::move(*text));
  }
  return records;
}

Result<std::vector<std::string>> look_up_txt(const std::string& name, Duration timeout,
                                             std::optional<SocketAddress> server) {
  ResolverState resolver;
  if (!resolver.ready) return fail(ErrorCode::offline, "the system's resolver is not configured");
  auto& state = resolver.state;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout).count();
  state.retrans = static_cast<int>(std::clamp<std::int64_t>(seconds / tries, 1, 30));
  state.retry = tries;
  if (server && server->ip.family == IpAddress::Family::v4) {
    const SockAddr address = to_sockaddr(*server);
    state.nscount = 1;
    std::memcpy(&state.nsaddr_list[0], &address.storage, sizeof state.nsaddr_list[0]);
  }
  std::vector<std::uint8_t> answer(longest_answer);
  const int size = res_nquery(&state, name.c_str(), ns_c_in, ns_t_txt, answer.data(), static_cast<int>(answer.size()));
  if (size < 0) return fail(ErrorCode::offline, "look up TXT of " + name + ": " + text_of(state.res_h_errno));
  return parse_txt(View(answer).first(std::min<std::size_t>(static_cast<std::size_t>(size), answer.size())));
}

}  // namespace myelin::io::real
