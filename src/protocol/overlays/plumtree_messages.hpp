// The messages of Plumtree. Their sender stands in no field: it is the session's host.
//
// Thread: values.
#pragma once

#include "myelin/protocol/message.hpp"
#include "protocol/overlays/message_uid.hpp"
#include "protocol/overlays/shared.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

namespace myelin::protocol::plumtree {

struct Gossip {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "myelin.plumtree.Gossip";
  MessageUid uid;
  std::uint32_t round = 0;  // hops to the receiver
  Shared<Bytes> payload;
  auto fields(this auto& self) { return std::tie(self.uid, self.round, self.payload); }
};

struct Announcement {
  MessageUid uid;
  std::uint32_t round = 0;  // hops that it would take
  auto fields(this auto& self) { return std::tie(self.uid, self.round); }
};

struct IHave {
  static constexpr MessageId id = 2;
  static constexpr std::string_view wire_name = "myelin.plumtree.IHave";
  Announcement first;
  std::vector<Announcement> more;  // those that travel with it
  auto fields(this auto& self) { return std::tie(self.first, self.more); }
};

struct Graft {
  static constexpr MessageId id = 3;
  static constexpr std::string_view wire_name = "myelin.plumtree.Graft";
  std::optional<MessageUid> uid;  // the message that is asked for; none: only the link (optimisation)
  std::uint32_t round = 0;
  auto fields(this auto& self) { return std::tie(self.uid, self.round); }
};

struct Prune {
  static constexpr MessageId id = 4;
  static constexpr std::string_view wire_name = "myelin.plumtree.Prune";
  auto fields(this auto&) { return std::tuple<>(); }
};

}  // namespace myelin::protocol::plumtree
