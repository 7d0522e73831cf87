#include "http/guard.hpp"

#include <algorithm>

namespace myelin::http {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

bool same_secret(std::string_view given, std::string_view held) {
  if (given.size() != held.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < held.size(); ++i) difference |= static_cast<unsigned>(given[i] ^ held[i]);
  return difference == 0;
}

}  // namespace

std::string host_without_port(std::string_view host) {
  if (host.starts_with('[')) return lower(host.substr(0, host.find(']') + 1));
  return lower(host.substr(0, host.find(':')));
}

bool Guard::own_host(std::string_view host) const {
  const std::string name = host_without_port(host);
  if (name == "localhost" || name == "127.0.0.1" || name == "[::1]") return true;
  if (name == host_without_port(config_.listen)) return true;
  return std::any_of(config_.allowed_hosts.begin(), config_.allowed_hosts.end(), [&](const std::string& allowed) {
    return lower(allowed) == name || lower(allowed) == lower(host);
  });
}

Result<void> Guard::check(std::string_view host, std::string_view origin, unsigned version) const {
  if (host.empty() && version >= 11) return fail(ErrorCode::bad_request, "HTTP/1.1 requests name their Host");
  if (!host.empty() && !own_host(host))
    return fail(ErrorCode::forbidden, "this node does not go by the name of that Host");
  if (origin.empty()) return {};
  if (origin == "http://" + std::string(host)) return {};
  for (const std::string& allowed : config_.allowed_origins) {
    if (origin == allowed) return {};
  }
  return fail(ErrorCode::forbidden, "web pages of that Origin may not use this node");
}

Result<bool> Guard::authorize(std::string_view authorization) const {
  if (authorization.empty()) return false;
  constexpr std::string_view scheme = "bearer ";
  if (lower(authorization.substr(0, scheme.size())) == scheme &&
      same_secret(authorization.substr(scheme.size()), token_)) {
    return true;
  }
  return fail(ErrorCode::unauthorized, "that is not this node's token");
}

}  // namespace myelin::http
