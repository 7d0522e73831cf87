// Plain socket calls: addresses to and from sockaddr, sockets with our options set.
// Thread: any.
#pragma once

#include "io/network.hpp"

#include <sys/socket.h>

namespace myelin::io::real {

struct SockAddr {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SockAddr to_sockaddr(const SocketAddress& address);
// The unspecified IPv4 address if the family is another.
SocketAddress from_sockaddr(const sockaddr* address);
SocketAddress local_of(int fd);
SocketAddress remote_of(int fd);

// A non-blocking, close-on-exec TCP socket for the family of `ip`; minus errno on failure.
int open_tcp(const IpAddress& ip);
// TCP_NODELAY: what we write is a whole message; waiting for more would only delay it.
void set_no_delay(int fd);
// SO_KEEPALIVE with three probes, so that a silent peer is given up after about `silence_s` seconds (at least 3), and
// TCP_USER_TIMEOUT (RFC 5482) for what it does not acknowledge.
void set_keep_alive(int fd, int silence_s);
// Bounds what the kernel keeps of what we write, instead of tuning it by what the network holds (SO_SNDBUF).
void set_send_buffer(int fd, int bytes);
// A close sends a reset and drops what is unsent.
void set_reset_on_close(int fd);

}  // namespace myelin::io::real
