// SessionChannel: the session wire over TCP, W0 and W3, with dialler and listener.
//
// A dialler speaks the configured generation first; W0 that is answered with Reject is dialled again as W3, and what a
// host was seen to speak is remembered. Where W0 can't name this host (it is no IPv4 address), W3 is spoken. Names of
// hosts are resolved at each dial. Peers that are gone without a word are noticed by TCP keep-alive (idle_timeout).
//
// Thread and lifetime: as StreamChannel.
#pragma once

#include "protocol/stream_channel.hpp"

#include <memory>
#include <string_view>

namespace myelin::protocol {

class SessionChannel final : public StreamChannel {
 public:
  // `self`: an IP address that others reach, and the port to listen on (0: any).
  SessionChannel(io::Loop& loop, Host self, ChannelOptions options, ChannelLog log = {});
  ~SessionChannel() override;

  std::string_view name() const override { return "tcp"; }
  Host self() const override { return self_; }

 private:
  Result<void> listen() override;
  void close_listener() override;
  io::Task<Result<Opened>> open(Host to, io::CancelToken token) override;
  bool open_is_seen() const override { return false; }  // there is no Hello yet
  SessionMachine outbound_machine(const Host& to, Wire wire) override;
  SessionMachine inbound_machine(const Opened& opened) override;
  io::Task<void> accept_all();

  Host self_;
  std::unique_ptr<io::TcpListener> listener_;
};

}  // namespace myelin::protocol
