// The Host: wires swarm, peerstore, protocols and services together. Each of them has a file of its own.
//
// Thread and lifetime: as Host.
#pragma once

#include "io/network.hpp"
#include "io/scope.hpp"
#include "libp2p/host.hpp"
#include "libp2p/identify_service.hpp"
#include "libp2p/peerstore.hpp"
#include "libp2p/protocol_table.hpp"
#include "libp2p/static_peers.hpp"
#include "libp2p/swarm.hpp"

#include <memory>
#include <string>
#include <vector>

namespace myelin::libp2p {

class HostImpl : public Host {
 public:
  HostImpl(io::Loop& loop, HostConfig config);
  ~HostImpl() override;

  const identity::PeerId& id() const override { return id_; }
  Result<void> listen(Multiaddr at) override;
  std::vector<Multiaddr> addresses() const override;
  void handle(std::string protocol, Handler handler) override;
  void handle_match(std::string advertised, std::function<bool(std::string_view)> matches, Handler handler) override;
  void add_addresses(const identity::PeerId& peer, std::vector<Multiaddr> addresses, bool pinned) override;
  io::Task<Result<void>> connect(Multiaddr address, io::CancelToken token) override;
  void disconnect(const identity::PeerId& peer) override { swarm_.disconnect(peer); }
  io::Task<Result<std::unique_ptr<Stream>>> open(identity::PeerId peer, std::vector<std::string> protocols,
                                                 io::CancelToken token) override;
  io::Task<Result<std::unique_ptr<Stream>>> open_ahead(identity::PeerId peer, std::vector<std::string> protocols,
                                                       io::CancelToken token) override;
  io::Task<Result<Duration>> ping(identity::PeerId peer, io::CancelToken token) override;
  std::vector<PeerInfo> peers() const override;
  HostMetrics metrics() const override;
  void on_peer(std::function<void(const identity::PeerId&, bool)> callback) override;
  io::Task<void> stop() override;

 private:
  SwarmHooks swarm_hooks();
  IdentifyService::Hooks identify_hooks();
  io::Task<Result<std::unique_ptr<Stream>>> open_stream_to(identity::PeerId peer, std::vector<std::string> protocols,
                                                           io::CancelToken token, bool ahead);
  // Whether identify has told so.
  bool speaks(const identity::PeerId& peer, std::string_view protocol) const;
  void add_services();
  io::Task<void> accept_loop(io::TcpListener* listener);
  PeerInfo describe(const identity::PeerId& peer) const;
  void remember(const identity::PeerId& peer, const std::vector<Multiaddr>& addresses);
  void on_peer_changed(const identity::PeerId& peer, bool connected);

  io::Loop& loop_;
  HostConfig config_;
  identity::PeerId id_;
  HostMetrics metrics_;
  Peerstore peerstore_;
  ProtocolTable protocols_;
  std::vector<std::function<void(const identity::PeerId&, bool)>> callbacks_;
  std::vector<std::unique_ptr<io::TcpListener>> listeners_;
  bool stopping_ = false;
  Swarm swarm_;
  io::Scope scope_;  // services and accept loops
  IdentifyService identify_;
  StaticPeers static_peers_;
};

}  // namespace myelin::libp2p
