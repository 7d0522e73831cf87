#include "io/stream.hpp"

#include <cstring>
#include <utility>

namespace myelin::io {

namespace {

Task<Result<Buffer>> read_exactly_from(Stream* stream, std::size_t size) {
  if (size == 0) co_return Buffer();
  Buffer whole;  // allocated only if the bytes come in more than one piece
  std::size_t filled = 0;
  while (true) {
    auto piece = co_await stream->read(size - filled);
    if (!piece) co_return fail(std::move(piece.error()));
    if (piece->empty()) {
      co_return fail(ErrorCode::protocol,
                     "the stream ended after " + std::to_string(filled) + " of " + std::to_string(size) + " bytes");
    }
    if (filled == 0 && piece->size() == size) co_return std::move(*piece);
    if (whole.empty()) whole = Buffer::allocate(size);
    std::memcpy(whole.writable().data() + filled, piece->data(), piece->size());
    filled += piece->size();
    if (filled == size) co_return std::move(whole);
  }
}

}  // namespace

Task<Result<Buffer>> read_exactly(Stream& stream, std::size_t size) { return read_exactly_from(&stream, size); }

}  // namespace myelin::io
