// Listening sockets of the real world.
// Thread, lifetime: as TcpListener.
#pragma once

#include "io/network.hpp"
#include "io/real/descriptor.hpp"

namespace myelin::io::real {

class RealTcpListener final : public TcpListener {
 public:
  // SO_REUSEADDR, so that a node that restarts gets its port; IPV6_V6ONLY, so that [::] and 0.0.0.0 are two listeners.
  // Errors as Network::listen.
  static Result<std::unique_ptr<TcpListener>> open(LoopCore& loop, SocketAddress at);

  RealTcpListener(LoopCore& loop, int fd);
  ~RealTcpListener() override;
  SocketAddress local() const override { return local_; }
  Task<Result<std::unique_ptr<TcpStream>>> accept() override;
  void close() override;

 private:
  LoopCore& loop_;
  Descriptor socket_;
  SocketAddress local_;
  bool closed_ = false;
  bool accepting_ = false;
  unsigned accepts_in_a_row_ = 0;
};

}  // namespace myelin::io::real
