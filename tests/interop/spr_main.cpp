// Our side of the interop cases of the session wire, over the public Runtime.
//
//   interop_spr listen                     answers Pings; prints its address; ends with stdin
//   interop_spr burst ADDRESS WIRE COUNT   dials, sends COUNT Pings as fast as they are taken, checks the Pongs
//   interop_spr cross WIRE COUNT           prints its address; reads the peer's from stdin, dials it, and sends COUNT
//   Pings interop_spr dial ADDRESS WIRE TRIES    dials until it is given up
//
// The last three print what happened: sessions, ends, failures, Pongs.
#include "myelin/protocol.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace {

using namespace myelin;
using namespace myelin::protocol;

struct Ping {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "*protocol.PingMessage";
  std::uint64_t sequence = 0;
  auto fields(this auto& self) { return std::tie(self.sequence); }
};
struct Pong {
  static constexpr MessageId id = 2;
  static constexpr std::string_view wire_name = "*protocol.PongMessage";
  std::uint64_t sequence = 0;
  auto fields(this auto& self) { return std::tie(self.sequence); }
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "error: %s\n", why.c_str());
  std::exit(1);
}

struct Tally {
  std::uint64_t sessions = 0, ends = 0, failures = 0, given_up = 0, pongs = 0, refused = 0;
  std::string last_error = "none";
};

// Answers Pings; sends `count` of its own once there is a session with `peer`.
class Player : public Protocol {
 public:
  Player(Host peer, std::uint64_t count, Tally& tally) : peer_(std::move(peer)), count_(count), tally_(tally) {}
  ProtocolId id() const override { return 1; }
  std::string_view name() const override { return "player"; }
  void start(Context& ctx) override {
    ctx_ = &ctx;
    ctx.register_message_handler<Ping>(this, &Player::on_ping);
    ctx.register_message_handler<Pong>(this, &Player::on_pong);
  }
  void init(Context& ctx) override {
    if (!peer_.empty()) ctx.connect(peer_);
  }
  void dial(Host peer) {
    peer_ = std::move(peer);
    ctx_->connect(peer_);
  }
  void on_session_connected(const Host& host) override {
    ++tally_.sessions;
    if (host == peer_) pump();
  }
  void on_session_disconnected(const Host&, const Error& why) override {
    ++tally_.ends;
    tally_.last_error = std::string(myelin::name(why.code));
    if (tally_.pongs == count_ && count_ > 0) ctx_->stop_runtime("the peer has ended the session");
  }
  void on_session_failed(const Host&, const Error& why) override {
    ++tally_.failures;
    tally_.last_error = std::string(myelin::name(why.code));
  }
  void on_session_given_up(const Host&, unsigned) override {
    ++tally_.given_up;
    ctx_->stop_runtime("given up");
  }
  void on_session_writable(const Host&) override { pump(); }

  bool ends_with_the_last_pong = true;

 private:
  void pump() {
    while (sent_ < count_ && ctx_->send(Ping{sent_}, peer_)) ++sent_;
  }
  void on_ping(const Ping& ping, const Host& from) {
    if (!ctx_->send(Pong{ping.sequence}, from)) ++tally_.refused;
  }
  void on_pong(const Pong& pong, const Host&) {
    if (pong.sequence != tally_.pongs) give_up("Pong " + std::to_string(tally_.pongs) + " has another number");
    if (++tally_.pongs == count_ && ends_with_the_last_pong) ctx_->stop_runtime("done");
  }

  Host peer_;
  std::uint64_t count_;
  Tally& tally_;
  Context* ctx_ = nullptr;
  std::uint64_t sent_ = 0;
};

Host host_of(const char* text) {
  auto host = Host::parse(text);
  if (!host) give_up(to_string(host.error()));
  return *host;
}

std::unique_ptr<Runtime> runtime_of(std::string_view wire, unsigned tries) {
  RuntimeOptions options;
  options.self = {"127.0.0.1", 0};
  options.channel.wire = wire == "w3" ? Wire::w3 : Wire::w0;
  options.channel.retry.max_attempts = tries;
  options.channel.handshake_timeout = std::chrono::seconds(1);
  options.log.level = LogLevel::error;
  auto runtime = Runtime::create(std::move(options));
  if (!runtime) give_up(to_string(runtime.error()));
  return std::move(*runtime);
}

Player* begin(Runtime& runtime, std::unique_ptr<Player> player) {
  Player* raw = player.get();
  if (auto added = runtime.add(std::move(player)); !added) give_up(to_string(added.error()));
  if (auto started = runtime.start(); !started) give_up(to_string(started.error()));
  return raw;
}

void tell(const Tally& tally) {
  std::printf("sessions %llu ends %llu failures %llu given up %llu pongs %llu refused %llu last error %s\n",
              static_cast<unsigned long long>(tally.sessions), static_cast<unsigned long long>(tally.ends),
              static_cast<unsigned long long>(tally.failures), static_cast<unsigned long long>(tally.given_up),
              static_cast<unsigned long long>(tally.pongs), static_cast<unsigned long long>(tally.refused),
              tally.last_error.c_str());
}

void print_address(const Runtime& runtime) {
  std::printf("%s\n", runtime.self().to_string().c_str());
  std::fflush(stdout);
}

void listen() {
  Tally tally;
  const auto runtime = runtime_of("w0", 0);
  begin(*runtime, std::make_unique<Player>(Host{}, 0, tally));
  print_address(*runtime);
  for (std::string line; std::getline(std::cin, line);) {
  }
  runtime->shutdown();
  runtime->wait();
  if (tally.refused > 0) give_up(std::to_string(tally.refused) + " Pongs were refused");
}

void play(const char* address, const char* wire, std::uint64_t count, unsigned tries) {
  Tally tally;
  const auto runtime = runtime_of(wire, tries);
  begin(*runtime, std::make_unique<Player>(host_of(address), count, tally));
  runtime->wait();
  tell(tally);
}

void cross(const char* wire, std::uint64_t count) {
  Tally tally;
  const auto runtime = runtime_of(wire, 0);
  auto player = std::make_unique<Player>(Host{}, count, tally);
  player->ends_with_the_last_pong = false;
  Player* raw = begin(*runtime, std::move(player));
  print_address(*runtime);
  std::string peer;
  if (!std::getline(std::cin, peer)) give_up("no peer");
  runtime->post([raw, host = host_of(peer.c_str())] { raw->dial(host); });
  runtime->wait();
  tell(tally);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (argc == 2 && what == "listen") {
    listen();
  } else if (argc == 5 && what == "burst") {
    play(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10), 3);
  } else if (argc == 5 && what == "dial") {
    play(argv[2], argv[3], 1, static_cast<unsigned>(std::strtoul(argv[4], nullptr, 10)));
  } else if (argc == 4 && what == "cross") {
    cross(argv[2], std::strtoull(argv[3], nullptr, 10));
  } else {
    give_up("usage: interop_spr listen | burst ADDRESS WIRE COUNT | cross WIRE COUNT | dial ADDRESS WIRE TRIES");
  }
}
