#include "glia/outbound.hpp"

#include "glia/beside.hpp"
#include "glia/call_session.hpp"
#include "glia/wire.hpp"
#include "io/sync.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace myelin::glia {
namespace {

// How long a CANCEL may wait for room on the stream before the reset goes out without it.
constexpr Duration cancel_time = std::chrono::seconds(1);

}  // namespace

// One call under way. Lives in the frame of run(), which waits for the tasks beside it before it ends.
struct Outbound::Placed final : Sweep::Member {
  Placed(Context& c, Sweep& list, kernel::RemoteCall r)
      : context(c), remote(std::move(r)), given(c.loop), cancelled(c.loop) {
    list.add(*this);
    if (context.stopping) stop_sweep();
  }

  void sweep(Instant now) override {
    if (give_up_at && now >= *give_up_at && stream) stream->reset();
  }
  void stop_sweep() override { stop(Error{ErrorCode::stopping, "the node is going down", 0}); }

  // The one end, told at once; later ones are ignored.
  void finish(Result<void> outcome) {
    if (finished) return;
    finished = true;
    remote.input.leave(outcome ? Error{ErrorCode::cancelled, "the call has ended", 0} : outcome.error());
    if (outcome) {
      remote.output.close();
    } else {
      remote.output.fail(outcome.error());
    }
    auto end = std::exchange(remote.end, nullptr);
    end(std::move(outcome));
  }

  // Ends the call from this side: the caller left, the deadline passed, the node stops.
  void stop(Error why) {
    if (finished) return;
    opening.fire();
    cancelling = stream && framed && !writing && session.may_cancel();
    if (cancelling) {
      canceller.start(send_cancel(this));
    } else if (stream) {
      stream->reset();
    }
    finish(fail(std::move(why)));
  }

  static io::Task<void> send_cancel(Placed* placed) {
    const OnEnd done(placed->cancelled);
    const ResetTimer timer(placed->context.loop, placed->context.loop.now() + cancel_time, *placed->stream);
    // Nothing else is written any more: whoever would looks at `finished` first.
    if (co_await placed->stream->write(placed->session.cancel())) (void)co_await placed->stream->close_write();
    // A reset overtakes what waits for the socket: a turn lets the muxer take the frame up.
    co_await io::yield(placed->context.loop);
    placed->stream->reset();
  }

  Context& context;
  kernel::RemoteCall remote;
  std::unique_ptr<libp2p::Stream> stream;
  CallerSession session;
  bool framed = false;
  bool finished = false;
  bool writing = false;
  bool cancelling = false;
  bool input_sent = false;            // all of it, with its end
  std::optional<Instant> give_up_at;  // when the stream is reset, to within the sweep's interval
  io::CancelSource opening;
  io::Event given;      // the giver has ended
  io::Event cancelled;  // so has the canceller
  Beside giver;
  Beside canceller;
};

// The request, and with it what of the input is here: `whole` if that is all of it. Errors: bad_request; why the caller
// broke its input off.
Result<Rope> Outbound::first_frames(Placed* placed, const std::string& path, bool* whole) const {
  kernel::CallSpec& spec = placed->remote.spec;
  CallRequest request;
  request.path = path;
  request.correlation = std::move(spec.correlation);
  request.mime = std::move(spec.mime);
  request.input_size = spec.input_size;
  if (spec.deadline) request.deadline_ms = remaining_ms(*spec.deadline, context_.loop.now());
  auto frames = placed->session.request(request);
  while (frames && frames->size() < limits::chunk_bytes && !*whole) {
    auto piece = placed->remote.input.try_read(limits::chunk_bytes);
    if (!piece) return fail(piece.error());
    if (!*piece) break;
    *whole = (*piece)->empty();
    placed->context.metrics.bytes_out += (*piece)->size();
    frames->append(*whole ? placed->session.end() : placed->session.data(std::move(**piece)));
  }
  return frames;
}

io::Task<Result<void>> Outbound::open(Placed* placed) {
  const kernel::CallSpec& spec = placed->remote.spec;
  const std::string path = paths_.text_of(spec.target);
  std::vector<std::string> protocols{call_protocol, path};
  auto stream = co_await context_.host.open_ahead(spec.target.node, std::move(protocols), placed->opening.token());
  if (!stream) {
    if (stream.error().code != ErrorCode::unsupported) co_return fail(stream.error());
    co_return fail(ErrorCode::no_such_process, "the peer has no such process or method: it does not say which");
  }
  placed->stream = std::move(*stream);
  placed->framed = placed->stream->protocol() == call_protocol;
  if (placed->finished) {
    placed->stream->reset();
    co_return fail(ErrorCode::cancelled);
  }
  if (!placed->framed) co_return Result<void>{};
  bool whole = false;
  auto frames = first_frames(placed, path, &whole);
  if (!frames) co_return fail(frames.error());
  placed->writing = true;
  auto written = co_await placed->stream->write(std::move(*frames));
  placed->writing = false;
  placed->input_sent = whole && written;
  co_return written;
}

io::Task<void> Outbound::give_framed(Placed* placed) {
  const OnEnd done(placed->given);
  while (!placed->finished) {
    auto bytes = co_await placed->remote.input.read(limits::chunk_bytes);
    if (placed->finished || !placed->session.may_send_data()) co_return;
    if (!bytes) {  // the caller broke its own input off
      placed->stop(bytes.error());
      co_return;
    }
    const bool last = bytes->empty();
    context_.metrics.bytes_out += bytes->size();
    placed->writing = true;
    const auto written =
        co_await placed->stream->write(last ? placed->session.end() : placed->session.data(std::move(*bytes)));
    placed->writing = false;
    if (!written) co_return;  // the reading side says why
    placed->input_sent = last;
    if (last) co_return;
  }
}

io::Task<void> Outbound::give_raw(Placed* placed) {
  const OnEnd done(placed->given);
  while (!placed->finished) {
    auto bytes = co_await placed->remote.input.read(limits::chunk_bytes);
    if (placed->finished) co_return;
    if (!bytes) {
      placed->stop(bytes.error());
      co_return;
    }
    if (bytes->empty()) {
      const auto closed = co_await placed->stream->close_write();
      placed->input_sent = closed.has_value();
      co_return;
    }
    context_.metrics.bytes_out += bytes->size();
    if (!(co_await placed->stream->write(std::move(*bytes)))) co_return;
  }
}

io::Task<void> Outbound::take_framed(Placed* placed) {
  while (!placed->finished) {
    auto event = placed->session.next();
    if (!event) {
      ++context_.metrics.protocol_errors;
      placed->finish(fail(event.error()));
      placed->stream->reset();
      co_return;
    }
    if (!*event) {
      auto bytes = co_await placed->stream->read(limits::chunk_bytes);
      if (placed->finished) co_return;
      if (!bytes) {
        placed->finish(fail(ErrorCode::link_lost, "the link to the peer broke: " + bytes.error().message));
        co_return;
      }
      if (bytes->empty()) {
        auto whole = placed->session.finish();
        if (!whole) ++context_.metrics.protocol_errors;
        placed->finish(whole);
        co_return;
      }
      placed->session.feed(std::move(*bytes));
      continue;
    }
    if (std::holds_alternative<Ended>(**event)) {
      placed->finish({});
    } else if (auto* error = std::get_if<Error>(&**event)) {
      placed->finish(fail(std::move(*error)));
    } else if (auto* answer = std::get_if<CallAnswer>(&**event)) {
      if (placed->remote.tell_mime) placed->remote.tell_mime(std::move(answer->mime));
    } else {
      Rope& data = std::get<Rope>(**event);
      context_.metrics.bytes_in += data.size();
      const auto written = co_await placed->remote.output.write(std::move(data));
      if (!written) placed->stop(written.error());  // the caller reads no more
    }
  }
}

io::Task<void> Outbound::take_raw(Placed* placed) {
  while (!placed->finished) {
    auto bytes = co_await placed->stream->read(limits::chunk_bytes);
    if (placed->finished) co_return;
    if (!bytes) {
      placed->finish(fail(ErrorCode::link_lost, "the peer ended the call, or the link to it broke"));
    } else if (bytes->empty()) {
      placed->finish({});
    } else {
      context_.metrics.bytes_in += bytes->size();
      const auto written = co_await placed->remote.output.write(std::move(*bytes));
      if (!written) placed->stop(written.error());
    }
  }
}

// After the end. A stream whose input went out whole is closed in order; one that is being cancelled goes by its own
// task; any other is reset.
io::Task<void> Outbound::close(Placed* placed) {
  if (!placed->stream) co_return;
  if (placed->input_sent && !placed->cancelling) {
    placed->give_up_at = context_.loop.now() + linger_time - Sweep::interval;
    bool open = !placed->framed || (co_await placed->stream->close_write()).has_value();
    while (open) {
      const auto bytes = co_await placed->stream->read(limits::chunk_bytes);
      open = bytes && !bytes->empty();
    }
  } else if (!placed->cancelling) {
    placed->stream->reset();
  }
}

io::Task<void> Outbound::run(kernel::RemoteCall call) {
  ++context_.metrics.calls_out;
  Placed placed(context_, sweep_, std::move(call));
  const io::CancelCallback left(placed.remote.left,
                                [&placed] { placed.stop(Error{ErrorCode::cancelled, "the caller has left", 0}); });
  io::Loop::TimerId timer = 0;
  if (placed.remote.spec.deadline) {
    timer = context_.loop.start_timer(*placed.remote.spec.deadline, [&placed, &timer] {
      timer = 0;
      placed.stop(Error{ErrorCode::timeout, "the deadline passed", 0});
    });
  }
  auto opened = placed.finished ? Result<void>(fail(ErrorCode::cancelled)) : co_await open(&placed);
  if (!opened) {
    placed.finish(fail(opened.error()));
  } else {
    if (!placed.input_sent) placed.giver.start(placed.framed ? give_framed(&placed) : give_raw(&placed));
    if (placed.framed) {
      co_await take_framed(&placed);
    } else {
      co_await take_raw(&placed);
    }
  }
  if (timer != 0) context_.loop.cancel_timer(timer);
  co_await close(&placed);
  if (placed.giver.started()) co_await placed.given.wait();
  if (placed.canceller.started()) co_await placed.cancelled.wait();
}

}  // namespace myelin::glia
