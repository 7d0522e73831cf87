#include "protocol/libp2p_channel.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace myelin::protocol {

Libp2pChannel::Libp2pChannel(io::Loop& loop, libp2p::Host& host, ChannelOptions options, ChannelLog log)
    : StreamChannel(loop, Wire::w3, options, std::move(log)), host_(host) {}

Libp2pChannel::~Libp2pChannel() = default;

Host Libp2pChannel::self() const { return {host_.id().to_string(), 0}; }

Result<void> Libp2pChannel::listen() {
  host_.handle(std::string(libp2p_protocol), [this](std::unique_ptr<libp2p::Stream> stream) {
    Host peer{stream->peer().to_string(), 0};
    adopt({std::move(stream), nullptr, std::move(peer)});
  });
  return {};
}

void Libp2pChannel::close_listener() {
  host_.handle(std::string(libp2p_protocol), [](std::unique_ptr<libp2p::Stream>) {});  // reset by being dropped
}

io::Task<Result<StreamChannel::Opened>> Libp2pChannel::open(Host to, io::CancelToken token) {
  auto peer = identity::PeerId::parse(to.name);
  if (!peer || to.port != 0) co_return fail(ErrorCode::bad_request, "'" + to.to_string() + "' is no peer ID");
  if (*peer == host_.id()) co_return fail(ErrorCode::bad_request, "a node does not dial itself");
  // The timer's callback and the token's may come in any order; each lives as long as this frame.
  io::CancelSource give_up;
  const io::CancelCallback taken_back(token, [&give_up] { give_up.fire(); });
  bool late = false;
  const io::Loop::TimerId timer = loop().start_timer(loop().now() + options().dial_timeout, [&give_up, &late] {
    late = true;
    give_up.fire();
  });
  std::vector<std::string> protocols;
  protocols.emplace_back(libp2p_protocol);
  auto stream = co_await host_.open(*peer, std::move(protocols), give_up.token());
  loop().cancel_timer(timer);
  if (!stream) {
    if (late) co_return fail(ErrorCode::timeout, "the dial took too long");
    co_return fail(std::move(stream.error()));
  }
  co_return Opened{std::move(*stream), nullptr, std::move(to)};
}

SessionMachine Libp2pChannel::outbound_machine(const Host& to, Wire) { return SessionMachine::authenticated(to); }

SessionMachine Libp2pChannel::inbound_machine(const Opened& opened) {
  return SessionMachine::authenticated(opened.remote);
}

}  // namespace myelin::protocol
