// What goes out: heads, chunks and trailers of HTTP/1.1 messages as bytes, by Beast's serializer.
//
// Values only. Header values are ours or were checked by those who pass them: a line break in one is a broken
// invariant. Source: RFC 9112. Thread: any.
#pragma once

#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::http {

using Fields = std::vector<std::pair<std::string, std::string>>;

// A response's head; `fields` as they are, in order.
Buffer response_head(unsigned status, unsigned version, const Fields& fields);
Buffer request_head(std::string_view method, std::string_view target, const Fields& fields);
// "HTTP/1.1 100 Continue"
Buffer continue_head();
// One chunk around `bytes` (not empty), which are not copied.
Rope chunk(Rope bytes);
// The last chunk, with trailer fields.
Buffer last_chunk(const Fields& trailer);
// Any text as one line of visible ASCII, at most 500 characters, for a field's value.
std::string field_value(std::string_view text);

}  // namespace myelin::http
