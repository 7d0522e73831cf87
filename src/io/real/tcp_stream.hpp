// The TCP connection of the real world, over a non-blocking socket.
//
// A read is one recv; a write is as few sendmsg as the kernel takes. Work that never has to wait yields to the loop
// after some rounds, so that one busy connection does not starve the others.
// Thread, lifetime: as Stream.
#pragma once

#include "io/network.hpp"
#include "io/real/descriptor.hpp"

#include <optional>

namespace myelin::io::real {

// A socket between loops, with what was seen of its two halves.
class RealSocket final : public DetachedSocket {
 public:
  RealSocket(int fd, bool read_ended, bool write_ended) : read_ended_(read_ended), write_ended_(write_ended), fd_(fd) {}
  RealSocket(const RealSocket&) = delete;
  RealSocket& operator=(const RealSocket&) = delete;
  ~RealSocket() override;  // resets a connection that nobody attached

  int release();
  const bool read_ended_;
  const bool write_ended_;

 private:
  int fd_;
};

class RealTcpStream final : public TcpStream {
 public:
  // Takes over a connected, non-blocking socket.
  RealTcpStream(LoopCore& loop, int fd, bool read_ended = false, bool write_ended = false);
  ~RealTcpStream() override;

  Task<Result<Buffer>> read(std::size_t max) override;
  Task<Result<void>> write(Rope bytes) override;
  Task<Result<void>> close_write() override;
  void reset() override;
  SocketAddress local() const override { return local_; }
  SocketAddress remote() const override { return remote_; }
  std::size_t unsent_bytes() const override { return unsent_; }
  void keep_alive(Duration silence) override;
  std::unique_ptr<DetachedSocket> detach() override;

 private:
  // What one system call gave: a result to return, or nothing: wait and try again.
  std::optional<Result<Buffer>> receive(std::size_t max);
  std::optional<Result<void>> send(Rope& bytes);
  // Ends both halves with `why`, if nothing did before.
  Error broken(Error why);

  LoopCore& loop_;
  Descriptor socket_;
  SocketAddress local_;
  SocketAddress remote_;
  std::optional<Error> broken_;
  bool read_ended_;
  bool write_ended_;
  bool reading_ = false;
  bool writing_ = false;
  bool drained_ = false;  // the last recv took all there was: wait before the next
  unsigned reads_in_a_row_ = 0;
  std::size_t unsent_ = 0;
};

}  // namespace myelin::io::real
