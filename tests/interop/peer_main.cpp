// Our peer of the interoperability tests: `listen` and `dial ADDRESS CASE` over libp2p::Host on a real loop, with the
// same contract as the peers in other languages beside this file (README.md). `--no-early-muxer` before the command
// leaves the muxer to multistream.
#include "interop/cases.hpp"
#include "interop/protocols.hpp"
#include "io/real.hpp"
#include "io/sync.hpp"

#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>
#include <thread>
#include <unistd.h>

namespace myelin::interop {
namespace {

HostConfig config(io::Loop& loop, bool early_muxer) {
  HostConfig made;
  std::array<std::uint8_t, 32> seed{};
  loop.random(seed);
  made.key = identity::KeyPair::ed25519(seed);
  made.agent_version = "interop-myelin";
  made.early_muxer = early_muxer;
  made.limits.streams_per_connection = 4096;
  return made;
}

// Fires `ended` when stdin does: whoever started this ends it so.
void watch_stdin(io::Loop* loop, io::Event* ended) {
  std::thread([loop, ended] {
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) == 1) {
    }
    loop->post([ended] { ended->set(); });
  }).detach();
}

io::Task<void> listen(io::Loop* loop, Host* host, int* exit_code) {
  io::Event ended(*loop);
  watch_stdin(loop, &ended);
  Server server(*loop, *host);
  if (auto listening = host->listen(Multiaddr::tcp_address({io::IpAddress::loopback_v4(), 0})); !listening) {
    std::fprintf(stderr, "error: %s\n", to_string(listening.error()).c_str());
    *exit_code = 1;
  } else {
    std::printf("%s\n", host->addresses().at(0).to_string().c_str());
    std::fflush(stdout);
    co_await ended.wait();
  }
  co_await host->stop();
  co_await server.join();
}

io::Task<void> dial(io::Loop* loop, Host* host, std::string address, std::string name, int* exit_code) {
  io::Event ended(*loop);
  watch_stdin(loop, &ended);
  const Result<void> outcome = co_await run_case(loop, host, std::move(address), std::move(name), &ended);
  if (!outcome) {
    std::fprintf(stderr, "error: %s\n", to_string(outcome.error()).c_str());
    *exit_code = 1;
  }
  co_await host->stop();
}

int run(std::span<char*> arguments) {
  bool early_muxer = true;
  if (!arguments.empty() && std::string_view(arguments[0]) == "--no-early-muxer") {
    early_muxer = false;
    arguments = arguments.subspan(1);
  }
  const std::string_view command = arguments.empty() ? "" : arguments[0];
  const bool listens = command == "listen" && arguments.size() == 1;
  if (!listens && !(command == "dial" && arguments.size() == 3)) {
    std::fputs("usage: interop_peer [--no-early-muxer] listen | dial ADDRESS CASE\n", stderr);
    return 2;
  }
  const auto loop = io::RealLoop::create();
  auto host = Host::create(*loop, config(*loop, early_muxer));
  int exit_code = 0;
  if (listens) {
    loop->run_until_done(listen(loop.get(), host.get(), &exit_code));
  } else {
    loop->run_until_done(dial(loop.get(), host.get(), arguments[1], arguments[2], &exit_code));
  }
  std::fflush(stdout);
  std::_Exit(exit_code);  // the thread that reads stdin may be in its read
}

}  // namespace
}  // namespace myelin::interop

int main(int argc, char** argv) {
  return myelin::interop::run(std::span(argv + 1, static_cast<std::size_t>(argc - 1)));
}
