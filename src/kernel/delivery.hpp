// Delivery: a message on its way to one process, from outside the node's processes or to one that has no mailbox, with
// the end that its sender waits for.
//
// Invariants: `reply` is called exactly once, through end(). A delivery belongs to one shard at a time and moves
// between them whole, in a post. Thread: the shard that holds it.
#pragma once

#include "io/loop.hpp"
#include "io/pipe.hpp"
#include "kernel/message.hpp"
#include "kernel/parcel.hpp"
#include "kernel/record.hpp"
#include "kernel/room_list.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace myelin::kernel {

struct Ending {
  Outcome outcome;
  // mailbox_full only: the process that refused will tell when there is room, to a process of this node. Others hear it
  // by Delivery::room, and the error's detail says so.
  std::optional<Pid> room_from;
};

struct Delivery final : Parcel {
  Delivery() : Parcel(Kind::delivery) {}
  ~Delivery() = default;

  bool call = false;  // stdio of a caller outside: message.payload is a stream, and `output` the way back
  Message message;
  io::PipeWriter output;
  std::move_only_function<void(Ending)> reply;
  // Of whoever sends from outside: called when a mailbox that refused it has room. May be empty.
  RoomCallback room;
  // Calls only: tells the caller the type of the output before its first byte.
  std::move_only_function<void(std::string)> tell_mime;

  // Set by the process that accepted it.
  bool left = false;                    // its caller has left
  std::unique_ptr<abi::Record> record;  // for a mailbox process: what `receive` will give

  // Ends it: its output, and whoever waits for its reply. No effect if it has ended.
  void end(Ending ending);
};

// How a mailbox refuses it. Whoever is to hear of room is remembered in `refused`. `by`: whose mailbox it is.
Ending refusal(Delivery& delivery, Error why, RoomList& refused, const Pid& by);

// What a mailbox counts for it: its bytes and a share for what keeps them.
std::size_t delivery_bytes(const Delivery& delivery);

// Bytes counted for any queued message beside its content.
inline constexpr std::size_t message_overhead_bytes = 512;

}  // namespace myelin::kernel
