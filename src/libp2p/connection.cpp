#include "libp2p/connection.hpp"

#include "base/log.hpp"
#include "libp2p/multistream.hpp"
#include "libp2p/watch.hpp"

#include <algorithm>
#include <utility>

namespace myelin::libp2p {

namespace {

// What is gathered into one write of the socket, so that the peer, which is woken for each, finds much to do; and what
// of that is sealed before others of the loop get their turn. Both in full Noise frames.
constexpr std::size_t write_bytes = 8 * noise::max_plaintext_bytes;
constexpr std::size_t turn_bytes = 4 * noise::max_plaintext_bytes;
// The reader asks for as much as has been coming lately, within these.
constexpr std::size_t min_read_bytes = 8 * limits::kib;
constexpr std::size_t max_read_bytes = 2 * (noise::length_bytes + limits::noise_frame_bytes);
constexpr Duration farewell_time = std::chrono::seconds(1);
constexpr std::size_t negotiation_read_bytes = 16 * limits::kib;

yamux::Config session_config(const Upgraded& upgraded, const HostLimits& limits) {
  yamux::Config config;
  config.dialer = upgraded.dialer;
  config.inbound_streams = limits.streams_per_connection;
  config.receive_memory_bytes = limits.receive_memory_bytes;
  return config;
}

}  // namespace

Connection::Connection(io::Loop& loop, Upgraded upgraded, const HostLimits& limits, ConnectionHooks hooks,
                       StreamBudget& budget, HostMetrics& metrics)
    : loop_(loop),
      socket_(std::move(upgraded.socket)),
      encryptor_(std::move(upgraded.session.encryptor)),
      decryptor_(std::move(upgraded.session.decryptor)),
      early_(std::move(upgraded.early)),
      dialer_(upgraded.dialer),
      early_muxer_(upgraded.early_muxer),
      limits_(limits),
      hooks_(std::move(hooks)),
      budget_(budget),
      metrics_(metrics),
      session_(session_config(upgraded, limits)),
      link_(std::make_shared<Link>(loop, std::move(upgraded.session.peer))),
      last_received_(loop.now()),
      output_(loop),
      pong_(loop),
      closing_(loop),
      reader_ended_(loop),
      scope_(loop) {
  link_->connection = this;
}

Connection::~Connection() {
  if (!closed_) close({ErrorCode::link_lost, "the connection was dropped"}, false);
}

io::Task<void> Connection::run() {
  scope_.spawn(read_loop());
  scope_.spawn(write_loop());
  scope_.spawn(keep_alive());
  co_await closing_.wait();
  if (farewell_) {
    // The peer closes its side when it has read ours; whether it does or not, that is all the time it gets.
    co_await reader_ended_.wait_until(loop_.now() + farewell_time);
  }
  socket_->reset();
  co_await scope_.join();
}

void Connection::close(Error why, bool farewell) {
  if (std::exchange(closed_, true)) return;
  farewell_ = farewell;
  if (farewell) session_.go_away(yamux::go_away_normal);
  log::debug("libp2p", "connection closed", {{"peer", peer().to_string()}, {"why", to_string(why)}});
  link_->why = why;
  link_->connection = nullptr;
  std::vector<yamux::StreamId> ids;
  for (const auto& [id, core] : streams_) ids.push_back(id);
  std::ranges::sort(ids);  // their holders wake in one order on every run
  for (const yamux::StreamId id : ids) {
    const std::shared_ptr<StreamCore> core = streams_.at(id);
    forget(id);
    core->break_off(why, false);
  }
  scope_.cancel();
  link_->can_open.set();
  link_->closed.set();
  closing_.set();
  output_.set();
}

void Connection::wake_writer() {
  if (session_.has_output()) output_.set();
}

// ---- the socket ----

io::Task<void> Connection::read_loop() {
  take_plaintext(std::exchange(early_, {}));
  std::size_t want = min_read_bytes;
  for (;;) {
    const std::size_t asked = decryptor_.next_read_bytes(want);
    auto bytes = co_await socket_->read(asked);
    if (!bytes || bytes->empty()) {
      close(bytes ? Error{ErrorCode::link_lost, "the peer closed the connection"} : bytes.error(), false);
      break;
    }
    if (closed_) continue;  // saying farewell: what still comes is dropped
    const std::size_t size = bytes->size();
    want = size == asked     ? std::min(want * 2, max_read_bytes)
           : size * 2 < want ? std::max(want / 2, min_read_bytes)
                             : want;
    metrics_.bytes_in += size;
    last_received_ = loop_.now();
    Rope plaintext;
    auto opened = decryptor_.open(std::move(*bytes), plaintext);
    take_plaintext(std::move(plaintext));
    if (!opened) close(opened.error(), false);
  }
  reader_ended_.set();
}

void Connection::take_plaintext(Rope plaintext) {
  const Instant now = loop_.now();
  while (!plaintext.empty() && !closed_) {
    auto taken = session_.receive(plaintext.pop_front(), now);
    dispatch();
    if (!taken) close(taken.error(), true);
  }
  wake_writer();
}

io::Task<void> Connection::write_loop() {
  for (;;) {
    if (!session_.has_output()) {
      if (closed_) break;
      output_.reset();
      co_await output_.wait();
      continue;
    }
    Rope sealed;
    Result<void> done;
    for (bool more = true; more && done && session_.has_output();) {
      const std::size_t before = sealed.size();
      done = encryptor_.seal(session_.collect(turn_bytes), sealed);
      dispatch();
      more = sealed.size() - before >= turn_bytes && sealed.size() < write_bytes;
      if (more) co_await io::yield(loop_);
    }
    if (closed_ && !farewell_) break;
    metrics_.bytes_out += sealed.size();
    if (done && !sealed.empty()) done = co_await socket_->write(std::move(sealed));
    if (!done) {
      close(done.error(), false);
      co_return;
    }
  }
  if (farewell_) co_await socket_->close_write();
}

io::Task<void> Connection::keep_alive() {
  while (!closed_) {
    const Instant sent = loop_.now();
    pong_.reset();
    session_.ping(static_cast<std::uint32_t>(loop_.random_u64()), sent);
    wake_writer();
    while (!closed_ && !pong_.is_set()) {
      // Whatever arrives shows that the peer lives, even if its answer waits behind much else.
      const Instant deadline = std::max(sent, last_received_) + limits_.keepalive_timeout;
      if (loop_.now() >= deadline) {
        close({ErrorCode::link_lost, "the peer does not answer"}, false);
        co_return;
      }
      co_await pong_.wait_until(deadline, scope_.token());
    }
    co_await io::sleep_until(loop_, std::max(sent + limits_.keepalive_interval, loop_.now()), scope_.token());
  }
}

// ---- events ----

void Connection::dispatch() {
  while (auto event = session_.next_event()) {
    if (closed_) continue;
    switch (event->kind) {
      case yamux::Event::Kind::opened:
        on_opened(event->stream);
        break;
      case yamux::Event::Kind::can_open:
        link_->can_open.set();
        break;
      case yamux::Event::Kind::pong:
        pong_.set();
        break;
      case yamux::Event::Kind::go_away:
        link_->can_open.set();
        break;
      default:
        on_stream_event(std::move(*event));
    }
  }
}

void Connection::on_opened(yamux::StreamId id) {
  if (budget_.open >= budget_.limit) {
    ++metrics_.streams_refused;
    session_.reset(id, yamux::reset_resource_limit);
    return;
  }
  ++metrics_.streams_opened;
  scope_.spawn(negotiate_inbound(std::make_unique<MuxStream>(add_core(id, true))));
}

void Connection::on_stream_event(yamux::Event event) {
  const auto found = streams_.find(event.stream);
  if (found == streams_.end()) return;
  const std::shared_ptr<StreamCore> core = found->second;
  switch (event.kind) {
    case yamux::Event::Kind::data:
      core->put(std::move(event.data));
      break;
    case yamux::Event::Kind::finished:
      core->end();
      break;
    case yamux::Event::Kind::writable:
      core->writable.set();
      break;
    case yamux::Event::Kind::reset:
      forget(event.stream);
      core->break_off({ErrorCode::link_lost, "the peer reset the stream"}, false);
      break;
    default:
      break;
  }
}

std::shared_ptr<StreamCore> Connection::add_core(yamux::StreamId id, bool inbound) {
  if (inbound) ++budget_.open;
  return streams_[id] = std::make_shared<StreamCore>(loop_, link_, id, inbound);
}

void Connection::forget(yamux::StreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  if (found->second->inbound) --budget_.open;
  found->second->attached = false;
  streams_.erase(found);
}

// ---- commands of streams ----

Result<std::unique_ptr<MuxStream>> Connection::open_raw() {
  const auto id = session_.open(loop_.now());
  if (!id) return fail(id.error());
  ++metrics_.streams_opened;
  auto stream = std::make_unique<MuxStream>(add_core(*id, false));
  wake_writer();
  return stream;
}

void Connection::write(StreamCore& stream, Rope bytes) {
  session_.write(stream.id, std::move(bytes));
  wake_writer();
}

void Connection::finish(StreamCore& stream) {
  session_.finish(stream.id);
  wake_writer();
}

void Connection::reset(StreamCore& stream) {
  session_.reset(stream.id);
  forget(stream.id);
  dispatch();
  wake_writer();
}

void Connection::release(StreamCore& stream) {
  session_.release(stream.id);
  forget(stream.id);
  dispatch();
  wake_writer();
}

void Connection::consumed(StreamCore& stream, std::size_t bytes) {
  session_.consume(stream.id, bytes, loop_.now());
  wake_writer();
}

// ---- negotiation ----

io::Task<void> Connection::negotiate_inbound(std::unique_ptr<MuxStream> stream) {
  Watch watch(loop_, loop_.now() + limits_.negotiation_timeout, scope_.token(), [s = stream.get()] { s->reset(); });
  multistream::Listener listener;
  Rope in;
  while (listener.state() != multistream::State::agreed && listener.state() != multistream::State::failed) {
    auto bytes = co_await stream->read(negotiation_read_bytes);
    if (!bytes || bytes->empty()) co_return;
    in.append(std::move(*bytes));
    listener.receive(in);
    while (listener.state() == multistream::State::proposed) {
      if (!closed_ && hooks_.speaks(listener.proposal())) {
        listener.accept();
      } else {
        listener.refuse();
        listener.receive(in);
      }
    }
    const Bytes output = listener.take_output();
    if (output.empty()) continue;
    if (auto written = co_await stream->write(Buffer::copy_of(output)); !written) co_return;
  }
  if (listener.state() == multistream::State::failed || closed_ || watch.fired()) {
    stream->reset();
    co_return;
  }
  stream->negotiated(listener.protocol(), std::move(in));
  hooks_.accept(std::move(stream));
}

namespace {

io::Task<Result<std::unique_ptr<MuxStream>>> open_raw_stream(std::shared_ptr<Link> link, Instant deadline,
                                                             io::CancelToken token) {
  for (;;) {
    if (link->connection == nullptr) co_return fail(link->why);
    auto stream = link->connection->open_raw();
    if (stream || stream.error().code != ErrorCode::limit) co_return stream;
    link->can_open.reset();
    if (auto waited = co_await link->can_open.wait_until(deadline, token); !waited) co_return fail(waited.error());
  }
}

}  // namespace

io::Task<Result<std::unique_ptr<Stream>>> open_stream(std::shared_ptr<Link> link, std::vector<std::string> protocols,
                                                      Duration timeout, io::CancelToken token) {
  auto dialer = multistream::Dialer::create(std::move(protocols));
  if (!dialer) co_return fail(dialer.error());
  const Instant deadline = link->loop.now() + timeout;
  auto opened = co_await open_raw_stream(link, deadline, token);
  if (!opened) co_return fail(opened.error());
  std::unique_ptr<MuxStream> stream = std::move(*opened);
  Watch watch(link->loop, deadline, token, [s = stream.get()] { s->reset(); });
  Rope in;
  for (;;) {
    const Bytes output = dialer->take_output();
    if (!output.empty()) {
      if (auto written = co_await stream->write(Buffer::copy_of(output)); !written) {
        co_return fail(watch.explain(written.error()));
      }
    }
    if (dialer->state() == multistream::State::agreed) break;
    if (dialer->state() == multistream::State::failed) {
      stream->reset();
      co_return fail(dialer->error());
    }
    auto bytes = co_await stream->read(negotiation_read_bytes);
    if (!bytes) co_return fail(watch.explain(bytes.error()));
    if (bytes->empty()) co_return fail(ErrorCode::protocol, "the peer ended the stream in its negotiation");
    in.append(std::move(*bytes));
    dialer->receive(in);
  }
  if (watch.fired()) co_return fail(watch.explain({}));
  stream->negotiated(dialer->protocol(), std::move(in));
  co_return std::unique_ptr<Stream>(std::move(stream));
}

io::Task<Result<std::unique_ptr<Stream>>> open_known_stream(std::shared_ptr<Link> link, std::string protocol,
                                                            Duration timeout, io::CancelToken token) {
  std::vector<std::string> only{protocol};
  auto dialer = multistream::Dialer::create(std::move(only));
  if (!dialer) co_return fail(dialer.error());
  auto opened = co_await open_raw_stream(link, link->loop.now() + timeout, std::move(token));
  if (!opened) co_return fail(opened.error());
  std::unique_ptr<MuxStream> stream = std::move(*opened);
  if (auto written = co_await stream->write(Buffer::copy_of(dialer->take_output())); !written) {
    co_return fail(written.error());
  }
  stream->proposed(std::move(*dialer), std::move(protocol));
  co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace myelin::libp2p
