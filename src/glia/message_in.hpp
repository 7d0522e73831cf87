// Kernel messages from one peer: one channel at a time, read in order, so that messages of a pair of processes reach
// the mailbox in the order in which they were sent.
//
// A second channel from the same peer ends the first before it is read: what the first had not delivered by then is
// lost, which its sender knows as link_lost. Outcomes go back as they come. A peer that does not read its outcomes is
// not read any further; more than max_outcome_bytes of them are not kept, the rest become `limit`.
//
// Thread: the host's loop. Lifetime: owned by the Glia; the context's scope has been joined before it is destroyed.
#pragma once

#include "glia/context.hpp"
#include "glia/message_session.hpp"

#include <map>
#include <memory>

namespace myelin::glia {

class MessageIn {
 public:
  static constexpr std::size_t max_outcome_bytes = 2 * limits::payload_rope_bytes;

  explicit MessageIn(Context& context) : context_(context) {}
  // Runs one channel to its end; spawned into the context's scope.
  io::Task<void> serve(std::unique_ptr<libp2p::Stream> stream);

 private:
  struct Channel;

  io::Task<void> supersede(std::shared_ptr<Channel> channel);
  io::Task<void> read_messages(std::shared_ptr<Channel> channel);
  io::Task<void> write_outcomes(std::shared_ptr<Channel> channel);
  // Hands one message to the kernel, or says why not.
  void deliver(const std::shared_ptr<Channel>& channel, WireMessage wire);

  Context& context_;
  // Shared: the kernel's answers to messages that it still works on hold the channel, too.
  std::map<identity::PeerId, std::shared_ptr<Channel>> channels_;
};

}  // namespace myelin::glia
