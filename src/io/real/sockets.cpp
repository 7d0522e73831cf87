#include "io/real/sockets.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace myelin::io::real {

SockAddr to_sockaddr(const SocketAddress& address) {
  SockAddr out;
  if (address.ip.family == IpAddress::Family::v4) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, address.ip.bytes.data(), 4);
    std::memcpy(&out.storage, &v4, sizeof v4);
    out.size = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, address.ip.bytes.data(), 16);
    std::memcpy(&out.storage, &v6, sizeof v6);
    out.size = sizeof v6;
  }
  return out;
}

SocketAddress from_sockaddr(const sockaddr* address) {
  SocketAddress out;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    std::memcpy(out.ip.bytes.data(), &v4.sin_addr, 4);
    out.port = ntohs(v4.sin_port);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    out.ip.family = IpAddress::Family::v6;
    std::memcpy(out.ip.bytes.data(), &v6.sin6_addr, 16);
    out.port = ntohs(v6.sin6_port);
  }
  return out;
}

SocketAddress local_of(int fd) {
  SockAddr address;
  if (getsockname(fd, address.get(), &address.size) != 0) return {};
  return from_sockaddr(address.get());
}

SocketAddress remote_of(int fd) {
  SockAddr address;
  if (getpeername(fd, address.get(), &address.size) != 0) return {};
  return from_sockaddr(address.get());
}

int open_tcp(const IpAddress& ip) {
  const int family = ip.family == IpAddress::Family::v4 ? AF_INET : AF_INET6;
  const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  return fd >= 0 ? fd : -errno;
}

void set_no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void set_keep_alive(int fd, int silence_s) {
  const int on = 1;
  const int probes = 3;
  const int interval = std::max(1, silence_s / 6);
  const int idle = std::max(1, silence_s - probes * interval);
  const unsigned unacknowledged_ms = static_cast<unsigned>(silence_s) * 1000;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

void set_send_buffer(int fd, int bytes) { setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes); }

void set_reset_on_close(int fd) {
  const linger at_once{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace myelin::io::real
