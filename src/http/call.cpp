// The call: bytes of the request's body into the process, its output into the answer, both at once.
#include "base/units.hpp"
#include "glia/beside.hpp"
#include "glia/sweep.hpp"
#include "http/services.hpp"
#include "io/scope.hpp"
#include "io/sync.hpp"
#include "kernel/kernel.hpp"

namespace myelin::http {
namespace {

constexpr std::uint64_t max_timeout_ms = 24ull * 3600 * 1000;

Result<std::optional<Instant>> deadline_of(const Request& request, Instant now) {
  if (request.timeout.empty()) return std::optional<Instant>();
  const std::optional<std::uint64_t> ms = parse_number(request.timeout);
  if (!ms || *ms == 0 || *ms > max_timeout_ms) {
    return fail(ErrorCode::bad_request, "Myelin-Timeout-Ms is a whole number from 1 to 86400000");
  }
  return std::optional<Instant>(now + std::chrono::milliseconds(*ms));
}

Result<kernel::CallSpec> spec_of(Services* services, Exchange* exchange) {
  const Request& request = exchange->request();
  std::string path = request.path;
  constexpr std::string_view own = "/ww/0.1.0/self/";
  if (path.starts_with(own)) path = "/ww/0.1.0/" + services->node->id().to_string() + "/" + path.substr(own.size());
  Memory& memory = exchange->memory();
  if (path != memory.path) {
    Result<kernel::CallPath> parsed = kernel::CallPath::parse(path, services->node->kernel().config().aliases);
    if (!parsed) return fail(parsed.error());
    memory.path_means = std::move(*parsed);
    memory.path = path;
  }
  const kernel::CallPath& target = memory.path_means;
  Result<std::optional<Instant>> deadline = deadline_of(request, exchange->loop().now());
  if (!deadline) return fail(deadline.error());
  if (!request.authorized && target.node != services->node->id()) {
    return fail(ErrorCode::unauthorized, "a call of another node needs this node's token");
  }
  kernel::CallSpec spec;
  spec.principal.kind = request.authorized ? kernel::Principal::Kind::token : kernel::Principal::Kind::anonymous;
  spec.target = target;
  spec.path = std::move(path);
  spec.mime = request.content_type;
  spec.input_size = request.length;
  spec.deadline = *deadline;
  spec.correlation = request.id;
  spec.may_forward = request.authorized;
  return spec;
}

// Why the input ended badly, if it did: then that is what the client is told, not the cancellation that follows from
// it.
struct Input {
  std::optional<Error> failed;
};

io::Task<void> pump_input(Exchange* exchange, kernel::Call* call, Input* input, std::uint64_t max_bytes) {
  std::uint64_t total = 0;
  for (;;) {
    Result<Buffer> piece = co_await exchange->read_body(read_ahead_bytes);
    if (!piece) {
      if (piece.error().code == ErrorCode::cancelled) co_return;
      input->failed = piece.error();
      break;
    }
    if (piece->empty()) {
      call->input().close();
      co_return;
    }
    total += piece->size();
    if (max_bytes > 0 && total > max_bytes) {
      input->failed = Error{ErrorCode::too_large, "the body is larger than " + std::to_string(max_bytes) + " bytes"};
      break;
    }
    if (!co_await call->input().write(Rope(std::move(*piece)))) co_return;  // the callee has read enough
  }
  call->cancel();
}

Fields output_fields(const kernel::Call& call) {
  const std::string mime = call.output_mime();
  return {{"Content-Type", mime.empty() ? "application/octet-stream" : field_value(mime)}};
}

// What follows the first piece of output, when the call has not ended with it.
io::Task<void> stream_output(Exchange* exchange, kernel::Call* call, Buffer first, Input* input) {
  Result<void> sent = co_await exchange->start(200, output_fields(*call));
  if (sent) sent = co_await exchange->write(Rope(std::move(first)));
  while (sent) {
    Result<Buffer> piece = co_await call->output().read(limits::chunk_bytes);
    if (!piece || piece->empty()) break;
    sent = co_await exchange->write(Rope(std::move(*piece)));
  }
  if (!sent) {
    call->cancel();
    co_return;
  }
  Result<void> ended = co_await call->ended();
  std::optional<Error> error;
  if (!ended) error = input->failed ? *input->failed : ended.error();
  co_await exchange->finish(std::move(error));
}

// The first byte of output commits the status; before it, an error has a status of its own.
io::Task<void> answer(Exchange* exchange, kernel::Call* call, Input* input) {
  Result<Buffer> first = co_await call->output().read(limits::chunk_bytes);
  const bool some = first && !first->empty();
  if (some) {
    Result<std::optional<Buffer>> second = call->output().try_read(limits::chunk_bytes);
    const bool whole = second && *second && (*second)->empty();
    if (!whole) {
      Rope so_far(std::move(*first));
      if (second && *second) so_far.append(std::move(**second));
      co_await stream_output(exchange, call, so_far.flatten(), input);
      co_return;
    }
  }
  Result<void> ended = co_await call->ended();
  if (ended) {
    Rope body;
    if (first) body.append(std::move(*first));
    co_await exchange->respond(200, output_fields(*call), std::move(body));
    co_return;
  }
  Error error = input->failed ? *input->failed : ended.error();
  if (!some) {
    co_await exchange->respond_error(std::move(error));
    co_return;
  }
  Result<void> sent = co_await exchange->start(200, output_fields(*call));
  if (sent) sent = co_await exchange->write(Rope(std::move(*first)));
  if (sent) co_await exchange->finish(std::move(error));
}

// Ends the call of a client that is gone though nothing reads its connection or writes to it: looks about once a
// second.
class Watch final : public glia::Sweep::Member {
 public:
  Watch(Exchange& exchange, kernel::Call& call) : exchange_(exchange), call_(call), looked_(exchange.loop()) {
    looked_.set();
    exchange.memory().sweep.add(*this);
  }
  void sweep(Instant) override {
    if (!looked_.is_set()) return;
    looked_.reset();
    look_.start(look(this));
  }
  void stop_sweep() override {}
  // Before it goes.
  io::Task<void> end() {
    exchange_.memory().sweep.remove(*this);
    co_await looked_.wait();
  }

 private:
  static io::Task<void> look(Watch* watch) {
    const glia::OnEnd done(watch->looked_);
    if (!co_await watch->exchange_.stands()) watch->call_.cancel();
  }

  Exchange& exchange_;
  kernel::Call& call_;
  io::Event looked_;  // no look is under way
  glia::Beside look_;
};

}  // namespace

io::Task<void> serve_call(Services* services, Exchange* exchange) {
  if (exchange->request().method != "POST") {
    co_await refuse_method(exchange, "POST");
    co_return;
  }
  Result<kernel::CallSpec> spec = spec_of(services, exchange);
  const std::uint64_t max_bytes = services->node->config().http.max_body_bytes;
  if (spec && max_bytes > 0 && spec->input_size && *spec->input_size > max_bytes) {
    spec = fail(ErrorCode::too_large, "the body is larger than " + std::to_string(max_bytes) + " bytes");
  }
  if (!spec) {
    co_await exchange->respond_error(spec.error());
    co_return;
  }
  std::unique_ptr<kernel::Call> call = services->node->kernel().call(exchange->loop(), std::move(*spec));
  exchange->input().on_end([leaving = call.get()] { leaving->cancel(); });
  Input input;
  Watch watch(*exchange, *call);
  if (exchange->body_done()) {
    call->input().close();
    co_await answer(exchange, call.get(), &input);
    exchange->input().on_end(nullptr);
  } else {
    io::Scope pump(exchange->loop());
    pump.spawn(pump_input(exchange, call.get(), &input, max_bytes));
    co_await answer(exchange, call.get(), &input);
    exchange->input().on_end(nullptr);
    exchange->stop_reading();
    co_await pump.join();
  }
  co_await watch.end();
}

}  // namespace myelin::http
