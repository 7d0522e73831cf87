#include "libp2p/ping.hpp"

#include "libp2p/watch.hpp"

#include <algorithm>
#include <utility>

namespace myelin::libp2p::ping {

io::Task<Result<Duration>> measure(io::Loop* loop, std::unique_ptr<Stream> stream, io::CancelToken token) {
  const Instant start = loop->now();
  Watch watch(*loop, start + answer_timeout, token, [s = stream.get()] { s->reset(); });
  Buffer question = Buffer::allocate(payload_bytes);
  loop->random(question.writable());
  if (auto written = co_await stream->write(question); !written) co_return fail(watch.explain(written.error()));
  auto answer = co_await io::read_exactly(*stream, payload_bytes);
  if (!answer) co_return fail(watch.explain(answer.error()));
  const Duration round_trip = loop->now() - start;
  if (!std::ranges::equal(answer->view(), question.view())) {
    stream->reset();
    co_return fail(ErrorCode::protocol, "ping: the answer is not the question");
  }
  (void)co_await stream->close_write();  // the answer is here; how the stream ends changes nothing
  co_return round_trip;
}

io::Task<void> serve(io::Loop* loop, std::unique_ptr<Stream> stream, io::CancelToken token) {
  for (;;) {
    Watch watch(*loop, loop->now() + idle_timeout, token, [s = stream.get()] { s->reset(); });
    auto question = co_await io::read_exactly(*stream, payload_bytes);
    if (!question) break;
    if (auto written = co_await stream->write(std::move(*question)); !written) break;
  }
  (void)co_await stream->close_write();  // if it was reset already there is nothing left to end
}

}  // namespace myelin::libp2p::ping
