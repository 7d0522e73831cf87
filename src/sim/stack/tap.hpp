// Tap: a channel with a listener between it and its runtime: counts and traces what passes.
//
// Thread and lifetime: those of the channel inside; the TapHost outlives it.
#pragma once

#include "protocol/channel.hpp"

#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace myelin::sim::stack {

using protocol::ChannelEvents;
using protocol::Host;

class TapHost {
 public:
  virtual ~TapHost() = default;
  // A message of that type is about to come in; it has.
  virtual void coming(protocol::WireId wire) = 0;
  virtual void passed(const Host& from, protocol::WireId wire, std::size_t bytes) = 0;
  virtual void session(std::string_view event, const Host& peer, std::string_view why) = 0;
  virtual void sending() = 0;
  virtual void connecting(const Host& to) = 0;  // before it connects
};

class Tap final : public protocol::Channel, private ChannelEvents {
 public:
  Tap(std::unique_ptr<protocol::Channel> inner, TapHost& host) : inner_(std::move(inner)), host_(host) {}

  std::string_view name() const override { return inner_->name(); }
  bool whole() const override { return inner_->whole(); }
  Result<void> start(ChannelEvents& events) override {
    events_ = &events;
    return inner_->start(*this);
  }
  Host self() const override { return inner_->self(); }
  void connect(const Host& to) override {
    host_.connecting(to);
    inner_->connect(to);
  }
  void disconnect(const Host& from) override { inner_->disconnect(from); }
  Result<void> send(const Host& to, protocol::Outgoing message) override {
    auto sent = inner_->send(to, std::move(message));
    if (sent) host_.sending();
    return sent;
  }
  void resume() override { inner_->resume(); }
  void stop(bool graceful, std::function<void()> done) override { inner_->stop(graceful, std::move(done)); }

 private:
  void session_connected(const Host& host) override {
    host_.session("connected", host, {});
    events_->session_connected(host);
  }
  void session_disconnected(const Host& host, const Error& why) override {
    host_.session("disconnected", host, myelin::name(why.code));
    events_->session_disconnected(host, why);
  }
  void session_failed(const Host& host, const Error& why) override {
    host_.session("failed", host, myelin::name(why.code));
    events_->session_failed(host, why);
  }
  void session_given_up(const Host& host, unsigned attempts) override {
    host_.session("given_up", host, {});
    events_->session_given_up(host, attempts);
  }
  void session_blocked(const Host& host) override { events_->session_blocked(host); }
  void session_writable(const Host& host) override { events_->session_writable(host); }
  void transport_event(protocol::TransportEvent event) override { events_->transport_event(std::move(event)); }
  bool message(const Host& from, protocol::ProtocolId to, const protocol::MessageBox& box) override {
    host_.coming(box.type().wire);
    if (!events_->message(from, to, box)) return false;
    host_.passed(from, box.type().wire, 0);
    return true;
  }
  bool message(const Host& from, protocol::ProtocolId to, protocol::MessageId id, protocol::View payload) override {
    if (!events_->message(from, to, id, payload)) return false;
    host_.passed(from, std::uint64_t{to} << 16 | id, payload.size());
    return true;
  }
  bool message(const Host& from, protocol::WireId id, protocol::View payload) override {
    host_.coming(id);
    if (!events_->message(from, id, payload)) return false;
    host_.passed(from, id, payload.size());
    return true;
  }
  void dropped(std::string_view why, const Host& from) override { events_->dropped(why, from); }
  void sent(protocol::SendId id) override { events_->sent(id); }
  void failed(protocol::SendId id, const Error& why) override { events_->failed(id, why); }

  std::unique_ptr<protocol::Channel> inner_;
  TapHost& host_;
  ChannelEvents* events_ = nullptr;
};

}  // namespace myelin::sim::stack
