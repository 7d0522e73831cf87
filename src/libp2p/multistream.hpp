// multistream-select 1.0: how two peers agree on the protocol of a connection or stream.
//
// A message is a strict uvarint length, a text and a line feed; the length counts the line feed. Both sides send
// `/multistream/1.0.0`, then the dialer proposes protocols one by one and the listener echoes one or answers `na`
// (libp2p specs, connections/README.md; multiformats/multistream-select).
//
// How both machines are driven:
//
//   for (;;) {
//     machine.receive(in);                      // takes from the front of `in` what belongs to the negotiation
//     (Listener only) while proposed: accept() or refuse(), receive(in) again
//     write(machine.take_output());             // one write, may be empty
//     if (machine.state() is agreed or failed) break;
//     in.append(read());
//   }
//
// Invariants: a message over limits::multistream_token_bytes is refused at its length, before a byte of it is kept; at
// most one unfinished message is buffered; at most `max_proposals` are made or heard; once agreed, nothing more is
// taken from `in`: what stands there is the agreed protocol's first input. An end of the stream before `agreed` is the
// caller's to report. Thread: values, used by one thread at a time.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::libp2p::multistream {

inline constexpr std::string_view header = "/multistream/1.0.0";
inline constexpr std::size_t max_proposals = 64;

// Whether `id` can be proposed: 1 to limits::multistream_token_bytes - 1 bytes, no line feed, not `na`, `ls` or the
// header itself.
bool valid_protocol(std::string_view id);
// The message that carries `text`: length, text, line feed. REQUIRES: it keeps within limits::multistream_token_bytes.
Bytes message(std::string_view text);

enum class State : std::uint8_t {
  reading,   // more input is needed (after any output was written)
  proposed,  // Listener: accept() or refuse() the proposal()
  agreed,    // protocol() is spoken from here on
  failed,    // error() says why; the stream is of no more use
};

// Splits input into messages. Part of the two machines; here for its tests and fuzzer.
class TokenReader {
 public:
  // The text of the next message without its line feed, removed from `in`; empty (and `in` drained) if more bytes are
  // needed. Errors: protocol (bad or too large length, no line feed at the end, empty, line feed inside). REQUIRES: no
  // error was returned before.
  Result<std::string> next(Rope& in);

 private:
  Bytes pending_;             // of the length, or of the body once `expected_` is known
  std::size_t expected_ = 0;  // bytes of the body; 0: the length is not complete
};

class Dialer {
 public:
  // The protocols to propose, most wanted first. Errors: bad_request (none, more than max_proposals, one not valid).
  static Result<Dialer> create(std::vector<std::string> proposals);

  // Bytes to write now, each given once. After creation: header and first proposal together. With one proposal the
  // caller may append the protocol's own first bytes to that write and save a round trip; they are lost if it fails.
  Bytes take_output();
  void receive(Rope& in);

  State state() const { return state_; }
  // REQUIRES: agreed.
  const std::string& protocol() const;
  // REQUIRES: failed. unsupported (all were refused), protocol (the peer broke the rules).
  const Error& error() const;

 private:
  explicit Dialer(std::vector<std::string> proposals);
  void take(const std::string& text);
  void fail_with(Error error);

  State state_ = State::reading;
  TokenReader reader_;
  std::vector<std::string> proposals_;
  std::size_t current_ = 0;
  bool header_seen_ = false;
  Bytes output_;
  Error error_{};
};

class Listener {
 public:
  // Header, echoes and refusals as they become due. The header answers the peer's own.
  Bytes take_output();
  // Stops at a proposal; does nothing unless state() is `reading`. `ls` is refused with `na`, as it is by go-libp2p.
  void receive(Rope& in);

  State state() const { return state_; }
  // REQUIRES: proposed. Any text without line feed, as the peer sent it.
  const std::string& proposal() const;
  // REQUIRES: proposed.
  void accept();
  // REQUIRES: proposed. The last of max_proposals, when refused, ends as failed (after `na`).
  void refuse();
  // REQUIRES: agreed.
  const std::string& protocol() const;
  // REQUIRES: failed. unsupported (too many proposals), protocol.
  const Error& error() const;

 private:
  void take(std::string text);
  void count_refusal();
  void fail_with(Error error);

  State state_ = State::reading;
  TokenReader reader_;
  std::string proposal_;
  std::size_t refused_ = 0;
  bool header_seen_ = false;
  Bytes output_;
  Error error_{};
};

}  // namespace myelin::libp2p::multistream
