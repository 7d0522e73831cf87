#include "glia/inbound.hpp"

#include "base/log.hpp"
#include "glia/beside.hpp"
#include "glia/call_session.hpp"
#include "io/sync.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace myelin::glia {
namespace {

// Output that is gathered into one write, if it is here.
constexpr std::size_t gather_bytes = limits::pipe_bytes / 2;

}  // namespace

// One call being served. Lives in the frame of serve_framed or serve_raw, which waits for the reader before it ends.
struct Inbound::Served final : Sweep::Member {
  Served(Context& c, Sweep& list, std::unique_ptr<libp2p::Stream> s, bool with_frames)
      : context(c), stream(std::move(s)), framed(with_frames), input_done(c.loop) {
    list.add(*this);
    if (context.stopping) stream->reset();
  }

  // The caller left or broke the protocol: the callee learns it, the stream goes.
  void abandon(Error why) {
    if (!fault) fault = std::move(why);
    if (call) call->cancel();
  }
  void lose_output() {
    output_lost = true;
    abandon(Error{ErrorCode::cancelled, "the caller is gone", 0});
  }

  // A reset is told to whoever reads or writes. If the callee takes no input and gives no output, nobody does: then an
  // empty write, which has nothing to wait for, is how to learn of it.
  void sweep(Instant now) override {
    if (give_up_at && now >= *give_up_at) {
      gave_up = true;
      stream->reset();
    } else if (call && !over && !reading && !writing && !output_lost) {
      prober.start(probe(this));
    }
  }
  void stop_sweep() override { stream->reset(); }
  static io::Task<void> probe(Served* served) {
    if (!(co_await served->stream->write({}))) served->lose_output();
  }

  Context& context;
  std::unique_ptr<libp2p::Stream> stream;
  const bool framed;
  CalleeSession session;
  std::unique_ptr<kernel::Call> call;
  std::optional<Error> fault;         // why the call was abandoned from this side
  std::optional<Instant> give_up_at;  // when the stream is reset, to within the sweep's interval
  bool gave_up = false;
  bool output_lost = false;    // the peer takes nothing more
  bool discard_input = false;  // the callee takes nothing more
  bool reading = false;        // a read of the stream is under way
  bool writing = false;        // a write of output is under way
  bool over = false;           // the call has ended
  bool read_whole = false;     // the peer closed its half in order
  io::Event input_done;        // no read of the stream is to come
  Beside reader;
  Beside prober;
};

bool Inbound::takes(std::string_view protocol) {
  const auto path = paths_.parse(protocol);
  if (!path || path->node != context_.host.id()) return false;
  return !context_.config.offers || context_.config.offers(*path);
}

Result<kernel::CallSpec> Inbound::spec_of(const identity::PeerId& peer, std::string_view path) {
  auto target = paths_.parse(path);
  if (!target) return fail(target.error());
  if (target->node != context_.host.id()) {
    return fail(ErrorCode::forbidden, "this node does not forward for its peers");
  }
  kernel::CallSpec spec;
  spec.principal.kind = kernel::Principal::Kind::peer;
  spec.principal.peer = peer;
  spec.target = std::move(*target);
  spec.path = path;
  return spec;
}

io::Task<Result<kernel::CallSpec>> Inbound::read_request(Served* served) {
  served->give_up_at = context_.loop.now() + request_time;
  while (true) {
    auto event = served->session.next();
    if (!event) co_return fail(event.error());
    if (*event) {
      served->give_up_at.reset();
      auto& request = std::get<CallRequest>(**event);
      auto spec = spec_of(served->stream->peer(), request.path);
      if (!spec) co_return fail(spec.error());
      spec->mime = std::move(request.mime);
      spec->input_size = request.input_size;
      spec->correlation = std::move(request.correlation);
      if (request.deadline_ms) spec->deadline = deadline_from(*request.deadline_ms, context_.loop.now());
      co_return spec;
    }
    auto bytes = co_await served->stream->read(limits::chunk_bytes);
    if (!bytes) co_return fail(served->gave_up ? Error{ErrorCode::timeout, "no request came", 0} : bytes.error());
    if (bytes->empty()) co_return fail(ErrorCode::protocol, "the stream ended before the request");
    served->session.feed(std::move(*bytes));
  }
}

io::Task<void> Inbound::take_framed_input(Served* served) {
  const OnEnd done(served->input_done);
  while (true) {
    auto event = served->session.next();
    if (!event) {
      ++context_.metrics.protocol_errors;
      served->abandon(event.error());
      break;
    }
    if (!*event) {
      served->reading = true;
      auto bytes = co_await served->stream->read(limits::chunk_bytes);
      served->reading = false;
      if (!bytes) {
        served->lose_output();
        break;
      }
      if (bytes->empty()) {
        if (auto whole = served->session.finish(); !whole) {
          ++context_.metrics.protocol_errors;
          served->abandon(whole.error());
        } else {
          served->read_whole = true;
        }
        break;
      }
      served->session.feed(std::move(*bytes));
      continue;
    }
    if (std::holds_alternative<Cancelled>(**event)) {
      served->abandon(Error{ErrorCode::cancelled, "the caller has left", 0});
      break;
    }
    if (std::holds_alternative<Ended>(**event)) {
      if (!served->discard_input) served->call->input().close();
      served->discard_input = true;
      continue;
    }
    Rope& data = std::get<Rope>(**event);
    context_.metrics.bytes_in += data.size();
    if (served->discard_input) continue;
    if (auto written = co_await served->call->input().write(std::move(data)); !written) served->discard_input = true;
  }
}

io::Task<void> Inbound::take_raw_input(Served* served) {
  const OnEnd done(served->input_done);
  while (true) {
    served->reading = true;
    auto bytes = co_await served->stream->read(limits::chunk_bytes);
    served->reading = false;
    if (!bytes) {
      served->lose_output();
      break;
    }
    if (bytes->empty()) {
      if (!served->discard_input) served->call->input().close();
      served->discard_input = true;
      served->read_whole = true;
      break;
    }
    context_.metrics.bytes_in += bytes->size();
    if (served->discard_input) continue;
    if (auto written = co_await served->call->input().write(std::move(*bytes)); !written) served->discard_input = true;
  }
}

// The ANSWER frame, if it is due and there is something to say.
Rope Inbound::answer_of(Served* served) {
  if (!served->session.may_answer()) return {};
  CallAnswer answer{served->call->output_mime()};
  if (answer.mime.empty()) return {};
  auto encoded = served->session.answer(answer);
  return encoded ? std::move(*encoded) : Rope();  // a type that may not travel is left out, the output goes
}

Rope Inbound::packed(Served* served, Buffer output) {
  served->context.metrics.bytes_out += output.size();
  if (!served->framed) return output;
  Rope out = answer_of(served);
  out.append(served->session.data(std::move(output)));
  return out;
}

io::Task<Rope> Inbound::give_output(Served* served) {
  io::PipeReader& output = served->call->output();
  while (!served->output_lost) {
    auto bytes = co_await output.read(limits::chunk_bytes);
    if (!bytes || bytes->empty()) break;  // how it ended is told by ended()
    Rope out = packed(served, std::move(*bytes));
    while (out.size() < gather_bytes) {
      auto more = output.try_read(limits::chunk_bytes);
      if (!more || (*more && (*more)->empty())) co_return out;
      if (!*more) break;
      out.append(packed(served, std::move(**more)));
    }
    served->writing = true;
    const auto written = co_await served->stream->write(std::move(out));
    served->writing = false;
    if (!written) served->lose_output();
  }
  co_return Rope();
}

io::Task<void> Inbound::linger(Served* served) {
  served->give_up_at = context_.loop.now() + linger_time - Sweep::interval;
  co_await served->input_done.wait();  // the reset at that time ends it at the latest
  bool open = !served->read_whole && !served->output_lost;
  while (open) {
    const auto bytes = co_await served->stream->read(limits::chunk_bytes);
    open = bytes && !bytes->empty();
    if (bytes && bytes->empty()) served->read_whole = true;
  }
  if (!served->read_whole) served->stream->reset();
}

io::Task<void> Inbound::write_end(Served* served, Rope output, Result<void> outcome) {
  Rope last = std::move(output);
  if (outcome) last.append(answer_of(served));
  last.append(outcome ? served->session.end() : served->session.error(outcome.error()));
  if (auto written = co_await served->stream->write(std::move(last)); !written) co_return;
  const auto closed = co_await served->stream->close_write();
  (void)closed;  // a peer that is gone by now has missed nothing that could be told to it
}

// Errors come before anything else is known of the call, so that nothing of it was started.
io::Task<void> Inbound::refuse(std::unique_ptr<libp2p::Stream> stream, Error why) {
  const ResetTimer timer(context_.loop, context_.loop.now() + linger_time, *stream);
  const io::CancelCallback stop(context_.scope.token(), [s = stream.get()] { s->reset(); });
  if (!(co_await stream->write(encode_error(why)))) co_return;
  if (!(co_await stream->close_write())) co_return;
  while (true) {
    auto bytes = co_await stream->read(limits::chunk_bytes);
    if (!bytes || bytes->empty()) co_return;
  }
}

io::Task<void> Inbound::serve_framed(std::unique_ptr<libp2p::Stream> stream) {
  auto place = Place::take(context_, stream->peer());
  if (!place) {
    co_await refuse(std::move(stream), place.error());
    co_return;
  }
  ++context_.metrics.calls_in;
  Served served(context_, sweep_, std::move(stream), true);
  auto spec = co_await read_request(&served);
  if (!spec) {
    if (spec.error().code == ErrorCode::protocol) ++context_.metrics.protocol_errors;
    sweep_.remove(served);
    co_await refuse(std::move(served.stream), spec.error());
    co_return;
  }
  const bool logged = log::enabled("glia", log::Level::debug);
  const std::string path = logged ? spec->path : std::string();
  const std::string correlation = logged ? spec->correlation : std::string();
  served.call = context_.kernel.call(context_.loop, std::move(*spec));
  served.reader.start(take_framed_input(&served));
  Rope output = co_await give_output(&served);
  auto outcome = co_await served.call->ended();
  served.over = true;
  if (served.fault && served.fault->code != ErrorCode::cancelled) outcome = fail(*served.fault);
  if (logged) {
    log::debug("glia", "call",
               {{"peer", served.stream->peer().to_string()},
                {"path", path},
                {"correlation", correlation},
                {"outcome", outcome ? std::string("ok") : to_string(outcome.error())}});
  }
  served.discard_input = true;
  served.call->input().fail(Error{ErrorCode::cancelled, "the call has ended", 0});
  if (!served.output_lost) co_await write_end(&served, std::move(output), std::move(outcome));
  co_await linger(&served);
}

io::Task<void> Inbound::serve_raw(std::unique_ptr<libp2p::Stream> stream) {
  auto place = Place::take(context_, stream->peer());
  auto spec = spec_of(stream->peer(), stream->protocol());
  if (!place || !spec) {
    stream->reset();
    co_return;
  }
  ++context_.metrics.calls_in;
  Served served(context_, sweep_, std::move(stream), false);
  served.call = context_.kernel.call(context_.loop, std::move(*spec));
  served.reader.start(take_raw_input(&served));
  Rope output = co_await give_output(&served);
  const auto outcome = co_await served.call->ended();
  served.over = true;
  served.discard_input = true;
  served.call->input().fail(Error{ErrorCode::cancelled, "the call has ended", 0});
  bool whole = outcome && !served.output_lost;
  if (whole && !output.empty()) whole = (co_await served.stream->write(std::move(output))).has_value();
  if (!whole) {
    log::debug("glia", "raw call failed",
               {{"peer", served.stream->peer().to_string()},
                {"error", outcome ? std::string("the caller is gone") : to_string(outcome.error())}});
    served.stream->reset();  // the raw protocol's only way to say that the output is not whole
  } else {
    const auto closed = co_await served.stream->close_write();
    (void)closed;
  }
  co_await linger(&served);
}

}  // namespace myelin::glia
