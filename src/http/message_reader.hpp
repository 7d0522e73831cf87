// MessageReader: HTTP/1.1 messages out of arriving bytes, by Beast's parser; no socket, no clock.
//
// Feed bytes as they arrive, take the head when it is complete, then the body in pieces; next() begins with the message
// that follows on the same connection (pipelining: bytes beyond the message stay).
//
// Invariants: a head is at most `max_head_bytes`; unread bytes are bounded by what the caller feeds (it reads from its
// connection only while wants() says so); names of header fields are compared without case.
// Source: RFC 9112. Thread: one.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace myelin::http {

inline constexpr std::size_t max_head_bytes = 16 * 1024;
inline constexpr std::size_t read_ahead_bytes = 64 * 1024;

enum class Side : std::uint8_t { request, response };

class MessageReader {
 public:
  explicit MessageReader(Side side);
  MessageReader(MessageReader&&) noexcept;
  MessageReader& operator=(MessageReader&&) noexcept;
  ~MessageReader();

  void feed(View bytes);
  // Whether there is room for more bytes.
  bool wants() const;
  // The connection ended: a response without a length ends here; anything else that is incomplete is an error from now
  // on.
  void feed_end();
  // Whether any byte of the next message is here.
  bool started() const;

  // Parses on; true once the head is complete. Errors: bad_request (malformed), too_large (over max_head_bytes),
  // link_lost (the connection ended within it).
  Result<bool> head();
  // REQUIRES for all below: head() gave true.
  std::string method() const;  // requests: "POST"
  std::string target() const;  // requests: path and query as sent
  unsigned status() const;     // responses
  unsigned version() const;    // 10 or 11
  bool keep_alive() const;
  bool chunked() const;
  std::optional<std::uint64_t> content_length() const;
  // The value of a field, of the head or (after the body's end) of the trailer; empty if there is none.
  std::string field(std::string_view name) const;
  bool has_field(std::string_view name) const;
  // How often the field stands in the head.
  std::size_t count(std::string_view name) const;

  // Up to `max` bytes of the body that are here now: some, or none yet (more bytes are wanted), or none and done().
  // Errors: bad_request (malformed chunks), link_lost (the connection ended within it).
  Result<Buffer> body(std::size_t max);
  // The whole message, trailer included, was taken.
  bool done() const;
  // A response to HEAD, 204 and the like: there is no body, whatever the head says. Before body().
  void skip_body();
  // Throws away what has arrived and not been taken (the connection is about to close); returns how much.
  std::size_t discard();
  // Forgets this message and begins with the next. REQUIRES: done().
  void next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace myelin::http
