#include "io/real/tcp_listener.hpp"

#include "base/check.hpp"
#include "io/real/loop_core.hpp"
#include "io/real/sockets.hpp"
#include "io/real/system_error.hpp"
#include "io/real/tcp_stream.hpp"
#include "io/sync.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <unistd.h>
#include <utility>

namespace myelin::io::real {

namespace {

constexpr unsigned accepts_before_yield = 64;

// Errors of one pending connection, not of the listener (accept(2): they are to be treated like EAGAIN).
bool is_of_connection(int error) {
  switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EOPNOTSUPP:
    case EPERM:
    case EINTR:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<std::unique_ptr<TcpListener>> RealTcpListener::open(LoopCore& loop, SocketAddress at) {
  const std::string what = "listen on " + at.to_string();
  const int fd = open_tcp(at.ip);
  if (fd < 0) return fail(listen_error(what, -fd));
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (at.ip.family == IpAddress::Family::v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  const SockAddr address = to_sockaddr(at);
  if (bind(fd, address.get(), address.size) != 0 || ::listen(fd, SOMAXCONN) != 0) {
    const int error = errno;
    ::close(fd);
    return fail(listen_error(what, error));
  }
  return std::make_unique<RealTcpListener>(loop, fd);
}

RealTcpListener::RealTcpListener(LoopCore& loop, int fd)
    : loop_(loop), socket_(loop, fd), local_(local_of(socket_.fd())) {}

RealTcpListener::~RealTcpListener() { MYELIN_CHECK(!accepting_, "a listener was destroyed during an accept"); }

Task<Result<std::unique_ptr<TcpStream>>> RealTcpListener::accept() {
  MYELIN_CHECK(!accepting_, "two accepts on one listener at a time");
  accepting_ = true;
  Result<std::unique_ptr<TcpStream>> result;
  while (true) {
    if (closed_) {
      result = fail(ErrorCode::cancelled, "the listener was closed");
      break;
    }
    if (++accepts_in_a_row_ > accepts_before_yield) {
      accepts_in_a_row_ = 0;
      co_await yield(loop_);
      continue;
    }
    socket_.forget_change(Way::read);
    const int fd = accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const int error = errno;
    if (fd >= 0) {
      result = std::make_unique<RealTcpStream>(loop_, fd);
      break;
    }
    if (error == EAGAIN) {
      accepts_in_a_row_ = 0;
      co_await socket_.wait(Way::read);
    } else if (!is_of_connection(error)) {
      result = fail(io_error("accept", error));
      break;
    }
  }
  accepting_ = false;
  co_return std::move(result);
}

void RealTcpListener::close() {
  closed_ = true;
  socket_.close();
}

}  // namespace myelin::io::real
