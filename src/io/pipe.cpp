#include "io/pipe.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "io/rope_builder.hpp"

#include <algorithm>
#include <coroutine>

namespace myelin::io {

namespace {

// Who waits for an end to become ready: at most one task and one callback. Both are told in a later turn.
struct Waiting {
  std::coroutine_handle<> task;
  Callback callback;
  bool scheduled = false;  // a post that looks at `callback` is under way

  // Suspends until wake(); the slot lives in a state that the waiting frame holds.
  auto wait() {
    struct Awaiter {
      Waiting& waiting;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> handle) {
        MYELIN_CHECK(!waiting.task, "two reads or two writes of one pipe at a time");
        waiting.task = handle;
      }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }
};

// Tells `state->waiting` that the end has become ready. State: waiting, loop, is_ready().
template <typename State>
void wake(const std::shared_ptr<State>& state) {
  Waiting& waiting = state->waiting;
  if (waiting.task) state->loop.resume_soon(std::exchange(waiting.task, {}));
  if (!waiting.callback || waiting.scheduled) return;
  waiting.scheduled = true;
  state->loop.post([state] {
    state->waiting.scheduled = false;
    if (!state->waiting.callback || !state->is_ready()) return;
    auto callback = std::exchange(state->waiting.callback, {});
    callback();
  });
}

template <typename State>
void set_callback(const std::shared_ptr<State>& state, Callback callback) {
  state->waiting.callback = std::move(callback);
  if (state->is_ready()) wake(state);
}

// The end of the bytes, as the reader will be told it.
struct End {
  std::optional<Error> error;  // nothing: the stream ended well
};

}  // namespace

struct detail::PipeReaderState {
  PipeReaderState(Loop& l, std::size_t c) : loop(l), capacity(c) {}
  bool is_ready() const { return !held.empty() || end || left; }

  Loop& loop;
  const std::size_t capacity;
  RopeBuilder held;
  std::optional<End> end;
  std::optional<Error> left;
  bool told_end = false;
  std::size_t ungranted = 0;  // bytes read and not yet given back to the writer as credit
  Waiting waiting;
  // Weak: the writer's state holds this one. Locked on the writer's loop only.
  std::weak_ptr<PipeWriterState> writer;
  Loop* writer_loop = nullptr;
};

struct detail::PipeWriterState {
  PipeWriterState(Loop& l, std::size_t c, std::shared_ptr<PipeReaderState> r)
      : loop(l), credit(c), same_loop(&l == &r->loop), reader(std::move(r)) {}
  bool is_ready() const { return credit > 0 || left; }

  Loop& loop;
  std::size_t credit;
  const bool same_loop;
  bool ended = false;  // close() or fail() was called, or the end was dropped
  bool flush_scheduled = false;
  RopeBuilder unsent;  // between loops: written in this turn, not yet posted
  std::optional<Error> left;
  Waiting waiting;
  std::shared_ptr<PipeReaderState> reader;  // shared: posts to the reader's loop carry it
};

namespace {

using Reader = detail::PipeReaderState;
using Writer = detail::PipeWriterState;

// --- on the reader's loop

void deliver(const std::shared_ptr<Reader>& reader, Rope bytes, std::optional<End> end) {
  if (reader->left) return;
  reader->held.append(std::move(bytes));
  if (end) reader->end = std::move(end);
  if (reader->is_ready()) wake(reader);
}

// --- on the writer's loop

void take_credit(const std::shared_ptr<Writer>& writer, std::size_t bytes) {
  if (writer->left) return;
  writer->credit += bytes;
  wake(writer);
}

void take_leave(const std::shared_ptr<Writer>& writer, Error why) {
  writer->left = std::move(why);
  writer->credit = 0;
  writer->unsent.clear();
  wake(writer);
}

// --- from the reader's loop to the writer's

template <typename Tell>
void tell_writer(Reader& reader, Tell tell) {
  if (reader.writer_loop == &reader.loop) {
    if (const auto writer = reader.writer.lock()) tell(writer);
    return;
  }
  reader.writer_loop->post([weak = reader.writer, tell = std::move(tell)]() mutable {
    if (const auto writer = weak.lock()) tell(writer);
  });
}

// Credit goes back in batches of half the capacity: at most two posts per capacity, and a writer without credit always
// has half of it on its way, since what it is missing is then in flight or held here and will be read.
void consumed(Reader& reader, std::size_t bytes) {
  reader.ungranted += bytes;
  if (reader.ungranted < std::max<std::size_t>(1, reader.capacity / 2) || reader.end) return;
  tell_writer(reader, [n = std::exchange(reader.ungranted, 0)](const std::shared_ptr<Writer>& writer) {
    take_credit(writer, n);
  });
}

void leave_reader(const std::shared_ptr<Reader>& reader, Error why) {
  if (reader->left) return;
  reader->left = why;
  reader->held.clear();
  wake(reader);
  if (reader->told_end) return;  // it has seen everything: nothing to tell
  tell_writer(*reader, [why = std::move(why)](const std::shared_ptr<Writer>& writer) mutable {
    take_leave(writer, std::move(why));
  });
}

// --- from the writer's loop to the reader's

void flush(Writer& writer, std::optional<End> end) {
  if (!writer.reader) return;
  if (writer.unsent.empty() && !end) return;
  auto message = [reader = writer.reader, bytes = writer.unsent.take(), end = std::move(end)]() mutable {
    deliver(reader, std::move(bytes), std::move(end));
  };
  writer.reader->loop.post(std::move(message));
}

// Between loops the bytes of one turn travel in one post, but for a flood, which travels in chunks.
void flush_soon(const std::shared_ptr<Writer>& writer) {
  if (writer->unsent.size() >= limits::chunk_bytes) {
    flush(*writer, std::nullopt);
  } else if (!writer->flush_scheduled) {
    writer->flush_scheduled = true;
    writer->loop.post([writer] {
      writer->flush_scheduled = false;
      flush(*writer, std::nullopt);
    });
  }
}

void send(const std::shared_ptr<Writer>& writer, Rope bytes) {
  writer->credit -= bytes.size();
  if (writer->same_loop) {
    deliver(writer->reader, std::move(bytes), std::nullopt);
  } else {
    writer->unsent.append(std::move(bytes));
    flush_soon(writer);
  }
}

void send_copy(const std::shared_ptr<Writer>& writer, View bytes) {
  writer->credit -= bytes.size();
  if (writer->same_loop) {
    writer->reader->held.append_copy(bytes);
    wake(writer->reader);
  } else {
    writer->unsent.append_copy(bytes);
    flush_soon(writer);
  }
}

void end_writer(const std::shared_ptr<Writer>& writer, std::optional<Error> error) {
  if (writer->ended) return;
  writer->ended = true;
  if (writer->left) return;
  if (writer->same_loop) {
    deliver(writer->reader, {}, End{std::move(error)});
  } else {
    flush(*writer, End{std::move(error)});
  }
  // A write under way ends: only dropping the writer can cut one off.
  if (writer->waiting.task) writer->loop.resume_soon(std::exchange(writer->waiting.task, {}));
}

void drop_writer(std::shared_ptr<Writer> writer) {
  if (!writer) return;
  writer->waiting.callback = {};
  end_writer(writer, Error{ErrorCode::cancelled, "the writer was dropped"});
}

void drop_reader(std::shared_ptr<Reader> reader) {
  if (!reader) return;
  reader->waiting.callback = {};
  leave_reader(reader, Error{ErrorCode::cancelled, "the reader was dropped"});
}

Task<Result<void>> write_all(std::shared_ptr<Writer> writer, Rope bytes) {
  while (true) {
    if (writer->left) co_return fail(*writer->left);
    if (bytes.empty()) co_return Result<void>{};
    if (writer->ended) co_return fail(ErrorCode::cancelled, "the pipe was closed during the write");
    const std::size_t n = std::min(writer->credit, bytes.size());
    if (n == 0) {
      co_await writer->waiting.wait();
    } else {
      send(writer, n == bytes.size() ? std::exchange(bytes, {}) : bytes.take_front(n));
    }
  }
}

// What read gives when no byte is here: the end, an error, or nothing yet.
Result<std::optional<Buffer>> read_end(Reader& reader) {
  if (reader.left) return fail(*reader.left);
  if (!reader.end) return std::optional<Buffer>();
  reader.told_end = true;
  if (reader.end->error) return fail(*reader.end->error);
  return std::optional<Buffer>(Buffer());
}

Result<std::optional<Buffer>> read_now(Reader& reader, std::size_t max) {
  MYELIN_CHECK(max > 0, "a read of at most 0 bytes");
  if (reader.left || reader.held.empty()) return read_end(reader);
  Buffer piece = reader.held.pop_front(max);
  consumed(reader, piece.size());
  return std::optional<Buffer>(std::move(piece));
}

Task<Result<Buffer>> read_some(std::shared_ptr<Reader> reader, std::size_t max) {
  while (true) {
    auto piece = read_now(*reader, max);
    if (!piece) co_return fail(std::move(piece.error()));
    if (*piece) co_return std::move(**piece);
    co_await reader->waiting.wait();
  }
}

}  // namespace

PipeWriter& PipeWriter::operator=(PipeWriter&& other) noexcept {
  if (this != &other) drop_writer(std::exchange(state_, std::move(other.state_)));
  return *this;
}

PipeWriter::~PipeWriter() { drop_writer(std::move(state_)); }

Task<Result<void>> PipeWriter::write(Rope bytes) {
  MYELIN_CHECK(!state_->ended, "a write to a pipe after its end");
  return write_all(state_, std::move(bytes));
}

Result<std::size_t> PipeWriter::try_write(View bytes) {
  MYELIN_CHECK(!state_->ended, "a write to a pipe after its end");
  if (state_->left) return myelin::fail(*state_->left);
  const std::size_t n = std::min(state_->credit, bytes.size());
  if (n > 0) send_copy(state_, bytes.first(n));
  return n;
}

std::size_t PipeWriter::credit() const { return state_->credit; }

void PipeWriter::close() { end_writer(state_, std::nullopt); }

void PipeWriter::fail(Error why) { end_writer(state_, std::move(why)); }

const std::optional<Error>& PipeWriter::reader_left() const { return state_->left; }

void PipeWriter::on_ready(Callback callback) { set_callback(state_, std::move(callback)); }

PipeReader& PipeReader::operator=(PipeReader&& other) noexcept {
  if (this != &other) drop_reader(std::exchange(state_, std::move(other.state_)));
  return *this;
}

PipeReader::~PipeReader() { drop_reader(std::move(state_)); }

Task<Result<Buffer>> PipeReader::read(std::size_t max) { return read_some(state_, max); }

Result<std::optional<Buffer>> PipeReader::try_read(std::size_t max) { return read_now(*state_, max); }

Result<std::optional<std::size_t>> PipeReader::try_read_into(MutableView into) {
  MYELIN_CHECK(!into.empty(), "a read of at most 0 bytes");
  if (state_->left || state_->held.empty()) {
    auto end = read_end(*state_);
    if (!end) return fail(std::move(end.error()));
    return *end ? std::optional<std::size_t>(0) : std::optional<std::size_t>();
  }
  const std::size_t n = state_->held.read_into(into);
  consumed(*state_, n);
  return std::optional<std::size_t>(n);
}

std::size_t PipeReader::available() const { return state_->held.size(); }

bool PipeReader::ready() const { return state_->is_ready(); }

void PipeReader::leave(Error why) { leave_reader(state_, std::move(why)); }

void PipeReader::on_ready(Callback callback) { set_callback(state_, std::move(callback)); }

std::pair<PipeWriter, PipeReader> make_pipe(Loop& writer_loop, Loop& reader_loop, std::size_t capacity) {
  MYELIN_CHECK(capacity > 0, "a pipe without capacity");
  PipeWriter writer;
  PipeReader reader;
  reader.state_ = std::make_shared<detail::PipeReaderState>(reader_loop, capacity);
  writer.state_ = std::make_shared<detail::PipeWriterState>(writer_loop, capacity, reader.state_);
  reader.state_->writer = writer.state_;
  reader.state_->writer_loop = &writer_loop;
  return {std::move(writer), std::move(reader)};
}

}  // namespace myelin::io
