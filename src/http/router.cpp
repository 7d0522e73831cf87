#include "http/services.hpp"

#include <array>
#include <string_view>

namespace myelin::http {
namespace {

bool under(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

constexpr std::array<std::string_view, 6> open_paths{"/version", "/status", "/info", "/root", "/healthz", "/readyz"};

bool is_open(std::string_view path) {
  for (std::string_view open : open_paths) {
    if (path == open) return true;
  }
  return false;
}

}  // namespace

io::Task<void> refuse_method(Exchange* exchange, std::string allow) {
  Fields fields{{"Allow", std::move(allow)}};
  co_await exchange->respond_error(
      Error{ErrorCode::bad_request, "this path does not take " + exchange->request().method}, 405, std::move(fields));
}

io::Task<void> refuse_path(Exchange* exchange) {
  co_await exchange->respond_error(Error{ErrorCode::bad_request, "there is nothing under this path"}, 404);
}

io::Task<void> route(Services* services, Exchange* exchange) {
  const std::string path = exchange->request().path;
  if (under(path, "/ww")) {
    co_await serve_call(services, exchange);
  } else if (is_open(path)) {
    co_await serve_open(services, exchange);
  } else if (!exchange->request().authorized && (path == "/metrics" || under(path, "/v1"))) {
    Fields fields{{"WWW-Authenticate", "Bearer"}};
    co_await exchange->respond_error(Error{ErrorCode::unauthorized, "this needs the node's token"}, 0,
                                     std::move(fields));
  } else if (path == "/metrics") {
    co_await serve_open(services, exchange);
  } else if (under(path, "/v1/processes")) {
    co_await serve_processes(services, exchange);
  } else if (under(path, "/v1/peers")) {
    co_await serve_peers(services, exchange);
  } else {
    co_await refuse_path(exchange);
  }
}

}  // namespace myelin::http
