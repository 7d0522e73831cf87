// The smallest native protocol: one node pings, the other answers, and both end when the pinger has had enough.
//
//   pingpong SELF              answers
//   pingpong SELF PEER COUNT   pings PEER so many times
#include <myelin/protocol.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

using namespace myelin::protocol;

struct Ping {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "example.Ping";
  std::uint64_t sequence = 0;
  auto fields(this auto& self) { return std::tie(self.sequence); }
};

struct Pong {
  static constexpr MessageId id = 2;
  static constexpr std::string_view wire_name = "example.Pong";
  std::uint64_t sequence = 0;
  auto fields(this auto& self) { return std::tie(self.sequence); }
};

class PingPong final : public Protocol {
 public:
  PingPong(Host peer, std::uint64_t count) : peer_(std::move(peer)), count_(count) {}

  ProtocolId id() const override { return 1; }
  std::string_view name() const override { return "pingpong"; }

  void start(Context& ctx) override {
    ctx_ = &ctx;
    ctx.register_message_handler<Ping>(this, &PingPong::on_ping);
    ctx.register_message_handler<Pong>(this, &PingPong::on_pong);
  }
  void init(Context& ctx) override {
    if (!peer_.empty()) ctx.connect(peer_);
  }

  void on_session_connected(const Host& host) override {
    if (host == peer_) ping(1);
  }
  void on_session_disconnected(const Host&, const myelin::Error&) override { ctx_->stop_runtime("the peer left"); }

 private:
  void ping(std::uint64_t sequence) { (void)ctx_->send(Ping{sequence}, peer_); }
  void on_ping(const Ping& message, const Host& from) { (void)ctx_->send(Pong{message.sequence}, from); }
  void on_pong(const Pong& message, const Host&) {
    if (message.sequence < count_) return ping(message.sequence + 1);
    ctx_->stop_runtime(std::to_string(count_) + " pings were answered");
  }

  Host peer_;
  std::uint64_t count_;
  Context* ctx_ = nullptr;
};

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    std::fprintf(stderr, "usage: pingpong SELF [PEER COUNT]\n");
    return 2;
  }
  const auto self = Host::parse(argv[1]);
  const auto peer = argc == 4 ? Host::parse(argv[2]) : Host{};
  const std::uint64_t count = argc == 4 ? std::strtoull(argv[3], nullptr, 10) : 0;
  if (!self || !peer) {
    std::fprintf(stderr, "pingpong: a host is ADDRESS:PORT\n");
    return 2;
  }
  auto runtime = Runtime::create({.self = *self, .log = {.level = LogLevel::error}});
  if (!runtime) {
    std::fprintf(stderr, "pingpong: %s\n", myelin::to_string(runtime.error()).c_str());
    return 1;
  }
  if (auto added = (*runtime)->add(std::make_unique<PingPong>(*peer, count)); !added) return 1;
  const StopReason why = (*runtime)->run_for(std::chrono::seconds(60));
  std::printf("%s: %s\n", std::string(name(why.kind)).c_str(), why.detail.c_str());
  return why.kind == StopReason::Kind::experiment ? 0 : 1;
}
