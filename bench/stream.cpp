// [libp2p-oneway] [libp2p-cpu] [libp2p-echo] [libp2p-requests] [libp2p-memory]: streams over TCP, Noise and yamux,
// between two programs, and connections that do nothing.
//
//   bench_stream listen                  prints its multiaddr, then serves until its stdin ends
//   bench_stream oneway ADDRESS BYTES    sends so many, waits until the other end has checked them; bytes a second
//   bench_stream echo ADDRESS BYTES      sends so many and checks what comes back meanwhile; bytes a second, one way
//   bench_stream requests ADDRESS COUNT  a new stream for each request of 1 KiB that is given back, 64 at a time; a
//   second
//   bench_stream idle ADDRESS COUNT      that many peers, each with one connection on which both sides have identified
//   each other; prints a line and keeps them until its stdin ends
//
// bench/go and bench/rust do the same with go-libp2p and rust-libp2p; `idle` dials either. What is sent is a pattern of
// `pattern_bytes`, over and over; the receiver compares every byte and answers with the count.
#include "bench/report.hpp"
#include "identity/keys.hpp"
#include "io/real.hpp"
#include "io/scope.hpp"
#include "io/sync.hpp"
#include "libp2p/host.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <vector>

namespace myelin::bench {
namespace {

using libp2p::Host;
using libp2p::Multiaddr;
using libp2p::Stream;

constexpr std::size_t pattern_bytes = 1 << 20;
constexpr std::size_t piece_bytes = 256 * 1024;
constexpr std::size_t request_bytes = 1024;
constexpr std::size_t at_once = 64;
constexpr std::size_t dials_at_once = 16;
constexpr const char* sink_protocol = "/bench/sink/1";
constexpr const char* echo_protocol = "/bench/echo/1";

Buffer pattern() {
  Buffer made = Buffer::allocate(pattern_bytes);
  std::uint32_t x = 1;
  for (std::size_t i = 0; i < pattern_bytes; ++i) {
    x = x * 1664525u + 1013904223u;
    made.writable()[i] = static_cast<std::uint8_t>(x >> 24);
  }
  return made;
}

bool matches(View bytes, std::uint64_t from, const Buffer& wanted) {
  while (!bytes.empty()) {
    const std::size_t at = from % pattern_bytes;
    const std::size_t n = std::min(bytes.size(), pattern_bytes - at);
    if (std::memcmp(bytes.data(), wanted.data() + at, n) != 0) return false;
    bytes = bytes.subspan(n);
    from += n;
  }
  return true;
}

std::unique_ptr<Host> make_host(io::RealLoop& loop) {
  libp2p::HostConfig config;
  std::array<std::uint8_t, 32> seed{};
  loop.random(seed);
  config.key = identity::KeyPair::ed25519(seed);
  config.limits.connections = 100'000;
  config.limits.handshakes = 1024;
  config.limits.handshakes_per_address = 1024;
  return Host::create(loop, std::move(config));
}

struct Peer {
  io::RealLoop& loop;
  Host& host;
  io::Scope& scope;
  Buffer wanted = pattern();

  io::Task<void> sink(std::unique_ptr<Stream> stream) {
    std::uint64_t count = 0;
    for (;;) {
      auto bytes = co_await stream->read(piece_bytes);
      if (!bytes) co_return;
      if (bytes->empty()) break;
      if (!matches(bytes->view(), count, wanted)) co_return;
      count += bytes->size();
    }
    if (!co_await stream->write(Buffer::copy_of(std::to_string(count)))) co_return;
    (void)co_await stream->close_write();
  }

  io::Task<void> echo(std::unique_ptr<Stream> stream) {
    for (;;) {
      auto bytes = co_await stream->read(piece_bytes);
      if (!bytes) co_return;
      if (bytes->empty()) break;
      if (!co_await stream->write(std::move(*bytes))) co_return;
    }
    (void)co_await stream->close_write();
  }

  // Sets `ended` when stdin ends. REQUIRES: `ended` outlives the run.
  void watch_stdin(io::Event* ended) {
    std::thread([this, ended] {
      char byte = 0;
      while (::read(STDIN_FILENO, &byte, 1) == 1) {
      }
      loop.post([ended] { ended->set(); });
    }).detach();
  }

  io::Task<void> listen() {
    io::Event ended(loop);
    watch_stdin(&ended);
    host.handle(sink_protocol, [this](std::unique_ptr<Stream> stream) { scope.spawn(sink(std::move(stream))); });
    host.handle(echo_protocol, [this](std::unique_ptr<Stream> stream) { scope.spawn(echo(std::move(stream))); });
    if (auto fine = host.listen(Multiaddr::tcp_address({io::IpAddress::loopback_v4(), 0})); !fine) {
      give_up("listen: " + to_string(fine.error()));
    }
    std::printf("%s\n", host.addresses().at(0).to_string().c_str());
    std::fflush(stdout);
    co_await ended.wait();
    co_await host.stop();
    co_await scope.join();
  }

  io::Task<std::unique_ptr<Stream>> open(identity::PeerId peer, std::string protocol) {
    auto stream = co_await host.open(std::move(peer), {std::move(protocol)});
    if (!stream) give_up("open: " + to_string(stream.error()));
    co_return std::move(*stream);
  }

  io::Task<void> send(Stream* stream, std::uint64_t total) {
    for (std::uint64_t sent = 0; sent < total;) {
      const std::size_t at = sent % pattern_bytes;
      const std::uint64_t n = std::min<std::uint64_t>({piece_bytes, total - sent, pattern_bytes - at});
      auto fine = co_await stream->write(wanted.slice(at, static_cast<std::size_t>(n)));
      if (!fine) give_up("write: " + to_string(fine.error()));
      sent += n;
    }
    if (auto fine = co_await stream->close_write(); !fine) give_up("close: " + to_string(fine.error()));
  }

  // The count that the sink answers with.
  io::Task<std::uint64_t> oneway(identity::PeerId peer, std::uint64_t total) {
    auto stream = co_await open(std::move(peer), sink_protocol);
    co_await send(stream.get(), total);
    std::string answer;
    for (;;) {
      auto piece = co_await stream->read(64);
      if (!piece) give_up("the receiver refused what came: " + to_string(piece.error()));
      if (piece->empty()) break;
      answer += as_text(piece->view());
    }
    co_return number(answer.c_str());
  }

  // How many bytes came back, all of them right.
  io::Task<std::uint64_t> echoed(identity::PeerId peer, std::uint64_t total) {
    auto stream = co_await open(std::move(peer), echo_protocol);
    io::Scope sending(loop);
    sending.spawn(send(stream.get(), total));
    std::uint64_t count = 0;
    for (;;) {
      auto bytes = co_await stream->read(piece_bytes);
      if (!bytes) give_up("read: " + to_string(bytes.error()));
      if (bytes->empty()) break;
      if (!matches(bytes->view(), count, wanted)) give_up("what came back is not what was sent");
      count += bytes->size();
    }
    co_await sending.join();
    co_return count;
  }

  io::Task<void> some_requests(identity::PeerId peer, std::uint64_t* left, std::uint64_t* done) {
    while (*left > 0) {
      --*left;
      if (co_await echoed(peer, request_bytes) != request_bytes) give_up("an answer was cut");
      ++*done;
    }
  }

  io::Task<std::uint64_t> requests(identity::PeerId peer, std::uint64_t count) {
    std::uint64_t done = 0;
    io::Scope clients(loop);
    for (std::size_t i = 0; i < at_once; ++i) clients.spawn(some_requests(peer, &count, &done));
    co_await clients.join();
    co_return done;
  }

  // Connects hosts, one after another, and waits until each knows its peer from identify.
  io::Task<void> connect_hosts(Multiaddr to, std::vector<std::unique_ptr<Host>>* hosts, std::size_t* next) {
    while (*next < hosts->size()) {
      Host& one = *(*hosts)[(*next)++];
      if (auto fine = co_await one.connect(to); !fine) give_up("connect: " + to_string(fine.error()));
      while (one.peers().at(0).agent_version.empty()) {
        if (one.metrics().connections == 0) give_up("the listener closed a connection");
        (void)co_await io::sleep_for(loop, std::chrono::milliseconds(1));
      }
    }
  }

  io::Task<void> idle(std::string address, std::uint64_t count) {
    auto to = Multiaddr::parse(address);
    if (!to) give_up("not an address: " + address);
    io::Event ended(loop);
    watch_stdin(&ended);
    std::vector<std::unique_ptr<Host>> hosts;
    for (std::uint64_t i = 0; i < count; ++i) hosts.push_back(make_host(loop));
    std::size_t next = 0;
    io::Scope dials(loop);
    for (std::size_t i = 0; i < dials_at_once; ++i) dials.spawn(connect_hosts(*to, &hosts, &next));
    co_await dials.join();
    std::printf("%zu\n", hosts.size());
    std::fflush(stdout);
    co_await ended.wait();
    std::_Exit(0);  // taking them all down one by one is no part of this
  }

  io::Task<void> dial(std::string what, std::string address, std::uint64_t total) {
    auto to = Multiaddr::parse(address);
    if (!to) give_up("not an address: " + address);
    if (auto fine = co_await host.connect(*to); !fine) give_up("connect: " + to_string(fine.error()));
    const auto begin = std::chrono::steady_clock::now();
    const std::uint64_t count = what == "oneway" ? co_await oneway(*to->peer(), total)
                                : what == "echo" ? co_await echoed(*to->peer(), total)
                                                 : co_await requests(*to->peer(), total);
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    report(static_cast<double>(total) / took, std::to_string(count));
    co_await host.stop();
  }
};

int run(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const bool listens = argc == 2 && what == "listen";
  if (!listens && !(argc == 4 && (what == "oneway" || what == "echo" || what == "requests" || what == "idle"))) {
    give_up(
        "usage: bench_stream listen | oneway ADDRESS BYTES | echo ADDRESS BYTES | requests ADDRESS COUNT | "
        "idle ADDRESS COUNT");
  }
  keep_freed_memory();
  const auto loop = io::RealLoop::create();
  const auto host = make_host(*loop);
  io::Scope scope(*loop);
  Peer peer{*loop, *host, scope};
  loop->run_until_done(listens          ? peer.listen()
                       : what == "idle" ? peer.idle(argv[2], number(argv[3]))
                                        : peer.dial(std::string(what), argv[2], number(argv[3])));
  std::fflush(stdout);
  std::_Exit(0);  // the thread that reads stdin may be in its read
}

}  // namespace
}  // namespace myelin::bench

int main(int argc, char** argv) { return myelin::bench::run(argc, argv); }
