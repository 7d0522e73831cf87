// Libp2pChannel: protocols over libp2p streams, between authenticated peers.
//
// A session is a stream of protocol id `/myelin/spr/1`: W3's message frames from the first byte on, without Hello or
// Ack, since Noise has told who the peer is. Hosts are {peer ID, 0}. Addresses come from the libp2p host's peerstore,
// dead links are noticed by its keep-alive.
//
// Thread: the libp2p host's loop. Lifetime: the libp2p host outlives it; otherwise as StreamChannel.
#pragma once

#include "libp2p/host.hpp"
#include "protocol/stream_channel.hpp"

#include <string_view>

namespace myelin::protocol {

inline constexpr std::string_view libp2p_protocol = "/myelin/spr/1";

class Libp2pChannel final : public StreamChannel {
 public:
  Libp2pChannel(io::Loop& loop, libp2p::Host& host, ChannelOptions options, ChannelLog log = {});
  ~Libp2pChannel() override;

  std::string_view name() const override { return "libp2p"; }
  Host self() const override;

 private:
  Result<void> listen() override;
  void close_listener() override;
  io::Task<Result<Opened>> open(Host to, io::CancelToken token) override;
  bool open_is_seen() const override { return true; }
  SessionMachine outbound_machine(const Host& to, Wire wire) override;
  SessionMachine inbound_machine(const Opened& opened) override;

  libp2p::Host& host_;
};

}  // namespace myelin::protocol
