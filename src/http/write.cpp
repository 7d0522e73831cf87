#include "http/write.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>

namespace myelin::http {
namespace {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

boost::beast::string_view beast_view(std::string_view text) { return {text.data(), text.size()}; }

bool one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

template <typename Header>
void set_fields(Header& header, const Fields& fields) {
  for (const auto& [name, value] : fields) {
    MYELIN_CHECK(one_line(value), "a header value is one line");
    header.insert(beast_view(name), beast_view(value));
  }
}

template <bool is_request>
Buffer serialize(bhttp::message<is_request, bhttp::empty_body>& message) {
  bhttp::serializer<is_request, bhttp::empty_body> serializer(message);
  serializer.split(true);
  std::string text;
  beast::error_code error;
  while (!serializer.is_header_done()) {
    serializer.next(error, [&](beast::error_code&, const auto& buffers) {
      text += beast::buffers_to_string(buffers);
      serializer.consume(beast::buffer_bytes(buffers));
    });
    MYELIN_CHECK(!error, "a head can always be written");
  }
  return Buffer::copy_of(text);
}

}  // namespace

Buffer response_head(unsigned status, unsigned version, const Fields& fields) {
  bhttp::response<bhttp::empty_body> response;
  response.result(status);
  response.version(version);
  set_fields(response, fields);
  return serialize<false>(response);
}

Buffer request_head(std::string_view method, std::string_view target, const Fields& fields) {
  bhttp::request<bhttp::empty_body> request;
  request.method_string(beast_view(method));
  request.target(beast_view(target));
  request.version(11);
  set_fields(request, fields);
  return serialize<true>(request);
}

Buffer continue_head() { return Buffer::copy_of("HTTP/1.1 100 Continue\r\n\r\n"); }

Rope chunk(Rope bytes) {
  MYELIN_CHECK(!bytes.empty(), "an empty chunk would end the body");
  Rope out(Buffer::copy_of(beast::buffers_to_string(bhttp::chunk_header(bytes.size()))));
  out.append(std::move(bytes));
  out.append(Buffer::copy_of("\r\n"));
  return out;
}

Buffer last_chunk(const Fields& trailer) {
  bhttp::fields fields;
  set_fields(fields, trailer);
  return Buffer::copy_of(beast::buffers_to_string(bhttp::make_chunk_last(fields)));
}

std::string field_value(std::string_view text) {
  std::string value;
  for (char c : text.substr(0, 500)) value.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  return value;
}

}  // namespace myelin::http
