#include "interop/cases.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <vector>

namespace myelin::interop {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t mebibyte = 1024 * 1024;
using Outcome = Result<void>;

std::unexpected<Error> wrong(std::string what) { return fail(ErrorCode::protocol, what); }

void say(const std::string& text) {
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

std::string milliseconds(Duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(time).count() / 1000.0).substr(0, 6) +
         "ms";
}

// One connection to a peer, and the cases over it. Outlives their tasks.
class Client {
 public:
  Client(io::Loop* loop, Host* host, Multiaddr address, io::Event* ended)
      : loop_(*loop),
        host_(*host),
        address_(std::move(address)),
        peer_(*address_.peer()),
        ended_(*ended),
        scope_(*loop) {}

  io::Task<Outcome> run(std::string name);

 private:
  struct Case {
    std::string_view name;
    io::Task<Outcome> (Client::*run)();
  };
  static const Case cases[];

  io::Task<Outcome> ping();
  io::Task<Outcome> identify();
  io::Task<Outcome> echo_large();
  io::Task<Outcome> streams();
  io::Task<Outcome> half_close();
  io::Task<Outcome> reset();
  io::Task<Outcome> slow();
  io::Task<Outcome> kill();
  io::Task<Outcome> hold();
  io::Task<Outcome> failed();

  io::Task<Result<std::unique_ptr<Stream>>> open(std::string_view protocol);
  io::Task<void> send(Stream* stream, std::size_t total, Result<std::string>* hash, Instant* written);
  io::Task<Outcome> echo(std::size_t total);
  io::Task<Outcome> echo_on(Stream* stream, std::size_t total);
  io::Task<void> open_into(Result<std::unique_ptr<Stream>>* stream);
  io::Task<void> echo_into(Stream* stream, std::size_t total, Outcome* outcome);
  io::Task<Outcome> digest_of(Stream* stream, std::size_t total, Instant* written);
  io::Task<void> digest_into(Stream* stream, std::size_t total, Instant* written, Outcome* outcome);
  io::Task<Result<std::string>> read_text(Stream* stream);
  io::Task<Result<std::uint64_t>> failures();
  io::Task<Result<std::unique_ptr<Stream>>> open_held();
  io::Task<Outcome> expect_failures(std::uint64_t count);

  io::Loop& loop_;
  Host& host_;
  Multiaddr address_;
  identity::PeerId peer_;
  io::Event& ended_;
  io::Scope scope_;
};

const Client::Case Client::cases[] = {
    {"ping", &Client::ping},
    {"identify", &Client::identify},
    {"echo", &Client::echo_large},
    {"streams", &Client::streams},
    {"halfclose", &Client::half_close},
    {"reset", &Client::reset},
    {"slow", &Client::slow},
    {"kill", &Client::kill},
    {"hold", &Client::hold},
    {"failed", &Client::failed},
};

io::Task<Outcome> Client::run(std::string name) {
  const auto* found = std::ranges::find(cases, name, &Case::name);
  if (found == std::end(cases)) co_return wrong("no case " + name);
  if (auto connected = co_await host_.connect(address_); !connected) co_return connected;
  auto outcome = co_await (this->*found->run)();
  if (!outcome) co_await host_.stop();  // ends what a failed case has left running
  co_await scope_.join();
  co_return outcome;
}

io::Task<Result<std::unique_ptr<Stream>>> Client::open(std::string_view protocol) {
  std::vector<std::string> protocols;
  protocols.emplace_back(protocol);
  co_return co_await host_.open(peer_, std::move(protocols));
}

io::Task<Outcome> Client::ping() {
  std::string times;
  for (int i = 0; i < 3; ++i) {
    auto time = co_await host_.ping(peer_);
    if (!time) co_return fail(time.error());
    times += milliseconds(*time) + " ";
  }
  say(times);
  co_return Outcome{};
}

io::Task<Outcome> Client::identify() {
  const Instant deadline = loop_.now() + 10s;
  for (;;) {
    const auto peers = host_.peers();
    const auto found = std::ranges::find(peers, peer_, &libp2p::PeerInfo::id);
    if (found == peers.end() || !found->connected) co_return wrong("not connected");
    if (found->agent_version.empty()) {
      if (loop_.now() > deadline) co_return wrong("not identified within 10 s");
      (void)co_await io::sleep_for(loop_, 10ms);
      continue;
    }
    for (const std::string_view wanted :
         {echo_protocol, std::string_view("/ipfs/ping/1.0.0"), std::string_view("/ipfs/id/1.0.0"),
          std::string_view("/ipfs/id/push/1.0.0")}) {
      if (std::ranges::find(found->protocols, wanted) == found->protocols.end())
        co_return wrong(std::string(wanted) + " is not advertised");
    }
    const auto is_dialled = [this](const Multiaddr& a) { return a.without_peer() == address_.without_peer(); };
    if (!std::ranges::any_of(found->addresses, is_dialled)) co_return wrong("its address is not among those it tells");
    say(found->agent_version);
    co_return Outcome{};
  }
}

// Sends `total` bytes that never repeat and the end; gives their hash.
io::Task<void> Client::send(Stream* stream, std::size_t total, Result<std::string>* hash, Instant* written) {
  Hash sum;
  Bytes random(chunk_bytes);
  loop_.random(random);
  for (std::size_t sent = 0; sent < total; sent += chunk_bytes) {
    Buffer chunk = Buffer::copy_of(View(random).first(std::min(chunk_bytes, total - sent)));
    for (std::size_t i = 0; i < std::min<std::size_t>(8, chunk.size()); ++i) {
      chunk.writable()[i] = static_cast<std::uint8_t>(sent >> (56 - 8 * i));
    }
    sum.update(chunk.view());
    if (auto done = co_await stream->write(std::move(chunk)); !done) {
      *hash = fail(done.error());
      co_return;
    }
  }
  *written = loop_.now();
  auto closed = co_await stream->close_write();
  *hash = closed ? Result<std::string>(sum.hex()) : fail(closed.error());
}

io::Task<Outcome> Client::echo(std::size_t total) {
  auto stream = co_await open(echo_protocol);
  if (!stream) co_return fail(stream.error());
  co_return co_await echo_on(stream->get(), total);
}

io::Task<Outcome> Client::echo_on(Stream* stream, std::size_t total) {
  Result<std::string> sent;
  Instant written;
  io::Scope sending(loop_);
  sending.spawn(send(stream, total, &sent, &written));
  Hash hash;
  std::size_t count = 0;
  Outcome outcome;
  for (;;) {
    auto bytes = co_await stream->read(chunk_bytes);
    if (!bytes) {
      outcome = fail(bytes.error());
      stream->reset();  // ends the sending
    }
    if (!bytes || bytes->empty()) break;
    hash.update(bytes->view());
    count += bytes->size();
  }
  co_await sending.join();
  if (!outcome) co_return outcome;
  if (!sent) co_return fail(sent.error());
  if (const std::string received = hash.hex(); count != total || received != *sent) {
    co_return wrong(std::to_string(count) + " bytes came back with hash " + received + ", sent were " +
                    std::to_string(total) + " with " + *sent);
  }
  co_return Outcome{};
}

io::Task<Outcome> Client::echo_large() {
  const Instant begin = loop_.now();
  auto outcome = co_await echo(64 * mebibyte);
  if (!outcome) co_return outcome;
  const double seconds = std::chrono::duration<double>(loop_.now() - begin).count();
  say(std::to_string(static_cast<int>(64 / seconds)) + " MiB/s");
  co_return Outcome{};
}

io::Task<void> Client::open_into(Result<std::unique_ptr<Stream>>* stream) { *stream = co_await open(echo_protocol); }

io::Task<void> Client::echo_into(Stream* stream, std::size_t total, Outcome* outcome) {
  *outcome = co_await echo_on(stream, total);
}

// All are open before the first is used.
io::Task<Outcome> Client::streams() {
  std::vector<Result<std::unique_ptr<Stream>>> opened(1000);
  io::Scope opening(loop_);
  for (auto& stream : opened) opening.spawn(open_into(&stream));
  co_await opening.join();
  for (const auto& stream : opened) {
    if (!stream) co_return fail(stream.error());
  }
  if (host_.metrics().connections != 1) co_return wrong("not one connection");
  std::vector<Outcome> outcomes(opened.size());
  io::Scope echoing(loop_);
  for (std::size_t i = 0; i < opened.size(); ++i) echoing.spawn(echo_into(opened[i]->get(), 4096, &outcomes[i]));
  co_await echoing.join();
  for (const Outcome& outcome : outcomes) {
    if (!outcome) co_return outcome;
  }
  co_return Outcome{};
}

io::Task<Result<std::string>> Client::read_text(Stream* stream) {
  std::string text;
  for (;;) {
    auto bytes = co_await stream->read(chunk_bytes);
    if (!bytes) co_return fail(bytes.error());
    if (bytes->empty()) co_return text;
    text += as_text(bytes->view());
  }
}

// Sends, ends our half, and compares the answer's count and hash.
io::Task<Outcome> Client::digest_of(Stream* stream, std::size_t total, Instant* written) {
  Result<std::string> hash;
  co_await send(stream, total, &hash, written);
  if (!hash) co_return fail(hash.error());
  auto answer = co_await read_text(stream);
  if (!answer) co_return fail(answer.error());
  if (const std::string wanted = std::to_string(total) + " " + *hash + "\n"; *answer != wanted) {
    co_return wrong("answer " + *answer + " in place of " + wanted);
  }
  co_return Outcome{};
}

io::Task<Outcome> Client::half_close() {
  auto stream = co_await open(sink_protocol);
  if (!stream) co_return fail(stream.error());
  Instant written;
  co_return co_await digest_of(stream->get(), mebibyte, &written);
}

io::Task<Result<std::uint64_t>> Client::failures() {
  auto stream = co_await open(failed_protocol);
  if (!stream) co_return fail(stream.error());
  auto text = co_await read_text(stream->get());
  if (!text) co_return fail(text.error());
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (error != std::errc() || end == text->data() || *end != '\n') co_return wrong("a count, not " + *text);
  co_return count;
}

io::Task<Result<std::unique_ptr<Stream>>> Client::open_held() {
  auto stream = co_await open(hold_protocol);
  if (!stream) co_return stream;
  auto first = co_await (*stream)->read(1);
  if (!first) co_return fail(first.error());
  if (as_text(first->view()) != "h") co_return wrong("no h");
  co_return stream;
}

io::Task<Outcome> Client::expect_failures(std::uint64_t count) {
  const Instant deadline = loop_.now() + 10s;
  for (;;) {
    auto now = co_await failures();
    if (!now) co_return fail(now.error());
    if (*now == count) co_return Outcome{};
    if (loop_.now() > deadline) co_return wrong("the peer did not see our reset");
    (void)co_await io::sleep_for(loop_, 20ms);
  }
}

// The peer resets a stream: an error, no end. We reset one: the peer sees that. The connection goes on.
io::Task<Outcome> Client::reset() {
  {
    auto stream = co_await open(reset_protocol);
    if (!stream) co_return fail(stream.error());
    if (auto written = co_await (*stream)->write(Buffer::copy_of("x")); !written) co_return written;
    auto rest = co_await read_text(stream->get());
    if (rest) co_return wrong("a reset looks like an end");
    if (rest.error().code != ErrorCode::link_lost) co_return fail(rest.error());
  }
  const auto before = co_await failures();
  if (!before) co_return fail(before.error());
  auto held = co_await open_held();
  if (!held) co_return fail(held.error());
  (*held)->reset();
  if (auto seen = co_await expect_failures(*before + 1); !seen) co_return seen;
  co_return co_await echo(mebibyte);
}

io::Task<void> Client::digest_into(Stream* stream, std::size_t total, Instant* written, Outcome* outcome) {
  *outcome = co_await digest_of(stream, total, written);
}

// A reader that stalls and is slow holds the writer back, and nobody else.
io::Task<Outcome> Client::slow() {
  auto stream = co_await open(slow_protocol);
  if (!stream) co_return fail(stream.error());
  const Instant begin = loop_.now();
  Instant written;
  Outcome slow_outcome;
  io::Scope writing(loop_);
  writing.spawn(digest_into(stream->get(), 8 * mebibyte, &written, &slow_outcome));
  const auto echoed = co_await echo(chunk_bytes);
  const Duration beside = loop_.now() - begin;
  co_await writing.join();
  if (!echoed) co_return echoed;
  if (!slow_outcome) co_return slow_outcome;
  const Duration held = written - begin;
  if (held < stall * 3 / 4)
    co_return wrong("8 MiB were taken in " + milliseconds(held) + " from a writer whose reader stalls");
  if (beside > held) co_return wrong("an echo beside the slow stream took " + milliseconds(beside));
  say("writer held for " + milliseconds(held) + ", echo beside it " + milliseconds(beside));
  co_return Outcome{};
}

// The peer is killed while we read: that ends, and not as a good end.
io::Task<Outcome> Client::kill() {
  auto stream = co_await open_held();
  if (!stream) co_return fail(stream.error());
  say("held");
  auto rest = co_await read_text(stream->get());
  if (rest) co_return wrong("a good end from a killed peer");
  if (rest.error().code != ErrorCode::link_lost) co_return fail(rest.error());
  say("lost");
  if (co_await open(echo_protocol)) co_return wrong("a stream to a killed peer was opened");
  co_return Outcome{};
}

// Ten streams are held until we are killed.
io::Task<Outcome> Client::hold() {
  std::vector<std::unique_ptr<Stream>> held;
  for (int i = 0; i < 10; ++i) {
    auto stream = co_await open_held();
    if (!stream) co_return fail(stream.error());
    held.push_back(std::move(*stream));
  }
  say("held");
  co_await ended_.wait();
  co_return Outcome{};
}

io::Task<Outcome> Client::failed() {
  const auto count = co_await failures();
  if (!count) co_return fail(count.error());
  say(std::to_string(*count));
  co_return Outcome{};
}

}  // namespace

io::Task<Result<void>> run_case(io::Loop* loop, Host* host, std::string address, std::string name, io::Event* ended) {
  auto parsed = Multiaddr::parse(address);
  if (!parsed) co_return fail(parsed.error());
  if (!parsed->peer()) co_return fail(ErrorCode::bad_request, "the address names no peer");
  Client client(loop, host, std::move(*parsed), ended);
  co_return co_await client.run(std::move(name));
}

}  // namespace myelin::interop
