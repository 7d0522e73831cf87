#include "libp2p/identify_service.hpp"

#include "base/log.hpp"
#include "io/sync.hpp"
#include "libp2p/watch.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace myelin::libp2p {

namespace {

constexpr std::size_t read_bytes = 4096;

std::vector<std::string> only(std::string_view protocol) { return {std::string(protocol)}; }

}  // namespace

Buffer IdentifyService::own_message(const identity::PeerId& to) {
  identify::Identity own = hooks_.own();
  if (const Session* session = swarm_.current(to)) own.observed = session->remote;
  const auto sequence = static_cast<std::uint64_t>(loop_.wall().time_since_epoch().count());
  return Buffer::copy_of(identify::encode(own, key_, sequence));
}

const identify::Identity* IdentifyService::find(const identity::PeerId& peer) const {
  const auto found = known_.find(peer);
  return found == known_.end() ? nullptr : &found->second;
}

io::Task<void> IdentifyService::ask_peer(std::shared_ptr<Link> link) {
  auto stream = co_await open_stream(link, only(identify::protocol_id), timeout, scope_.token());
  if (!stream) {
    log::debug("libp2p", "identify failed", {{"peer", link->peer.to_string()}, {"why", to_string(stream.error())}});
    co_return;
  }
  (void)co_await (*stream)->close_write();  // nothing is said on this side; a failure shows in reading
  co_await listen(std::move(*stream));
}

io::Task<void> IdentifyService::listen(std::unique_ptr<Stream> stream) {
  Watch watch(loop_, loop_.now() + timeout, scope_.token(), [s = stream.get()] { s->reset(); });
  const identity::PeerId peer = stream->peer();
  identify::Reader reader(peer);
  for (;;) {
    auto bytes = co_await stream->read(read_bytes);
    if (!bytes) co_return;
    if (bytes->empty()) break;
    if (auto taken = reader.receive(std::move(*bytes)); !taken) {
      log::debug("libp2p", "bad identify", {{"peer", peer.to_string()}, {"why", to_string(taken.error())}});
      stream->reset();
      co_return;
    }
  }
  (void)co_await stream->close_write();  // the message is here; how the stream ends changes nothing
  auto identity = reader.finish();
  if (!identity || swarm_.current(peer) == nullptr) co_return;
  hooks_.learned(peer, *identity);
  known_[peer] = std::move(*identity);
}

io::Task<void> IdentifyService::tell(std::unique_ptr<Stream> stream) {
  Watch watch(loop_, loop_.now() + timeout, scope_.token(), [s = stream.get()] { s->reset(); });
  auto written = co_await stream->write(own_message(stream->peer()));
  if (written) (void)co_await stream->close_write();  // a peer that has gone needs no end
}

void IdentifyService::push_soon() {
  if (std::exchange(push_due_, true)) return;
  scope_.spawn(push_all());
}

io::Task<void> IdentifyService::push_all() {
  auto slept = co_await io::sleep_for(loop_, push_delay, scope_.token());
  push_due_ = false;
  if (!slept) co_return;
  for (const identity::PeerId& peer : swarm_.peers()) {
    const identify::Identity* identity = find(peer);
    if (identity == nullptr) continue;  // it asks, or was asked, after the change
    if (std::ranges::find(identity->protocols, identify::push_protocol_id) == identity->protocols.end()) continue;
    if (auto link = swarm_.link(peer)) scope_.spawn(push_to(std::move(link)));
  }
}

io::Task<void> IdentifyService::push_to(std::shared_ptr<Link> link) {
  auto stream = co_await open_stream(link, only(identify::push_protocol_id), timeout, scope_.token());
  if (stream) co_await tell(std::move(*stream));
}

}  // namespace myelin::libp2p
