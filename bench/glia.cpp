// Calls across nodes: two programs, each a whole node of one shard, one libp2p TCP connection between them.
//
//   bench_glia serve MODULE                one process; prints {"address", "path"}: where, and the path without the
//                                          method; ends with stdin
//   bench_glia calls ADDRESS PATH COUNT    calls of `hello`, 64 at a time; a second
//   bench_glia echo ADDRESS PATH BYTES     one call of `echo` that sends so many and checks what comes back meanwhile;
//                                          bytes a second, one way
//
// bench/go-glia does the same with go-libp2p and wazero.
#include "bench/pattern.hpp"
#include "bench/world.hpp"
#include "io/scope.hpp"

#include <string_view>
#include <unistd.h>

namespace myelin::bench {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;
constexpr std::size_t at_once = 64;
constexpr std::string_view hello = "Hello, world!\n";

Buffer module_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (bytes.empty()) give_up("no module " + path);
  return Buffer::copy_of(bytes);
}

void serve(const std::string& module) {
  World world(1, {}, [](node::Config& config) {
    config.listen = {"/ip4/127.0.0.1/tcp/0"};
    config.glia.calls_per_second_per_peer = 0;
  });
  kernel::SpawnSpec spec;
  spec.access.anyone = true;
  const kernel::ProcessInfo info = world.spawn(module_file(module), std::move(spec));
  const std::string address = world.threads().run<std::string>([&world]() -> io::Task<std::string> {
    return [](World* w) -> io::Task<std::string> { co_return w->node().host().addresses().at(0).to_string(); }(&world);
  });
  std::printf(R"({"address": "%s", "path": "/ww/0.1.0/%s/%s/"})"
              "\n",
              address.c_str(), world.node().id().to_string().c_str(), info.pid.to_string().c_str());
  std::fflush(stdout);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

// Its tasks run on the node's loop.
struct Caller {
  World& world;
  std::string path;
  Buffer wanted = pattern();

  io::Loop& loop() { return world.loop(); }

  kernel::CallSpec spec(const std::string& method) const {
    kernel::CallSpec made;
    made.principal.kind = kernel::Principal::Kind::operator_;
    made.path = path + method;
    auto target = kernel::CallPath::parse(made.path, {});
    if (!target) give_up("not a path: " + made.path);
    made.target = std::move(*target);
    made.may_forward = true;
    return made;
  }

  io::Task<void> say_hello(kernel::CallSpec made) {
    const auto call = world.kernel().call(loop(), std::move(made));
    call->input().close();
    std::string answer;
    for (;;) {
      auto piece = co_await call->output().read(limits::chunk_bytes);
      if (!piece) give_up("call: " + to_string(piece.error()));
      if (piece->empty()) break;
      answer += as_text(piece->view());
    }
    if (auto ended = co_await call->ended(); !ended) give_up("call: " + to_string(ended.error()));
    if (answer != hello) give_up("the answer is not the right one");
  }

  io::Task<void> some_calls(const kernel::CallSpec* made, std::uint64_t* left, std::uint64_t* done) {
    while (*left > 0) {
      --*left;
      co_await say_hello(*made);
      ++*done;
    }
  }

  io::Task<std::uint64_t> calls(std::uint64_t count) {
    const kernel::CallSpec made = spec("hello");
    std::uint64_t done = 0;
    io::Scope callers(loop());
    for (std::size_t i = 0; i < at_once; ++i) callers.spawn(some_calls(&made, &count, &done));
    co_await callers.join();
    co_return done;
  }

  io::Task<void> send(kernel::Call* call, std::uint64_t total) {
    for (std::uint64_t sent = 0; sent < total;) {
      const std::size_t at = sent % pattern_bytes;
      const std::uint64_t n = std::min<std::uint64_t>({piece_bytes, total - sent, pattern_bytes - at});
      auto fine = co_await call->input().write(wanted.slice(at, static_cast<std::size_t>(n)));
      if (!fine) give_up("write: " + to_string(fine.error()));
      sent += n;
    }
    call->input().close();
  }

  io::Task<std::uint64_t> echo(std::uint64_t total) {
    const auto call = world.kernel().call(loop(), spec("echo"));
    io::Scope sending(loop());
    sending.spawn(send(call.get(), total));
    std::uint64_t count = 0;
    for (;;) {
      auto bytes = co_await call->output().read(piece_bytes);
      if (!bytes) give_up("read: " + to_string(bytes.error()));
      if (bytes->empty()) break;
      if (!matches(bytes->view(), count, wanted)) give_up("what came back is not what was sent");
      count += bytes->size();
    }
    if (auto ended = co_await call->ended(); !ended) give_up("call: " + to_string(ended.error()));
    co_await sending.join();
    co_return count;
  }

  io::Task<bool> drive(std::string what, std::string address, std::uint64_t total) {
    auto to = libp2p::Multiaddr::parse(address);
    if (!to) give_up("not an address: " + address);
    if (auto fine = co_await world.node().host().connect(*to); !fine) give_up("connect: " + to_string(fine.error()));
    co_await say_hello(spec("hello"));  // so that both know each other's protocols and have run the guest
    const auto begin = Clock::now();
    const std::uint64_t count = what == "calls" ? co_await calls(total) : co_await echo(total);
    report(static_cast<double>(total) / seconds_since(begin), std::to_string(count));
    co_return true;
  }
};

int run(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (argc == 3 && what == "serve") {
    serve(argv[2]);
    return 0;
  }
  if (argc != 5 || (what != "calls" && what != "echo")) {
    give_up("usage: bench_glia serve MODULE | calls ADDRESS PATH COUNT | echo ADDRESS PATH BYTES");
  }
  World world(1);
  Caller caller{world, argv[3]};
  const std::string address = argv[2];
  const std::uint64_t total = number(argv[4]);
  world.threads().run<bool>([&caller, what, address, total] { return caller.drive(what, address, total); });
  return 0;
}

}  // namespace
}  // namespace myelin::bench

int main(int argc, char** argv) { return myelin::bench::run(argc, argv); }
