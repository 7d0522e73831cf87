#include "io/simulated/tcp.hpp"

#include "base/check.hpp"

#include <utility>

namespace myelin::io::simulated {

namespace {

// Holds a flag up for the life of a frame; checks that it was down.
class Busy {
 public:
  Busy(bool& flag, const char* why) : flag_(&flag) {
    MYELIN_CHECK(!flag, why);
    flag = true;
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { *flag_ = false; }

 private:
  bool* flag_;
};

// The frames own a share of the connection, so these references and flags live as long as they do.

Task<Result<Buffer>> read_from(std::shared_ptr<Connection> connection, End end, std::size_t max) {
  MYELIN_CHECK(max > 0, "a read of no bytes");
  const Busy busy(connection->reading(end), "a second read on one stream");
  while (true) {
    if (auto outcome = connection->try_read(end, max)) co_return std::move(*outcome);
    co_await connection->readable(end);
  }
}

Task<Result<void>> write_to(std::shared_ptr<Connection> connection, End end, Rope bytes) {
  MYELIN_CHECK(!connection->write_closed(end), "a write after close_write");
  const Busy busy(connection->writing(end), "a second write on one stream");
  while (true) {
    if (auto outcome = connection->try_write(end, bytes)) {
      connection->unsent(end) = 0;
      co_return std::move(*outcome);
    }
    co_await connection->writable(end);
  }
}

Task<Result<void>> close_write_of(std::shared_ptr<Connection> connection, End end) {
  co_return connection->close_write(end);
}

Task<Result<std::unique_ptr<TcpStream>>> accept_from(std::shared_ptr<ListenerState> state) {
  const Busy busy(state->accepting, "a second accept on one listener");
  while (true) {
    if (state->closed) co_return fail(ErrorCode::cancelled, "the listener was closed");
    if (!state->queue.empty()) {
      co_return std::make_unique<SimulatedStream>(Socket(state->queue.pop(), End::acceptor), *state->loop);
    }
    co_await Waiter(state->waiter);
  }
}

}  // namespace

Socket::~Socket() {
  if (connection_ && !connection_->finished(end_)) connection_->reset(end_);
}

SimulatedStream::SimulatedStream(Socket socket, Loop& loop)
    : socket_(std::move(socket)),
      local_(socket_.connection()->address(socket_.end())),
      remote_(socket_.connection()->address(other(socket_.end()))) {
  socket_.connection()->move_to(socket_.end(), &loop);
}

Task<Result<Buffer>> SimulatedStream::read(std::size_t max) {
  MYELIN_CHECK(socket_, "a detached stream is read");
  return read_from(socket_.connection(), socket_.end(), max);
}

Task<Result<void>> SimulatedStream::write(Rope bytes) {
  MYELIN_CHECK(socket_, "a detached stream is written");
  return write_to(socket_.connection(), socket_.end(), std::move(bytes));
}

Task<Result<void>> SimulatedStream::close_write() {
  MYELIN_CHECK(socket_, "a detached stream is closed");
  return close_write_of(socket_.connection(), socket_.end());
}

void SimulatedStream::reset() {
  if (socket_) socket_.connection()->reset(socket_.end());
}

std::size_t SimulatedStream::unsent_bytes() const { return socket_ ? socket_.connection()->unsent(socket_.end()) : 0; }

void SimulatedStream::keep_alive(Duration silence) {
  if (socket_) socket_.connection()->keep_alive(socket_.end(), silence);
}

std::unique_ptr<DetachedSocket> SimulatedStream::detach() {
  MYELIN_CHECK(socket_, "a stream is detached twice");
  auto& connection = *socket_.connection();
  MYELIN_CHECK(!connection.reading(socket_.end()) && !connection.writing(socket_.end()),
               "a stream is detached with a read or write under way");
  connection.move_to(socket_.end(), nullptr);
  return std::make_unique<SimulatedDetached>(std::move(socket_));
}

Task<Result<std::unique_ptr<TcpStream>>> SimulatedListener::accept() { return accept_from(state_); }

}  // namespace myelin::io::simulated
