#include "http/connection.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <array>

namespace myelin::http {
namespace {

constexpr std::size_t max_request_id = 128;
// After an answer that came before the request's end: how long and how much is read on, so that the answer is not lost
// to a reset.
constexpr Duration linger_limit = std::chrono::seconds(2);
constexpr std::size_t linger_bytes = 4 * limits::mib;

bool valid_request_id(std::string_view id) {
  return !id.empty() && id.size() <= max_request_id &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string mint_request_id(io::Loop& loop) {
  std::array<std::uint8_t, 8> bytes;
  loop.random(bytes);
  return to_hex(bytes);
}

unsigned status_of_head_error(ErrorCode code) {
  if (code == ErrorCode::too_large) return 431;
  if (code == ErrorCode::timeout) return 408;
  return 400;
}

}  // namespace

void Connection::finish() {
  finishing_ = true;
  if (idle_) reset();
}

io::Task<void> Connection::run() {
  io::Scope reading(loop_);
  reading.spawn(input_.run());
  while (!finishing_) {
    idle_ = true;
    if (!co_await read_head()) break;
    idle_ = false;
    if (!co_await serve_one()) break;
  }
  co_await linger();
  stream_->reset();
  input_.stop();
  co_await reading.join();
}

io::Task<bool> Connection::read_head() {
  const node::HttpConfig& config = services_.node->config().http;
  MessageReader& reader = input_.reader();
  Instant deadline = loop_.now() + (reader.started() ? config.header_timeout : config.idle_timeout);
  bool started = reader.started();
  for (;;) {
    Result<bool> head = reader.head();
    input_.taken();
    if (head && *head) co_return true;
    if (!head) {
      if (head.error().code != ErrorCode::link_lost)
        co_await refuse(head.error(), status_of_head_error(head.error().code));
      co_return false;
    }
    if (!started && reader.started()) {
      started = true;
      deadline = loop_.now() + config.header_timeout;
    }
    Result<void> more = co_await input_.more(deadline);
    if (more) continue;
    if (more.error().code == ErrorCode::timeout && started) {
      co_await refuse(Error{ErrorCode::timeout, "the head of the request did not arrive in time"}, 408);
    }
    co_return false;
  }
}

io::Task<void> Connection::refuse(Error error, unsigned status) {
  Request request;
  request.id = mint_request_id(loop_);
  request.keep_alive = false;
  Exchange exchange(loop_, *stream_, input_, memory_, std::move(request), Duration::zero());
  co_await exchange.respond_error(std::move(error), status);
}

Request Connection::take_request() const {
  const MessageReader& reader = input_.reader();
  Request request;
  request.method = reader.method();
  split_target(reader.target(), request.path, request.query);
  request.version = reader.version();
  request.keep_alive = reader.keep_alive();
  request.content_type = reader.field("Content-Type");
  request.length = reader.content_length();
  request.timeout = reader.field("Myelin-Timeout-Ms");
  const std::string expect = reader.field("Expect");
  request.expects_continue = request.version >= 11 && (expect == "100-continue" || expect == "100-Continue");
  request.id = reader.field("Myelin-Request-Id");
  return request;
}

io::Task<bool> Connection::serve_one() {
  const Instant begin = loop_.now();
  const MessageReader& reader = input_.reader();
  Request request = take_request();
  if (!valid_request_id(request.id)) request.id = mint_request_id(loop_);
  Result<void> allowed = guard_.check(reader.field("Host"), reader.field("Origin"), request.version);
  if (allowed && reader.count("Host") > 1) allowed = fail(ErrorCode::bad_request, "more than one Host");
  Result<bool> authorized = guard_.authorize(reader.field("Authorization"));
  if (authorized) request.authorized = *authorized;
  if (finishing_) request.keep_alive = false;

  Exchange exchange(loop_, *stream_, input_, memory_, std::move(request), services_.node->config().http.idle_timeout);
  services_.figures.requests.fetch_add(1, std::memory_order_relaxed);
  if (!allowed) {
    co_await exchange.respond_error(allowed.error());
  } else if (!authorized) {
    co_await exchange.respond_error(authorized.error());
  } else {
    co_await route(&services_, &exchange);
  }

  const unsigned status = exchange.status();
  services_.figures.answers[std::min<std::size_t>(status / 100, 5)].fetch_add(1, std::memory_order_relaxed);
  const auto took_us = std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - begin).count();
  if (log::enabled("http", log::Level::debug)) {
    log::debug("http", "request",
               {{"id", exchange.request().id},
                {"method", exchange.request().method},
                {"path", exchange.request().path},
                {"status", static_cast<std::uint64_t>(status)},
                {"us", static_cast<std::int64_t>(took_us)}});
  }
  if (!exchange.keep_alive() || !input_.reader().done()) co_return false;
  input_.reader().next();
  co_return true;
}

io::Task<void> Connection::linger() {
  MessageReader& reader = input_.reader();
  if (input_.ended() || finishing_) co_return;
  if (!co_await stream_->close_write()) co_return;
  const Instant deadline = loop_.now() + linger_limit;
  std::size_t total = 0;
  while (!input_.ended() && total < linger_bytes) {
    total += reader.discard();
    input_.taken();
    if (!co_await input_.more(deadline)) co_return;
  }
}

}  // namespace myelin::http
