// Guard: whether a request may reach the API at all: its Host and Origin, its token. Pure.
//
// A web page in the owner's browser can send requests to loopback, and by rebinding a name it can even read the
// answers. So Host must be a name of this node, and an Origin, where there is one, this node's own or one that the
// configuration names. Source: RFC 9110 §7.2, RFC 6454, RFC 6750. Thread: any.
#pragma once

#include "base/error.hpp"
#include "node/config.hpp"

#include <string>
#include <string_view>

namespace myelin::http {

class Guard {
 public:
  Guard(const node::HttpConfig& config, std::string token) : config_(config), token_(std::move(token)) {}

  // `host` and `origin` as sent; empty where absent. Errors: forbidden, bad_request (no Host in HTTP/1.1).
  Result<void> check(std::string_view host, std::string_view origin, unsigned version) const;
  // Whether `authorization` ("Bearer …") holds the token. Errors: unauthorized when it is there and wrong. Takes the
  // same time for any token of the right length.
  Result<bool> authorize(std::string_view authorization) const;

 private:
  bool own_host(std::string_view host) const;
  node::HttpConfig config_;
  std::string token_;
};

// "name", "name:port", "[v6]:port" without the port; lower case.
std::string host_without_port(std::string_view host);

}  // namespace myelin::http
