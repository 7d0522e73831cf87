// Gossip: whatever one node says, all nodes hear.
#pragma once

#include <myelin/protocol.hpp>

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

using namespace myelin::protocol;

struct Rumor {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "tutorial.Rumor";
  std::string text;
  auto fields(this auto& self) { return std::tie(self.text); }
};

class Gossip : public Protocol {
 public:
  using Hear = std::function<void(const std::string& text)>;

  explicit Gossip(std::set<Host> peers, Hear hear = {}) : peers_(std::move(peers)), hear_(std::move(hear)) {}

  ProtocolId id() const override { return 42; }
  std::string_view name() const override { return "gossip"; }

  void start(Context& ctx) override {
    ctx_ = &ctx;
    ctx.register_message_handler<Rumor>(this, &Gossip::on_rumor);
  }
  void init(Context& ctx) override {
    for (const Host& peer : peers_) ctx.connect(peer);
  }

  void on_session_connected(const Host& host) override {
    neighbors_.insert(host);
    for (const std::string& text : rumors_) (void)ctx_->send(Rumor{text}, host);
  }
  void on_session_disconnected(const Host& host, const myelin::Error&) override {
    neighbors_.erase(host);
    if (peers_.contains(host)) ctx_->connect(host);
  }

  void say(const std::string& text) { tell(text, ctx_->self()); }
  bool heard(const std::string& text) const { return rumors_.contains(text); }

 private:
  void on_rumor(const Rumor& rumor, const Host& from) { tell(rumor.text, from); }

  void tell(const std::string& text, const Host& from) {
    if (!rumors_.insert(text).second) return;
    if (hear_) hear_(text);
    for (const Host& neighbor : neighbors_)
      if (neighbor != from) (void)ctx_->send(Rumor{text}, neighbor);
  }

  std::set<Host> peers_;  // those that this node dials
  Hear hear_;
  Context* ctx_ = nullptr;
  std::set<Host> neighbors_;  // those that it has a session with
  std::set<std::string> rumors_;
};
