// The messages of HyParView. Their sender stands in no field: it is the session's host.
//
// Thread: values.
#pragma once

#include "myelin/protocol/message.hpp"
#include "protocol/overlays/shared.hpp"

#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

namespace myelin::protocol::hyparview {

struct JoinMessage {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "myelin.hyparview.Join";
  auto fields(this auto&) { return std::tuple<>(); }
};

struct ForwardJoin {
  static constexpr MessageId id = 2;
  static constexpr std::string_view wire_name = "myelin.hyparview.ForwardJoin";
  Host joiner;
  std::uint8_t ttl = 0;
  auto fields(this auto& self) { return std::tie(self.joiner, self.ttl); }
};

struct Neighbor {
  static constexpr MessageId id = 3;
  static constexpr std::string_view wire_name = "myelin.hyparview.Neighbor";
  bool high_priority = false;
  auto fields(this auto& self) { return std::tie(self.high_priority); }
};

struct NeighborReply {
  static constexpr MessageId id = 4;
  static constexpr std::string_view wire_name = "myelin.hyparview.NeighborReply";
  bool accepted = false;
  auto fields(this auto& self) { return std::tie(self.accepted); }
};

struct Disconnect {
  static constexpr MessageId id = 5;
  static constexpr std::string_view wire_name = "myelin.hyparview.Disconnect";
  auto fields(this auto&) { return std::tuple<>(); }
};

struct Shuffle {
  static constexpr MessageId id = 6;
  static constexpr std::string_view wire_name = "myelin.hyparview.Shuffle";
  Host origin;
  std::uint8_t ttl = 0;
  Shared<std::vector<Host>> nodes;  // the origin is one of them
  auto fields(this auto& self) { return std::tie(self.origin, self.ttl, self.nodes); }
};

struct ShuffleReply {
  static constexpr MessageId id = 7;
  static constexpr std::string_view wire_name = "myelin.hyparview.ShuffleReply";
  Shared<std::vector<Host>> nodes;
  auto fields(this auto& self) { return std::tie(self.nodes); }
};

}  // namespace myelin::protocol::hyparview
