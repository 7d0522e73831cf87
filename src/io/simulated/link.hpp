// One direction between two hosts: its model, its partition, and the connections that use it.
//
// Thread: one. Lifetime: made on first use, kept for the whole run.
#pragma once

#include "io/simulated.hpp"

#include <cstdint>
#include <map>
#include <optional>

namespace myelin::io::simulated {

class Connection;

struct Link {
  const LinkModel* standard = nullptr;  // the world's, or the loopback one
  std::optional<LinkModel> own;
  bool partitioned = false;
  std::uint64_t partitions = 0;  // how often it was set; tells one partition from the next
  Instant busy_until{};          // when the last byte handed to it has left, if its bandwidth is limited
  std::map<std::uint64_t, Connection*> connections;  // by number

  const LinkModel& model() const { return own ? *own : *standard; }
  // Whether nothing passes at all.
  bool blocked() const { return partitioned || model().loss >= 1; }
  // Takes the link's time for `bytes`, after what was handed to it before; when the last of them has left.
  Instant reserve(Instant now, std::size_t bytes);
  // Most bytes that travel as one piece: at most 20 ms of the link's time, so that a slow link shows its bytes as they
  // come.
  std::size_t piece_bytes() const;
};

}  // namespace myelin::io::simulated
