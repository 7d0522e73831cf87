#include "sim/probe.hpp"

#include <algorithm>

namespace myelin::sim {

void Probe::start(protocol::Context& ctx) {
  ctx_ = &ctx;
  ctx.subscribe<protocol::Delivered>([this](const protocol::Delivered& message) { host_.delivered(node_, message); });
  ctx.subscribe<protocol::ProtocolFailed>(
      [this](const protocol::ProtocolFailed& failure) { host_.crashed(node_, failure); });
  if (whole_) {
    ctx.register_process_handler("broadcast",
                                 [this](const std::string&, protocol::View body, protocol::detail::ProcessReply reply) {
                                   host_.broadcast(node_, *ctx_, protocol::Bytes(body.begin(), body.end()));
                                   reply(protocol::Bytes{});
                                 });
  }
  if (!follow_) return;
  ctx.subscribe<protocol::NeighborUp>([this](const protocol::NeighborUp& up) {
    if (std::ranges::find(neighbors_, up.host) == neighbors_.end()) neighbors_.push_back(up.host);
  });
  ctx.subscribe<protocol::NeighborDown>(
      [this](const protocol::NeighborDown& down) { std::erase(neighbors_, down.host); });
}

}  // namespace myelin::sim
