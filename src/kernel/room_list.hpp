// RoomList: who was refused by a full mailbox and waits to hear that it has room again.
//
// Bounded: whoever finds no place is not told, and knows that from the refusal. Each is told once. Thread: the
// mailbox's shard.
#pragma once

#include "base/ids.hpp"
#include "base/limits.hpp"
#include "kernel/message.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace myelin::kernel {

struct Core;

class RoomList {
 public:
  static constexpr std::size_t most_processes = limits::mailbox_messages;
  static constexpr std::size_t most_outside = 256;

  struct Waiting {
    std::vector<Pid> processes;
    std::vector<RoomCallback> outside;
  };

  bool empty() const { return processes_.empty() && outside_.empty(); }
  // A process of this node. True if it will be told.
  bool want(const Pid& sender);
  // Whoever sends from outside, by `source` as `target`. True if `tell` will be called; false also if one such waits.
  bool want(const Address& source, const Address& target, RoomCallback tell);
  // All of them, in order; the list is empty then.
  Waiting take();
  // Tells all of them. `from`: whose mailbox it is.
  void tell(Core& core, const Pid& from);

 private:
  std::set<Pid> processes_;
  std::map<std::string, RoomCallback> outside_;
};

}  // namespace myelin::kernel
