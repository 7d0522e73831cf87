#include "cli/stdio.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <unistd.h>

namespace myelin::cli {

io::Task<Result<Buffer>> read_stdin(io::Loop* loop, std::size_t max) {
  struct Piece {
    Buffer bytes;
    ssize_t size = 0;
    int error = 0;
  };
  auto piece = std::make_shared<Piece>();  // shared: the work outlives this frame if the program ends first
  piece->bytes = Buffer::allocate(max);
  co_await io::offload(*loop, [piece] {
    do {
      piece->size = ::read(0, piece->bytes.writable().data(), piece->bytes.size());
      piece->error = errno;
    } while (piece->size < 0 && piece->error == EINTR);
  });
  if (piece->size < 0) co_return fail(ErrorCode::io, std::string("standard input: ") + std::strerror(piece->error));
  piece->bytes.truncate(static_cast<std::size_t>(piece->size));
  co_return std::move(piece->bytes);
}

io::Task<Result<void>> write_stdout(io::Loop* loop, Buffer bytes) {
  auto error = std::make_shared<int>(0);  // shared: as above
  co_await io::offload(*loop, [error, bytes = std::move(bytes)] {
    View rest = bytes.view();
    while (!rest.empty() && *error == 0) {
      const ssize_t n = ::write(1, rest.data(), rest.size());
      if (n >= 0) {
        rest = rest.subspan(static_cast<std::size_t>(n));
      } else if (errno != EINTR) {
        *error = errno;
      }
    }
  });
  if (*error != 0) co_return fail(ErrorCode::io, std::string("standard output: ") + std::strerror(*error));
  co_return Result<void>{};
}

}  // namespace myelin::cli
