// IdentifyService: asks each new peer who it is, tells peers who we are, and pushes what changes.
//
// Thread: the host's loop. Lifetime: its tasks run in the host's scope, which is joined before it is destroyed.
#pragma once

#include "base/time.hpp"
#include "identity/keys.hpp"
#include "io/loop.hpp"
#include "io/scope.hpp"
#include "libp2p/identify.hpp"
#include "libp2p/swarm.hpp"

#include <functional>
#include <map>
#include <memory>

namespace myelin::libp2p {

class IdentifyService {
 public:
  static constexpr Duration timeout = std::chrono::seconds(10);
  // Changes within this time are told together.
  static constexpr Duration push_delay = std::chrono::milliseconds(200);

  struct Hooks {
    std::function<identify::Identity()> own;
    std::function<void(const identity::PeerId&, const identify::Identity&)> learned;
  };

  // All outlive the service.
  IdentifyService(io::Loop& loop, io::Scope& scope, const Swarm& swarm, const identity::KeyPair& key, Hooks hooks)
      : loop_(loop), scope_(scope), swarm_(swarm), key_(key), hooks_(std::move(hooks)) {}

  // Asks the peer of a new connection.
  void ask(std::shared_ptr<Link> link) { scope_.spawn(ask_peer(std::move(link))); }
  // Answers one stream of identify, or takes one of identify-push.
  void answer(std::unique_ptr<Stream> stream) { scope_.spawn(tell(std::move(stream))); }
  void take_push(std::unique_ptr<Stream> stream) { scope_.spawn(listen(std::move(stream))); }
  // Tells all connected peers that take pushes, soon.
  void push_soon();
  // What the peer told; null until it has.
  const identify::Identity* find(const identity::PeerId& peer) const;
  void forget(const identity::PeerId& peer) { known_.erase(peer); }

 private:
  io::Task<void> ask_peer(std::shared_ptr<Link> link);
  io::Task<void> tell(std::unique_ptr<Stream> stream);
  io::Task<void> listen(std::unique_ptr<Stream> stream);
  io::Task<void> push_all();
  io::Task<void> push_to(std::shared_ptr<Link> link);
  Buffer own_message(const identity::PeerId& to);

  io::Loop& loop_;
  io::Scope& scope_;
  const Swarm& swarm_;
  const identity::KeyPair& key_;
  Hooks hooks_;
  std::map<identity::PeerId, identify::Identity> known_;  // connected peers only
  bool push_due_ = false;
};

}  // namespace myelin::libp2p
