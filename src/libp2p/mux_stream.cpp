#include "libp2p/mux_stream.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "libp2p/connection.hpp"

#include <utility>

namespace myelin::libp2p {

namespace {

// A piece is kept as a slice if it is at least this part of the memory that it keeps alive.
constexpr std::size_t pinned_factor = 8;

class Busy {
 public:
  Busy(bool& flag, std::string_view what) : flag_(flag) {
    MYELIN_CHECK(!flag_, what);
    flag_ = true;
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { flag_ = false; }

 private:
  bool& flag_;
};

}  // namespace

void StreamCore::put(Buffer piece) {
  if (piece.size() < piece.segment_size() / pinned_factor) {
    arrived.append_copy(piece.view());
  } else {
    arrived.append(Rope(std::move(piece)));
  }
  readable.set();
}

void StreamCore::end() {
  ended = true;
  readable.set();
}

void StreamCore::break_off(const Error& why, bool by_us) {
  attached = false;
  if (by_us || !ended) {
    arrived.clear();
    if (!read_error) read_error = why;
  }
  if (!write_error) write_error = why;
  readable.set();
  writable.set();
}

MuxStream::~MuxStream() {
  if (core_->attached && core_->link->connection != nullptr) core_->link->connection->release(*core_);
}

const identity::PeerId& MuxStream::peer() const { return core_->link->peer; }

void MuxStream::negotiated(std::string protocol, Rope unread) {
  protocol_ = std::move(protocol);
  unread_ = std::move(unread);
}

void MuxStream::proposed(multistream::Dialer dialer, std::string protocol) {
  dialer_.emplace(std::move(dialer));
  protocol_ = std::move(protocol);
}

Result<void> MuxStream::settle(Buffer answer) {
  unread_.append(std::move(answer));
  dialer_->receive(unread_);
  if (dialer_->state() == multistream::State::failed) {
    const Error why = dialer_->error();
    reset();
    core_->read_error = why;
    return fail(why);
  }
  if (dialer_->state() == multistream::State::agreed) dialer_.reset();
  return {};
}

io::Task<Result<Buffer>> MuxStream::read(std::size_t max) {
  StreamCore& core = *core_;
  const Busy busy(core.reading, "one read at a time");
  for (;;) {
    if (core.read_error) co_return fail(*core.read_error);
    if (!unread_.empty()) co_return unread_.pop_front(max);
    if (!core.arrived.empty()) {
      Buffer piece = core.arrived.pop_front(max);
      if (core.attached) core.link->connection->consumed(core, piece.size());
      if (!dialer_) co_return piece;
      if (auto settled = settle(std::move(piece)); !settled) co_return fail(settled.error());
      continue;
    }
    if (core.ended) {
      if (dialer_) co_return fail(ErrorCode::protocol, "the peer ended the stream in its negotiation");
      co_return Buffer{};
    }
    core.readable.reset();
    co_await core.readable.wait();
  }
}

io::Task<Result<void>> MuxStream::write(Rope bytes) {
  StreamCore& core = *core_;
  MYELIN_CHECK(!core.write_ended, "nothing is written after close_write()");
  const Busy busy(core.writing, "one write at a time");
  if (core.write_error) co_return fail(*core.write_error);
  if (bytes.empty()) co_return Result<void>{};
  core.link->connection->write(core, std::move(bytes));
  for (;;) {
    if (core.write_error) co_return fail(*core.write_error);
    if (core.link->connection->queued_bytes(core) <= limits::pipe_bytes) co_return Result<void>{};
    core.writable.reset();
    co_await core.writable.wait();
  }
}

io::Task<Result<void>> MuxStream::close_write() {
  StreamCore& core = *core_;
  const Busy busy(core.writing, "close_write() during a write");
  if (core.write_error) co_return fail(*core.write_error);
  if (!std::exchange(core.write_ended, true)) core.link->connection->finish(core);
  co_return Result<void>{};
}

void MuxStream::reset() {
  unread_.clear();
  if (core_->attached && core_->link->connection != nullptr) core_->link->connection->reset(*core_);
  const Error why{ErrorCode::cancelled, "the stream was reset here"};
  core_->read_error = why;
  core_->write_error = why;
  core_->break_off(why, true);
}

}  // namespace myelin::libp2p
