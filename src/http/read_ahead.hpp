// ReadAhead: the one reader of a connection. It reads while there is room, so that a client that leaves is noticed also
// while its request is being served, and bytes of a next request wait their turn.
//
// Invariants: at most read_ahead_bytes and one read more are held; one task of the connection's scope reads, until the
// end or an error. Thread: the connection's loop. Lifetime: the stream is reset and the scope joined before it is
// destroyed.
#pragma once

#include "base/error.hpp"
#include "http/message_reader.hpp"
#include "io/loop.hpp"
#include "io/stream.hpp"
#include "io/sync.hpp"

#include <functional>
#include <optional>

namespace myelin::http {

class ReadAhead {
 public:
  ReadAhead(io::Loop& loop, io::Stream& stream, Side side)
      : stream_(stream), reader_(side), arrived_(loop), room_(loop) {}

  // The reading task; spawn it once.
  io::Task<void> run();

  MessageReader& reader() { return reader_; }
  const MessageReader& reader() const { return reader_; }
  // Waits until more has arrived than when it was last called. Errors: timeout; link_lost or cancelled once nothing
  // more will come.
  io::Task<Result<void>> more(std::optional<Instant> deadline);
  // Tells the task that the reader may want more again. After each taking.
  void taken();
  bool ended() const { return ended_; }
  // Wakes who waits in more(), which then gives success without news.
  void interrupt() { arrived_.set(); }
  // Ends the task once the stream has been reset. Idempotent.
  void stop();
  // Called once, when the other end closes or breaks; at once if it has.
  void on_end(std::function<void()> callback);

 private:
  io::Stream& stream_;
  MessageReader reader_;
  io::Event arrived_;
  io::Event room_;
  bool ended_ = false;
  bool stopping_ = false;
  std::function<void()> on_end_;
};

}  // namespace myelin::http
