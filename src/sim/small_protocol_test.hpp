// For tests: a small flooding protocol and a ring of nodes that greet each other.
//
// Thread: the simulation's.
#pragma once

#include "myelin/protocol.hpp"
#include "myelin/protocols.hpp"
#include "myelin/simulation.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace myelin::simulation::testing {

using namespace std::chrono_literals;
using protocol::Context;

struct Rumour {
  static constexpr protocol::MessageId id = 1;
  static constexpr std::string_view wire_name = "test.Rumour";
  std::uint64_t number = 0;
  std::uint32_t hops = 0;
  auto fields(this auto& self) { return std::tie(self.number, self.hops); }
};

// Connects to the nodes it is given; passes each new rumour to all sessions; answers Broadcast and publishes Delivered,
// NeighborUp and NeighborDown.
class Flooder final : public protocol::Protocol {
 public:
  explicit Flooder(std::vector<Host> peers, Duration beat = Duration{0}) : peers_(std::move(peers)), beat_(beat) {}
  protocol::ProtocolId id() const override { return 7; }
  std::string_view name() const override { return "flooder"; }
  void start(Context& ctx) override {
    ctx_ = &ctx;
    ctx.register_message_handler<Rumour>(this, &Flooder::on_rumour);
    ctx.register_request_handler<protocol::Broadcast, protocol::BroadcastAccepted>(
        [this](const protocol::Broadcast&, protocol::Responder<protocol::BroadcastAccepted> responder) {
          const std::uint64_t number = ctx_->random();
          heard({number, 0}, ctx_->self());
          responder.reply({0, number});
        });
  }
  void init(Context& ctx) override {
    for (const Host& peer : peers_) ctx.connect(peer);
    if (beat_ > Duration{0}) ctx.start_periodic_timer(beat_, beat_, [this] { ++beats; });
  }
  void on_session_connected(const Host& host) override {
    log.push_back("up " + host.name);
    sessions.insert(host);
    ctx_->publish(protocol::NeighborUp{host});
  }
  void on_session_disconnected(const Host& host, const Error& why) override {
    log.push_back("down " + host.name + " " + std::string(myelin::name(why.code)));
    sessions.erase(host);
    ctx_->publish(protocol::NeighborDown{host});
  }
  void on_session_failed(const Host& host, const Error& why) override {
    log.push_back("failed " + host.name + " " + std::string(myelin::name(why.code)));
  }
  void on_session_given_up(const Host& host, unsigned attempts) override {
    log.push_back("given up " + host.name + " " + std::to_string(attempts));
  }
  void on_session_blocked(const Host& host) override { log.push_back("blocked " + host.name); }
  void on_session_writable(const Host& host) override { log.push_back("writable " + host.name); }

  void on_rumour(const Rumour& rumour, const Host& from) {
    received.push_back(rumour.number);
    heard(rumour, from);
  }
  void heard(Rumour rumour, const Host& from) {
    if (!known.insert(rumour.number).second) {
      ++duplicates;
      return;
    }
    at[rumour.number] = ctx_->now();
    ctx_->publish(protocol::Delivered{0, rumour.number, nullptr, rumour.hops, from});
    const auto box = protocol::MessageBox::make<Rumour>({rumour.number, rumour.hops + 1});
    for (const Host& peer : sessions)
      if (peer != from && !ctx_->send(box, peer)) ++unsent;
  }

  Context& context() { return *ctx_; }

  std::set<Host> sessions;
  std::set<std::uint64_t> known;
  std::map<std::uint64_t, Duration> at;
  std::vector<std::uint64_t> received;
  std::vector<std::string> log;
  std::uint64_t duplicates = 0, unsent = 0;
  std::uint64_t beats = 0;

 private:
  std::vector<Host> peers_;
  Duration beat_;
  Context* ctx_ = nullptr;
};

// Each node connects to the one before it, and to one that is drawn.
inline Setup ring(Duration beat = Duration{0}) {
  return [beat](NodeSetup& node) {
    std::vector<Host> peers;
    if (node.index() > 0) peers.push_back(node.host(node.index() - 1));
    if (node.index() > 2) peers.push_back(node.host(static_cast<NodeIndex>(node.random() % (node.index() - 1))));
    node.add<Flooder>(std::move(peers), beat);
  };
}

// Two nodes, of which the second connects to the first.
inline Setup pair() {
  return [](NodeSetup& node) {
    std::vector<Host> peers;
    if (node.index() > 0) peers.push_back(node.host(0));
    node.add<Flooder>(std::move(peers));
  };
}

}  // namespace myelin::simulation::testing
