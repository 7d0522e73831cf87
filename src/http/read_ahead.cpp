#include "http/read_ahead.hpp"

#include <utility>

namespace myelin::http {

io::Task<void> ReadAhead::run() {
  for (;;) {
    while (!reader_.wants() && !stopping_) {
      room_.reset();
      co_await room_.wait();
    }
    if (stopping_) break;
    Result<Buffer> bytes = co_await stream_.read(read_ahead_bytes);
    if (!bytes || bytes->empty()) break;
    reader_.feed(bytes->view());
    arrived_.set();
  }
  ended_ = true;
  reader_.feed_end();
  arrived_.set();
  if (auto callback = std::exchange(on_end_, nullptr)) callback();
}

io::Task<Result<void>> ReadAhead::more(std::optional<Instant> deadline) {
  if (!arrived_.is_set()) {
    if (ended_) co_return fail(ErrorCode::link_lost, "the connection ended");
    if (deadline) {
      Result<void> waited = co_await arrived_.wait_until(*deadline);
      if (!waited) co_return fail(waited.error());
    } else {
      co_await arrived_.wait();
    }
  }
  arrived_.reset();
  co_return Result<void>{};
}

void ReadAhead::taken() {
  if (reader_.wants()) room_.set();
}

void ReadAhead::stop() {
  stopping_ = true;
  room_.set();
}

void ReadAhead::on_end(std::function<void()> callback) {
  on_end_ = std::move(callback);
  if (ended_) {
    if (auto now = std::exchange(on_end_, nullptr)) now();
  }
}

}  // namespace myelin::http
