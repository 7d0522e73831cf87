// A pipe carries one direction of a payload from one loop to another (or within one), on credits.
//
// The writer may have at most `capacity` bytes outstanding; the reader grants more as it consumes. Neither side ever
// blocks or locks: bytes and credits travel as posts between the loops (within one loop, as direct hand-over). Both
// ends have a coroutine face and a poll face (`try_…` and `on_ready`), the latter for guests' file descriptors.
//
// Invariants: bytes arrive in order; exactly one end is told to the reader: the end of the stream, or one Error; when
// the reader leaves, the writer learns it once, as an Error. Dropping an end counts as leaving with `cancelled`.
// Thread: each end on its own loop. An end that has not been used yet may be moved to the thread of its loop.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace myelin::io {

namespace detail {
struct PipeWriterState;
struct PipeReaderState;
}  // namespace detail

class PipeWriter {
 public:
  PipeWriter() = default;
  PipeWriter(PipeWriter&&) noexcept = default;
  PipeWriter& operator=(PipeWriter&&) noexcept;
  ~PipeWriter();

  // Ends when all bytes have been taken under credit. Errors: why the reader left.
  Task<Result<void>> write(Rope bytes);
  // Takes at most the credit at hand and returns how many bytes it copied (0: none now; wait with on_ready). Errors as
  // write.
  Result<std::size_t> try_write(View bytes);
  // Bytes that try_write would take now; 0 when the reader has left.
  std::size_t credit() const;
  // The end of the stream: the reader gets what was written, then the end. Idempotent; nothing may be written
  // afterwards.
  void close();
  // The reader gets what was written, then `why`.
  void fail(Error why);
  // Why the reader left, if it did.
  const std::optional<Error>& reader_left() const;
  // Calls `callback` once, in a later turn, when credit() > 0 or the reader has left (at once in a later turn if so
  // already). Replaces the one before.
  void on_ready(Callback callback);
  explicit operator bool() const { return state_ != nullptr; }

 private:
  friend std::pair<PipeWriter, class PipeReader> make_pipe(Loop&, Loop&, std::size_t);
  std::shared_ptr<detail::PipeWriterState> state_;  // shared with posts under way
};

class PipeReader {
 public:
  PipeReader() = default;
  PipeReader(PipeReader&&) noexcept = default;
  PipeReader& operator=(PipeReader&&) noexcept;
  ~PipeReader();

  // At least one byte, at most `max`; an empty Buffer is the end. Errors: what the writer failed with.
  Task<Result<Buffer>> read(std::size_t max);
  // What is here now: a Buffer (empty: the end), or nothing yet.
  Result<std::optional<Buffer>> try_read(std::size_t max);
  // Copies what is here now into `into`: the count, 0 for the end, or nothing yet.
  Result<std::optional<std::size_t>> try_read_into(MutableView into);
  std::size_t available() const;
  // Whether try_read would give something (bytes, the end or an error).
  bool ready() const;
  // Tells the writer why, and drops what is here. Idempotent.
  void leave(Error why);
  // As PipeWriter::on_ready, for ready().
  void on_ready(Callback callback);
  explicit operator bool() const { return state_ != nullptr; }

 private:
  friend std::pair<PipeWriter, PipeReader> make_pipe(Loop&, Loop&, std::size_t);
  std::shared_ptr<detail::PipeReaderState> state_;  // shared with posts under way
};

// `capacity` in bytes, > 0. May be called on any thread.
std::pair<PipeWriter, PipeReader> make_pipe(Loop& writer_loop, Loop& reader_loop, std::size_t capacity);

}  // namespace myelin::io
