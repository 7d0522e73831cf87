// The one error enum of Myelin, and the result type that carries it.
//
// A failure that is expected is a value: `Result<T>`. A broken invariant aborts. The same codes appear on
// every surface: guest ABI (as minus the number), libp2p wire, HTTP status, CLI exit code (64 + number). The numbers
// are part of the wire: a number is never reused, new codes are appended.
//
// Thread: values, freely copied between threads.
#pragma once

#include "myelin/api.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace myelin {

enum class ErrorCode : std::uint8_t {
  bad_request = 1,   // malformed address, path, record or argument
  unauthorized = 2,  // a token is needed and missing or wrong
  forbidden = 3,     // the principal is known, and not admitted
  no_such_process = 4,
  no_such_method = 5,
  too_large = 6,       // a body, frame or record is over its limit
  invalid_module = 7,  // refused by the pre-check, the compiler or the linker
  mailbox_full = 8,
  cancelled = 9,          // the caller left, or a token was fired
  trapped = 10,           // the guest trapped, or was stopped at a limit of its own
  guest_failed = 11,      // the guest ended with an exit code; `detail` holds it
  unknown_peer = 12,      // no address is known for the peer
  offline = 13,           // addresses are known, none answers
  link_lost = 14,         // the connection broke while the request was under way
  stopping = 15,          // the node or the process is going down
  limit = 16,             // a limit of the node is reached (streams, processes, memory, rate)
  timeout = 17,           // the deadline passed
  conflict = 18,          // a name is taken, a thing exists already
  protocol = 19,          // the peer broke the protocol
  io = 20,                // a device of this machine failed (disk, socket, child process)
  unsupported = 21,       // this build or peer does not offer it
  no_such_protocol = 22,  // no native protocol with that id or name is registered
  no_serializer = 23,     // the message's type has no serializer
  no_channel = 24,        // a runtime of native protocols has no network to run on
  no_handler = 25,        // nobody handles requests of that type
};

inline constexpr std::uint8_t last_error_code = 25;

// Lower-case name as it stands in the header `Myelin-Error`, in logs and in JSON: "no_such_process".
MYELIN_API std::string_view name(ErrorCode code);
// The code with that name; nothing if there is none.
MYELIN_API std::optional<ErrorCode> error_code(std::string_view name);
// The code with that number; nothing if there is none (a newer peer may know more).
MYELIN_API std::optional<ErrorCode> error_code(std::uint64_t number);
// HTTP status for a request that ends with that code. Range 400 to 599.
MYELIN_API int http_status(ErrorCode code);

struct Error {
  ErrorCode code;
  std::string message;       // for people; one line, no trailing full stop, may be empty
  std::uint32_t detail = 0;  // guest_failed: the guest's exit code; mailbox_full: whether room is told; otherwise 0

  friend bool operator==(const Error&, const Error&) = default;
};

// "no_such_process: 3xRb… is not here"
MYELIN_API std::string to_string(const Error& error);

template <typename T>
using Result = std::expected<T, Error>;

// `return fail(ErrorCode::limit, "…");` in a function that returns any Result.
inline std::unexpected<Error> fail(ErrorCode code, std::string message = {}, std::uint32_t detail = 0) {
  return std::unexpected<Error>(Error{code, std::move(message), detail});
}
inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace myelin
