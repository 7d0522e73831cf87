// The test protocols (README.md): their server, and what both sides use.
//
// Thread: the loop's.
#pragma once

#include "io/scope.hpp"
#include "libp2p/host.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace myelin::interop {

using libp2p::Host;
using libp2p::HostConfig;
using libp2p::Multiaddr;
using libp2p::Stream;

inline constexpr std::string_view echo_protocol = "/test/echo/1";
inline constexpr std::string_view sink_protocol = "/test/sink/1";
inline constexpr std::string_view slow_protocol = "/test/slow/1";
inline constexpr std::string_view reset_protocol = "/test/reset/1";
inline constexpr std::string_view hold_protocol = "/test/hold/1";
inline constexpr std::string_view failed_protocol = "/test/failed/1";

inline constexpr std::size_t chunk_bytes = 64 * 1024;
inline constexpr Duration stall = std::chrono::seconds(2);

// SHA-256 of a stream of bytes.
class Hash {
 public:
  Hash();
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;
  ~Hash();
  void update(View bytes);
  std::string hex();  // once, at the end

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Serves the protocols on a host until join(). The host must have been stopped by then, and outlives the Server.
class Server {
 public:
  Server(io::Loop& loop, Host& host);
  io::Task<void> join() { return scope_.join(); }

 private:
  void serve(std::string_view protocol, io::Task<void> (Server::*handler)(std::unique_ptr<Stream>));
  io::Task<void> echo(std::unique_ptr<Stream> stream);
  io::Task<void> sink(std::unique_ptr<Stream> stream);
  io::Task<void> slow(std::unique_ptr<Stream> stream);
  io::Task<void> reset(std::unique_ptr<Stream> stream);
  io::Task<void> hold(std::unique_ptr<Stream> stream);
  io::Task<void> tell_failed(std::unique_ptr<Stream> stream);
  io::Task<void> digest(std::unique_ptr<Stream> stream, Duration pause);

  io::Loop& loop_;
  Host& host_;
  io::Scope scope_;
  std::uint64_t failed_ = 0;  // streams of hold_protocol that broke
};

}  // namespace myelin::interop
