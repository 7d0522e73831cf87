// Any bytes as W0's host, Hello and message header: what is taken is what would have been written.
#include "base/check.hpp"
#include "protocol/frame.hpp"
#include "protocol/handshake.hpp"
#include "protocol/wire_w0.hpp"

#include <algorithm>
#include <array>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace myelin::protocol;
  const myelin::View bytes(data, size);
  if (const auto host = w0::get_host(bytes)) {
    MYELIN_CHECK(w0::can_name(*host), "a host that was read can be named");
    myelin::Bytes again;
    w0::put_host(again, *host);
    MYELIN_CHECK(w0::get_host(again) == host, "a host comes back");
    const auto hello = read_hello(bytes);
    MYELIN_CHECK(!hello || (hello->wire == Wire::w0 && hello->host == *host), "a Hello of it is W0's");
  }
  if (const auto message = w0::get_message(bytes)) {
    std::array<std::uint8_t, w0::header_bytes> header{};
    w0::put_header(header.data(), message->protocol, message->id);
    MYELIN_CHECK(std::ranges::equal(header, bytes.first(w0::header_bytes)), "a header comes back");
    MYELIN_CHECK(message->payload.size() + w0::header_bytes == size, "the rest is the payload");
  }
  return 0;
}
