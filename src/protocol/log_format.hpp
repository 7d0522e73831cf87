// RuntimeLog: the log of one runtime of protocols: structured lines, by component.
//
// Components are runtime, session, transport and protocol; a line of a component that is not chosen, or below the
// level, is not written. As text, in the manner of Go's slog:
//
//   time=2026-11-25T10:00:00.000Z level=INFO msg="session up" component=protocol protocol=pingpong self=127.0.0.1:5001
//
// or as one JSON object with the same keys. Values are escaped, so that nothing foreign can forge a line.
// Thread: that of the runtime; the sink is called on it.
#pragma once

#include "base/error.hpp"
#include "myelin/protocol/context.hpp"
#include "myelin/protocol/runtime.hpp"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace myelin::protocol {

std::string_view name(LogLevel level);  // "debug", "info", "warn", "error"
std::optional<LogLevel> log_level(std::string_view name);
bool is_log_component(std::string_view name);

class RuntimeLog {
 public:
  // `wall_ns`: nanoseconds since 1970.
  RuntimeLog(LogOptions options, std::function<std::int64_t()> wall_ns);

  // Errors: bad_request (a component that there is not).
  static Result<void> check(const LogOptions& options);

  bool enabled(std::string_view component, LogLevel level) const;
  // Writes whatever enabled() says; `protocol` may be empty.
  void write(std::string_view component, std::string_view protocol, LogLevel level, std::string_view event,
             LogFields fields);

 private:
  LogOptions options_;
  std::function<std::int64_t()> wall_ns_;
};

// One line, without its line feed.
std::string format_log_line(LogOptions::Format format, std::int64_t wall_ns, std::string_view component,
                            std::string_view protocol, LogLevel level, std::string_view event, LogFields fields);

// The same as text, without time, component and protocol: for a log that is one protocol's own.
std::string format_log_text(LogLevel level, std::string_view event, LogFields fields);

}  // namespace myelin::protocol
