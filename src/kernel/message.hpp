// The one message model: who asks (Principal), whom (Address), what (Message), and how it ended (a Response or an
// Error).
//
// Invariants: a request ends in exactly one outcome. The principal is set by the kernel or by the front that
// authenticated the caller, never by the sender. A payload is nothing, a rope (may be given back, sent again, sent to
// several) or a stream with one reader. Thread: values; a payload stream's reader belongs to one loop, named when the
// pipe was made.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "identity/peer_id.hpp"
#include "io/pipe.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace myelin::kernel {

struct Principal {
  enum class Kind : std::uint8_t {
    operator_,  // the program itself, its configuration
    process,    // a process of this node: pid
    peer,       // an authenticated libp2p peer: peer
    token,      // a holder of the node's HTTP token
    anonymous,  // a local HTTP client without one
  };
  Kind kind = Kind::anonymous;
  Pid pid;                // process only
  identity::PeerId peer;  // peer only
  // "process 3xRb…", "peer 12D3…", "token", "anonymous", "operator"
  std::string to_string() const;
};

// `[<peer or alias>/]<pid or name>`
struct Address {
  identity::PeerId node;                   // empty: this node
  std::variant<Pid, std::string> process;  // a PID, or a name on that node

  // Resolves an alias of the configuration to a peer; nothing if there is none.
  using Aliases = std::function<std::optional<identity::PeerId>(std::string_view)>;
  // Errors: bad_request.
  static Result<Address> parse(std::string_view text, const Aliases& aliases);
  std::string to_string() const;
};

// `[a-z0-9][a-z0-9._-]{0,63}`, and not a PID.
bool valid_process_name(std::string_view name);
// `[A-Za-z][A-Za-z0-9_.-]{0,127}`, and not reserved: `_start`, `_initialize`, allocators, `cabi_*`.
bool valid_method_name(std::string_view name);

// `/ww/0.1.0/<peer>/<pid>/<method>`: the path of a call, on HTTP and as a libp2p protocol ID.
struct CallPath {
  identity::PeerId node;
  std::variant<Pid, std::string> process;
  std::string method;
  // Strict: five segments, version 0.1.0, no percent sign, no empty segment, valid names. `aliases` may be empty.
  // Errors: bad_request.
  static Result<CallPath> parse(std::string_view text, const Address::Aliases& aliases);
  std::string to_string() const;
};

struct Payload {
  std::string mime;
  std::optional<std::uint64_t> size;  // bytes, if known before
  std::variant<std::monostate, Rope, io::PipeReader> bytes;
  bool present() const { return bytes.index() != 0; }
};

struct Message {
  enum class Kind : std::uint8_t { request, response };
  Kind kind = Kind::request;
  std::uint64_t id = 0;  // of the request, unique on its source; a response repeats it
  Address source;
  Address target;
  std::string method;
  Buffer body;  // typed, JSON by convention
  Payload payload;
  Buffer metadata;  // for middleware
  std::optional<Instant> deadline;
  Principal principal;
  std::string path;            // the path it came under, as sent; empty for kernel messages
  std::string correlation;     // request id for logs and traces, at most 128 printable ASCII characters; may be empty
  bool wants_response = true;  // false: one-way; its outcome is the mailbox's
};

// What a request became. Success holds a Message of kind response.
using Outcome = Result<Message>;
using OutcomeCallback = std::move_only_function<void(Outcome)>;

// A full mailbox has room again. Whoever gives one with a request and is refused as mailbox_full with this detail will
// be called, once; with another detail it will not.
using RoomCallback = std::move_only_function<void()>;
inline constexpr std::uint32_t room_follows = 1;

}  // namespace myelin::kernel
