#include "http/spawn_request.hpp"

#include "base/units.hpp"

#include <limits>

namespace myelin::http {
namespace {

constexpr std::uint64_t page_bytes = 65536;

Result<void> bad(std::string_view what, std::string_view value) {
  return fail(ErrorCode::bad_request, std::string(what) + ": '" + std::string(value) + "' is not valid");
}

Result<void> apply_allow(kernel::AccessList& access, std::string_view value) {
  if (value == "anyone") {
    access.anyone = true;
    return {};
  }
  Result<identity::PeerId> peer = identity::PeerId::parse(value);
  if (!peer) return bad("allow", value);
  access.peers.push_back(std::move(*peer));
  return {};
}

Result<void> apply_parameter(kernel::SpawnSpec& spec, std::string_view key, std::string_view value) {
  if (key == "name") {
    spec.name = std::string(value);
  } else if (key == "restart") {
    const auto policy = kernel::restart_policy(value);
    if (!policy) return bad("restart", value);
    spec.restart = *policy;
  } else if (key == "allow") {
    return apply_allow(spec.access, value);
  } else if (key == "replace") {
    if (value != "true" && value != "false") return bad("replace", value);
    spec.replace = value == "true";
  } else if (key == "env") {
    const std::size_t equals = value.find('=');
    if (equals == std::string_view::npos || equals == 0) return bad("env", value);
    spec.environment.emplace_back(value.substr(0, equals), value.substr(equals + 1));
  } else if (key == "arg") {
    spec.arguments.emplace_back(value);
  } else if (key == "limit") {
    return apply_limit(spec.limits, value);
  } else {
    return fail(ErrorCode::bad_request, "unknown parameter '" + std::string(key) + "'");
  }
  return {};
}

}  // namespace

Result<void> apply_limit(kernel::ProcessLimits& limits, std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return bad("limit", text);
  const std::string_view key = text.substr(0, equals);
  const std::string_view value = text.substr(equals + 1);
  if (key == "wall") {
    const std::optional<Duration> duration = parse_duration(value);
    if (!duration) return bad("limit", text);
    limits.wall_per_call = *duration;
    return {};
  }
  const std::optional<std::uint64_t> number = parse_size(value);
  if (!number) return bad("limit", text);
  const bool small = *number <= std::numeric_limits<std::uint32_t>::max();
  if (key == "memory" && *number >= page_bytes && *number <= (4ull << 30)) {
    limits.memory_pages = static_cast<std::uint32_t>(*number / page_bytes);
  } else if (key == "fuel") {
    limits.fuel_per_call = *number;
  } else if (key == "output") {
    limits.output_bytes_per_call = *number;
  } else if (key == "queue" && small && *number > 0) {
    limits.queue_messages = static_cast<std::uint32_t>(*number);
  } else if (key == "queue-bytes" && *number > 0) {
    limits.queue_bytes = *number;
  } else if (key == "requests" && small) {
    limits.open_requests = static_cast<std::uint32_t>(*number);
  } else {
    return bad("limit", text);
  }
  return {};
}

Result<kernel::SpawnSpec> spawn_spec(const Request& request, const kernel::ProcessLimits& defaults) {
  kernel::SpawnSpec spec;
  spec.limits = defaults;
  for (const auto& [key, value] : request.query) {
    Result<void> applied = apply_parameter(spec, key, value);
    if (!applied) return fail(applied.error());
  }
  return spec;
}

}  // namespace myelin::http
