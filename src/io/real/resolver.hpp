// Name lookups with the system's resolver, blocking: for a thread that may block. The parser of TXT answers is pure.
// Thread: any; it owns what it touches.
#pragma once

#include "base/bytes.hpp"
#include "io/network.hpp"

#include <optional>
#include <string>
#include <vector>

namespace myelin::io::real {

// getaddrinfo: A and AAAA, in its order, each once. Error: offline.
Result<std::vector<IpAddress>> look_up(const std::string& host);
// TXT records; each is its character-strings joined (RFC 1035 §3.3.14; dnsaddr entries span several when long).
// `server` replaces the system's resolvers (tests). Errors: offline (no such name, no answer, no record).
Result<std::vector<std::string>> look_up_txt(const std::string& name, Duration timeout,
                                             std::optional<SocketAddress> server = std::nullopt);
// The TXT records in the answer section of a DNS message. Error: offline if it is malformed.
Result<std::vector<std::string>> parse_txt(View message);

}  // namespace myelin::io::real
