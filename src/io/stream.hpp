// Stream: a reliable, ordered stream of bytes with two independent halves. TCP connections, libp2p streams, stdio and
// test pipes are all of this shape and pass one conformance suite.
//
// Invariants: bytes arrive in order and whole; the end of a half is told once and stays; after reset() both halves
// fail. At most one read and one write are under way at a time (checked). Thread: one loop. Lifetime: a pending read or
// write must have ended before the Stream is destroyed: reset() ends them.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "io/task.hpp"

#include <cstddef>

namespace myelin::io {

class Stream {
 public:
  virtual ~Stream() = default;  // a Stream that was not closed both ways is reset

  // Waits for at least one byte and gives at most `max` (> 0); an empty Buffer is the end (the peer closed its writing
  // half). Errors: link_lost (broken or reset by the peer), cancelled (reset here).
  virtual Task<Result<Buffer>> read(std::size_t max) = 0;

  // Ends when all bytes are accepted under flow control, not when they have arrived.
  // Errors as for read.
  virtual Task<Result<void>> write(Rope bytes) = 0;

  // Ends our writing half after what was written. Writing afterwards is a broken invariant.
  virtual Task<Result<void>> close_write() = 0;

  // Ends both halves at once; pending reads and writes end with `cancelled`; the peer sees a reset where the wire has
  // one. Idempotent.
  virtual void reset() = 0;
};

// Reads until exactly `size` bytes are there. Errors: as read; `protocol` if the end comes first.
Task<Result<Buffer>> read_exactly(Stream& stream, std::size_t size);

}  // namespace myelin::io
