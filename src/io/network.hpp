// Sockets and names: TCP listeners and connections, and the resolver.
//
// Thread: the loop that owns the Network. A connection may change its loop through detach() and Network::attach().
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "io/cancel.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::io {

// An IPv4 or IPv6 address in network byte order.
struct IpAddress {
  enum class Family : std::uint8_t { v4, v6 };
  Family family = Family::v4;
  std::array<std::uint8_t, 16> bytes{};  // v4 uses the first 4

  static IpAddress loopback_v4() { return {Family::v4, {127, 0, 0, 1}}; }
  static IpAddress loopback_v6();
  static IpAddress any_v4() { return {Family::v4, {}}; }
  static IpAddress any_v6() { return {Family::v6, {}}; }
  static std::optional<IpAddress> parse(std::string_view text);  // no brackets, no zone
  std::string to_string() const;
  bool is_loopback() const;
  bool is_unspecified() const;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

struct SocketAddress {
  IpAddress ip;
  std::uint16_t port = 0;
  std::string to_string() const;  // "127.0.0.1:80", "[::1]:80"
  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

// A connection between loops: owned, not usable until attached.
class DetachedSocket {
 public:
  virtual ~DetachedSocket() = default;
};

class TcpStream : public Stream {
 public:
  virtual SocketAddress local() const = 0;
  virtual SocketAddress remote() const = 0;
  // Bytes written but not yet accepted by the kernel plus what the caller's rope still holds; for accounting.
  virtual std::size_t unsent_bytes() const = 0;
  // Has the peer probed while nothing passes. One that is gone, or does not take what was sent, ends the connection with
  // link_lost after about `silence` (whole seconds, at least 3; real sockets have no probes without it, simulated ones
  // give up after 150 s).
  virtual void keep_alive(Duration silence) = 0;
  // Takes the socket out. REQUIRES: no read or write is under way. The stream is dead afterwards.
  virtual std::unique_ptr<DetachedSocket> detach() = 0;
};

class TcpListener {
 public:
  virtual ~TcpListener() = default;  // closes; a pending accept must have ended
  virtual SocketAddress local() const = 0;
  // Next connection. Errors: cancelled after close(), io (out of descriptors: wait and call again).
  virtual Task<Result<std::unique_ptr<TcpStream>>> accept() = 0;
  virtual void close() = 0;
};

class Network {
 public:
  virtual ~Network() = default;

  // Errors: offline (refused, unreachable), timeout, cancelled, limit (out of descriptors), io.
  virtual Task<Result<std::unique_ptr<TcpStream>>> dial(SocketAddress to, Duration timeout, CancelToken token = {}) = 0;
  // Port 0 takes a free one. Errors: conflict (in use), forbidden (not allowed), io.
  virtual Result<std::unique_ptr<TcpListener>> listen(SocketAddress at) = 0;
  virtual Result<std::unique_ptr<TcpStream>> attach(std::unique_ptr<DetachedSocket> socket) = 0;

  // A and AAAA records, in the order of the system's resolver. Errors: offline (no such name, no answer), timeout,
  // cancelled.
  virtual Task<Result<std::vector<IpAddress>>> resolve(std::string host, Duration timeout, CancelToken token = {}) = 0;
  // TXT records of `name` (for /dnsaddr). Errors as resolve.
  virtual Task<Result<std::vector<std::string>>> resolve_txt(std::string name, Duration timeout,
                                                             CancelToken token = {}) = 0;

  // Addresses of this machine's interfaces that are up.
  virtual std::vector<IpAddress> interfaces() = 0;
};

}  // namespace myelin::io
