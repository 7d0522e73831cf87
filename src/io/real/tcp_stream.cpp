#include "io/real/tcp_stream.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "io/real/loop_core.hpp"
#include "io/real/sockets.hpp"
#include "io/real/system_error.hpp"
#include "io/sync.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace myelin::io::real {

namespace {

// System calls that succeed at once, in a row, before others of the loop get their turn.
constexpr unsigned rounds_before_yield = 16;
constexpr std::size_t segments_per_send = 1024;  // IOV_MAX of Linux
// Segments to receive into: a chunk, unless the reader asks for more, and no more than a few of the largest records
// that the wires above us frame (64 KiB and a length).
constexpr std::size_t least_receive_bytes = limits::chunk_bytes;
constexpr std::size_t most_receive_bytes = 4 * (limits::chunk_bytes + 16);

// Between programs of one machine bytes are on their way for microseconds. A send buffer that grows to megabytes, as
// the kernel lets it, only means that the receiver finds them in main memory instead of in a cache.
constexpr int local_send_buffer_bytes = 256 * 1024;  // the kernel adds as much again for its own accounts

class Busy {
 public:
  Busy(bool& flag, const char* why) : flag_(flag) {
    MYELIN_CHECK(!flag, why);
    flag = true;
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { flag_ = false; }

 private:
  bool& flag_;
};

}  // namespace

RealSocket::~RealSocket() {
  if (fd_ < 0) return;
  set_reset_on_close(fd_);
  ::close(fd_);
}

int RealSocket::release() { return std::exchange(fd_, -1); }

RealTcpStream::RealTcpStream(LoopCore& loop, int fd, bool read_ended, bool write_ended)
    : loop_(loop),
      socket_(loop, fd),
      local_(local_of(socket_.fd())),
      remote_(remote_of(socket_.fd())),
      read_ended_(read_ended),
      write_ended_(write_ended) {
  set_no_delay(socket_.fd());
  if (remote_.ip.is_loopback() || remote_.ip == local_.ip) set_send_buffer(socket_.fd(), local_send_buffer_bytes);
}

RealTcpStream::~RealTcpStream() {
  if (!read_ended_ || !write_ended_) reset();
  MYELIN_CHECK(!reading_ && !writing_, "a stream was destroyed during a read or write");
}

Error RealTcpStream::broken(Error why) {
  if (!broken_) broken_ = std::move(why);
  return *broken_;
}

std::optional<Result<Buffer>> RealTcpStream::receive(std::size_t max) {
  Buffer& segment = loop_.receive_segment();
  const std::size_t wanted = std::clamp(max, least_receive_bytes, most_receive_bytes);
  if (segment.size() < wanted || segment.size() > 2 * wanted || !segment.unique()) segment = Buffer::allocate(wanted);
  const std::size_t size = std::min(max, segment.size());
  socket_.forget_change(Way::read);
  const ssize_t n = recv(socket_.fd(), segment.writable().data(), size, 0);
  if (n > 0) {
    const auto got = static_cast<std::size_t>(n);
    drained_ = got < size && !socket_.half_closed();
    // A mostly full segment is handed over; of a mostly empty one the bytes are copied, so that it pins no more.
    if (got < segment.size() / 2) return Buffer::copy_of(segment.view().first(got));
    Buffer whole = std::exchange(segment, {});
    whole.truncate(got);
    return whole;
  }
  if (n == 0) {
    read_ended_ = true;
    return Buffer();
  }
  if (errno == EAGAIN || errno == EINTR) {
    drained_ = errno == EAGAIN;
    return std::nullopt;
  }
  return fail(broken(link_error("recv", errno)));
}

Task<Result<Buffer>> RealTcpStream::read(std::size_t max) {
  MYELIN_CHECK(max > 0, "a read of at most 0 bytes");
  const Busy busy(reading_, "two reads of one stream at a time");
  while (true) {
    if (broken_) co_return fail(*broken_);
    if (read_ended_) co_return Buffer();
    if (drained_) {
      drained_ = false;
      reads_in_a_row_ = 0;
      if (!co_await socket_.wait(Way::read) && !broken_) broken(link_error("wait", EBADF));
    } else if (++reads_in_a_row_ > rounds_before_yield) {
      reads_in_a_row_ = 0;
      co_await yield(loop_);
    } else if (auto result = receive(max)) {
      co_return std::move(*result);
    }
  }
}

std::optional<Result<void>> RealTcpStream::send(Rope& bytes) {
  std::array<iovec, segments_per_send> pieces;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled as needed
  std::size_t count = 0;
  for (const Buffer& buffer : bytes.segments()) {
    if (count == pieces.size()) break;
    pieces[count++] = {const_cast<std::uint8_t*>(buffer.data()), buffer.size()};
  }
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = count;
  socket_.forget_change(Way::write);
  const ssize_t n = sendmsg(socket_.fd(), &message, MSG_NOSIGNAL);
  if (n >= 0) {
    bytes.drop_front(static_cast<std::size_t>(n));
    unsent_ = bytes.size();
    return Result<void>{};
  }
  if (errno == EAGAIN || errno == EINTR) return std::nullopt;
  return fail(broken(link_error("send", errno)));
}

namespace {

bool is_gone(int fd) {
  pollfd state{.fd = fd, .events = 0, .revents = 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace

Task<Result<void>> RealTcpStream::write(Rope bytes) {
  const Busy busy(writing_, "two writes of one stream at a time");
  MYELIN_CHECK(!write_ended_, "a write to a stream after close_write");
  unsent_ = bytes.size();
  // An empty write has nothing to wait for, and tells of a connection that is known to be gone.
  if (bytes.empty() && !broken_ && is_gone(socket_.fd())) broken(link_error("write", ECONNRESET));
  Result<void> outcome;
  for (unsigned rounds = 1; outcome; ++rounds) {
    if (broken_) {
      outcome = fail(*broken_);
    } else if (bytes.empty()) {
      break;
    } else if (rounds % rounds_before_yield == 0) {
      co_await yield(loop_);
    } else if (auto sent = send(bytes)) {
      outcome = std::move(*sent);
    } else if (!co_await socket_.wait(Way::write) && !broken_) {
      broken(link_error("wait", EBADF));
    }
  }
  unsent_ = 0;
  co_return outcome;
}

Task<Result<void>> RealTcpStream::close_write() {
  MYELIN_CHECK(!writing_, "close_write during a write");
  if (broken_) co_return fail(*broken_);
  if (write_ended_) co_return Result<void>{};
  write_ended_ = true;
  if (shutdown(socket_.fd(), SHUT_WR) != 0) co_return fail(broken(link_error("shutdown", errno)));
  co_return Result<void>{};
}

void RealTcpStream::reset() {
  broken(Error{ErrorCode::cancelled, "the stream was reset here"});
  if (socket_.fd() < 0) return;
  set_reset_on_close(socket_.fd());
  socket_.close();
}

void RealTcpStream::keep_alive(Duration silence) {
  if (socket_.fd() < 0) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(silence).count();
  set_keep_alive(socket_.fd(), static_cast<int>(std::clamp<std::int64_t>(seconds, 3, 86'400)));
}

std::unique_ptr<DetachedSocket> RealTcpStream::detach() {
  MYELIN_CHECK(!reading_ && !writing_, "a stream was detached during a read or write");
  auto socket = std::make_unique<RealSocket>(socket_.release(), read_ended_, write_ended_);
  broken(Error{ErrorCode::cancelled, "the stream was detached"});
  return socket;
}

}  // namespace myelin::io::real
