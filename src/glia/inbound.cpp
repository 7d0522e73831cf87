#include "glia/inbound.hpp"

#include "base/log.hpp"
#include "glia/call_session.hpp"
#include "io/sync.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace myelin::glia {

// One call being served. Lives in the frame of serve_framed or serve_raw, which joins what it spawned before it ends.
struct Inbound::Served {
  Served(Context& c, std::unique_ptr<libp2p::Stream> s)
      : context(c), stream(std::move(s)), input_done(c.loop), scope(c.loop) {}

  // The caller left or broke the protocol: the callee learns it, the stream goes.
  void abandon(Error why) {
    if (!fault) fault = std::move(why);
    if (call) call->cancel();
  }

  Context& context;
  std::unique_ptr<libp2p::Stream> stream;
  CalleeSession session;
  std::unique_ptr<kernel::Call> call;
  std::optional<Error> fault;  // why the call was abandoned from this side
  bool output_lost = false;    // the peer takes nothing more
  bool discard_input = false;  // the callee takes nothing more
  bool reading = false;        // a read of the stream is under way
  bool writing = false;        // a write of output is under way
  io::CancelSource over;       // fired when the call has ended
  io::Event input_done;        // no read of the stream is to come
  bool read_whole = false;     // the peer closed its half in order
  io::Scope scope;
};

bool Inbound::takes(std::string_view protocol) const {
  const auto path = kernel::CallPath::parse(protocol, {});
  if (!path || path->node != context_.host.id()) return false;
  return !context_.config.offers || context_.config.offers(*path);
}

Result<kernel::CallSpec> Inbound::spec_of(const identity::PeerId& peer, std::string_view path) const {
  auto target = kernel::CallPath::parse(path, {});
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
  const ResetTimer timer(context_.loop, context_.loop.now() + request_time, *served->stream);
  while (true) {
    auto event = served->session.next();
    if (!event) co_return fail(event.error());
    if (*event) {
      const auto& request = std::get<CallRequest>(**event);
      auto spec = spec_of(served->stream->peer(), request.path);
      if (!spec) co_return fail(spec.error());
      spec->mime = request.mime;
      spec->input_size = request.input_size;
      spec->correlation = request.correlation;
      if (request.deadline_ms) spec->deadline = deadline_from(*request.deadline_ms, context_.loop.now());
      co_return spec;
    }
    auto bytes = co_await served->stream->read(limits::chunk_bytes);
    if (!bytes) co_return fail(timer.fired() ? Error{ErrorCode::timeout, "no request came", 0} : bytes.error());
    if (bytes->empty()) co_return fail(ErrorCode::protocol, "the stream ended before the request");
    served->session.feed(std::move(*bytes));
  }
}

io::Task<void> Inbound::take_framed_input(Served* served) {
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
        served->output_lost = true;
        served->abandon(Error{ErrorCode::cancelled, "the caller is gone", 0});
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
  served->input_done.set();
}

io::Task<void> Inbound::take_raw_input(Served* served) {
  while (true) {
    served->reading = true;
    auto bytes = co_await served->stream->read(limits::chunk_bytes);
    served->reading = false;
    if (!bytes) {
      served->output_lost = true;
      served->abandon(Error{ErrorCode::cancelled, "the caller is gone", 0});
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
  served->input_done.set();
}

// The ANSWER frame, if it is due and there is something to say.
Rope Inbound::answer_of(Served* served) {
  if (!served->session.may_answer()) return {};
  CallAnswer answer{served->call->output_mime()};
  if (answer.mime.empty()) return {};
  auto encoded = served->session.answer(answer);
  return encoded ? std::move(*encoded) : Rope();  // a type that may not travel is left out, the output goes
}

io::Task<void> Inbound::give_output(Served* served, bool framed) {
  while (!served->output_lost) {
    auto bytes = co_await served->call->output().read(limits::chunk_bytes);
    if (!bytes || bytes->empty()) break;  // how it ended is told by ended()
    context_.metrics.bytes_out += bytes->size();
    Rope out;
    if (framed) {
      out = answer_of(served);
      out.append(served->session.data(std::move(*bytes)));
    } else {
      out.append(std::move(*bytes));
    }
    served->writing = true;
    const auto written = co_await served->stream->write(std::move(out));
    served->writing = false;
    if (!written) {
      served->output_lost = true;
      served->abandon(Error{ErrorCode::cancelled, "the caller is gone", 0});
    }
  }
}

// A reset is told to whoever reads or writes. If the callee takes no input and gives no output, nobody does: then an
// empty write, which has nothing to wait for, is how to learn of it.
io::Task<void> Inbound::watch(Served* served) {
  while (co_await io::sleep_for(context_.loop, watch_interval, served->over.token())) {
    if (served->reading || served->writing || served->output_lost) continue;
    if (!(co_await served->stream->write({}))) {
      served->output_lost = true;
      served->abandon(Error{ErrorCode::cancelled, "the caller is gone", 0});
    }
  }
}

io::Task<void> Inbound::linger(Served* served) {
  const ResetTimer timer(context_.loop, context_.loop.now() + linger_time, *served->stream);
  co_await served->input_done.wait();  // the timer's reset ends it at the latest
  bool open = !served->read_whole && !served->output_lost;
  while (open) {
    const auto bytes = co_await served->stream->read(limits::chunk_bytes);
    open = bytes && !bytes->empty();
    if (bytes && bytes->empty()) served->read_whole = true;
  }
  if (!served->read_whole) served->stream->reset();
}

io::Task<void> Inbound::write_end(Served* served, Result<void> outcome) {
  Rope last = outcome ? answer_of(served) : Rope();
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
  Served served(context_, std::move(stream));
  const io::CancelCallback stop(context_.scope.token(), [&served] {
    if (served.stream) served.stream->reset();
  });
  auto spec = co_await read_request(&served);
  if (!spec) {
    if (spec.error().code == ErrorCode::protocol) ++context_.metrics.protocol_errors;
    co_await refuse(std::move(served.stream), spec.error());
    co_return;
  }
  const std::string path = spec->path, correlation = spec->correlation;
  served.call = context_.kernel.call(context_.loop, std::move(*spec));
  served.scope.spawn(take_framed_input(&served));
  served.scope.spawn(watch(&served));
  co_await give_output(&served, true);
  auto outcome = co_await served.call->ended();
  served.over.fire();
  if (served.fault && served.fault->code != ErrorCode::cancelled) outcome = fail(*served.fault);
  if (log::enabled("glia", log::Level::debug)) {
    log::debug("glia", "call",
               {{"peer", served.stream->peer().to_string()},
                {"path", path},
                {"correlation", correlation},
                {"outcome", outcome ? std::string("ok") : to_string(outcome.error())}});
  }
  served.discard_input = true;
  served.call->input().fail(Error{ErrorCode::cancelled, "the call has ended", 0});
  if (!served.output_lost) co_await write_end(&served, std::move(outcome));
  co_await linger(&served);
  co_await served.scope.join();
}

io::Task<void> Inbound::serve_raw(std::unique_ptr<libp2p::Stream> stream) {
  auto place = Place::take(context_, stream->peer());
  auto spec = spec_of(stream->peer(), stream->protocol());
  if (!place || !spec) {
    stream->reset();
    co_return;
  }
  ++context_.metrics.calls_in;
  Served served(context_, std::move(stream));
  const io::CancelCallback stop(context_.scope.token(), [&served] { served.stream->reset(); });
  served.call = context_.kernel.call(context_.loop, std::move(*spec));
  served.scope.spawn(take_raw_input(&served));
  served.scope.spawn(watch(&served));
  co_await give_output(&served, false);
  const auto outcome = co_await served.call->ended();
  served.over.fire();
  served.discard_input = true;
  served.call->input().fail(Error{ErrorCode::cancelled, "the call has ended", 0});
  if (!outcome || served.output_lost) {
    log::debug("glia", "raw call failed",
               {{"peer", served.stream->peer().to_string()},
                {"error", outcome ? std::string("the caller is gone") : to_string(outcome.error())}});
    served.stream->reset();  // the raw protocol's only way to say that the output is not whole
  } else {
    const auto closed = co_await served.stream->close_write();
    (void)closed;
    co_await linger(&served);
  }
  co_await served.scope.join();
}

}  // namespace myelin::glia
