// Any bytes as W3's host, Hello and message header: what is taken is what would have been written, to the byte.
#include "base/check.hpp"
#include "protocol/frame.hpp"
#include "protocol/handshake.hpp"
#include "protocol/wire_w3.hpp"

#include <algorithm>
#include <array>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace myelin::protocol;
  const myelin::View bytes(data, size);
  if (const auto host = w3::get_host(bytes)) {
    MYELIN_CHECK(w3::can_name(*host), "a host that was read can be named");
    myelin::Bytes again;
    w3::put_host(again, *host);
    MYELIN_CHECK(std::ranges::equal(again, bytes), "a host is written as it was read");
  }
  if (const auto hello = read_hello(bytes); hello && hello->wire == Wire::w3) {
    const myelin::Bytes frame = hello_frame(Wire::w3, hello->host);
    MYELIN_CHECK(std::ranges::equal(myelin::View(frame).subspan(frame_head_bytes + 2), bytes),
                 "a Hello is written as it was read");
  }
  if (const auto message = w3::get_message(bytes)) {
    std::array<std::uint8_t, w3::header_bytes> header{};
    w3::put_header(header.data(), message->id);
    MYELIN_CHECK(std::ranges::equal(header, bytes.first(w3::header_bytes)), "a header comes back");
  }
  return 0;
}
