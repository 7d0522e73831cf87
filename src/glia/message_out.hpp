// Kernel messages to one peer: one stream of /myelin/message/1, on which they go out in the order in which they came.
//
// The stream is opened by the first message and closed after a quiet time. If it breaks, every message that has no
// outcome yet ends as link_lost and none is sent again: delivery is at most once. A message that is not sent yet when
// its deadline passes is not sent at all.
//
// Thread: the host's loop. Lifetime: owned by the Glia; run() has ended before it is destroyed.
#pragma once

#include "glia/context.hpp"
#include "glia/message_session.hpp"
#include "io/sync.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>

namespace myelin::glia {

class MessageOut {
 public:
  MessageOut(Context& context, identity::PeerId peer)
      : context_(context), peer_(std::move(peer)), queue_changed_(context.loop), scope_(context.loop) {}

  // False once the channel is closing: the caller makes another one.
  bool open() const { return !closing_; }
  // REQUIRES: open(). `done` is called exactly once, never inside send(). `room`: see kernel::RemoteRoute.
  void send(kernel::Message message, kernel::OutcomeCallback done, kernel::RoomCallback room);
  // The channel from its first message to its end.
  io::Task<void> run();

 private:
  struct Waiting {
    kernel::OutcomeCallback done;
    kernel::RoomCallback room;
    io::Loop::TimerId timer = 0;
  };
  struct Queued {
    std::uint64_t ticket = 0;
    kernel::Message message;
    std::size_t bytes = 0;
  };

  void finish(std::uint64_t ticket, kernel::Outcome outcome);
  void take_outcome(WireOutcome outcome);
  void take_room(std::uint64_t number);
  // Ends everything that waits, tells those who wait for room that they may try again, and takes nothing more.
  void fail_all(Error why);
  // True if it ended because nothing was to be sent for a while.
  io::Task<bool> write_queue();
  io::Task<void> read_outcomes();
  Result<void> take_events();

  Context& context_;
  identity::PeerId peer_;
  bool closing_ = false;
  std::uint64_t last_ticket_ = 0;
  std::map<std::uint64_t, Waiting> waiting_;             // by ticket: queued or sent
  std::map<std::uint64_t, std::uint64_t> ticket_of_;     // sent: by number on the wire
  std::map<std::uint64_t, std::uint64_t> number_of_;     // sent: by ticket
  std::map<std::uint64_t, kernel::RoomCallback> rooms_;  // promised: by number on the wire
  std::deque<Queued> queue_;
  std::size_t queued_bytes_ = 0;
  io::Event queue_changed_;
  std::unique_ptr<libp2p::Stream> stream_;
  MessageSender session_;
  std::optional<Error> broken_;
  io::CancelSource quit_;
  io::Scope scope_;
};

}  // namespace myelin::glia
