#include "base/error.hpp"

#include <array>

namespace myelin {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  int http_status;
};

constexpr std::array<Row, last_error_code> rows{{
    {ErrorCode::bad_request, "bad_request", 400},
    {ErrorCode::unauthorized, "unauthorized", 401},
    {ErrorCode::forbidden, "forbidden", 403},
    {ErrorCode::no_such_process, "no_such_process", 404},
    {ErrorCode::no_such_method, "no_such_method", 404},
    {ErrorCode::too_large, "too_large", 413},
    {ErrorCode::invalid_module, "invalid_module", 422},
    {ErrorCode::mailbox_full, "mailbox_full", 429},
    {ErrorCode::cancelled, "cancelled", 499},
    {ErrorCode::trapped, "trapped", 500},
    {ErrorCode::guest_failed, "guest_failed", 500},
    {ErrorCode::unknown_peer, "unknown_peer", 502},
    {ErrorCode::offline, "offline", 502},
    {ErrorCode::link_lost, "link_lost", 502},
    {ErrorCode::stopping, "stopping", 503},
    {ErrorCode::limit, "limit", 503},
    {ErrorCode::timeout, "timeout", 504},
    {ErrorCode::conflict, "conflict", 409},
    {ErrorCode::protocol, "protocol", 502},
    {ErrorCode::io, "io", 500},
    {ErrorCode::unsupported, "unsupported", 501},
    {ErrorCode::no_such_protocol, "no_such_protocol", 404},
    {ErrorCode::no_serializer, "no_serializer", 500},
    {ErrorCode::no_channel, "no_channel", 503},
    {ErrorCode::no_handler, "no_handler", 404},
}};

// Row i is code i + 1: the table is the enum, whole and in order.
constexpr bool table_is_whole() {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (static_cast<std::size_t>(rows[i].code) != i + 1) return false;
  }
  return true;
}
static_assert(table_is_whole());

const Row& row(ErrorCode code) { return rows[static_cast<std::size_t>(code) - 1]; }

}  // namespace

std::string_view name(ErrorCode code) { return row(code).name; }

std::optional<ErrorCode> error_code(std::string_view text) {
  for (const Row& entry : rows) {
    if (entry.name == text) return entry.code;
  }
  return std::nullopt;
}

std::optional<ErrorCode> error_code(std::uint64_t number) {
  if (number == 0 || number > last_error_code) return std::nullopt;
  return static_cast<ErrorCode>(number);
}

int http_status(ErrorCode code) { return row(code).http_status; }

std::string to_string(const Error& error) {
  std::string text(name(error.code));
  if (!error.message.empty()) text.append(": ").append(error.message);
  return text;
}

}  // namespace myelin
