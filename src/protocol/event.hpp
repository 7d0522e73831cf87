// Event: what waits in a protocol's mailbox. One kind of thing per alternative; what is common is small, what is rare
// stands behind a pointer, so that a mailbox costs little.
//
// Thread: the core's.
#pragma once

#include "base/error.hpp"
#include "myelin/protocol/context.hpp"
#include "myelin/protocol/protocol.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace myelin::protocol {

struct RequestHandlerEntry;

struct InitEvent {};
struct MessageEvent {
  Host from;
  MessageBox box;
};
struct TimerEvent {
  TimerId id;
};
struct SessionEvent {
  enum class Kind : std::uint8_t { connected, disconnected, failed, given_up, blocked, writable, transport };
  Kind kind;
  Host host;
  Error error{ErrorCode::link_lost, {}};
  unsigned attempts = 0;
  bool inbound = false;
  TransportEvent::Kind transport = TransportEvent::Kind::connected;
};
struct RequestEvent {
  std::uint64_t id;
  RequestHandlerEntry* handler;  // of the core's table, which keeps it for ever
  detail::Value value;
};
struct ReplyEvent {
  std::uint64_t id;
};
struct NotificationEvent {
  detail::TypeKey type;
  std::uint64_t subscription;
  detail::Value value;
};
struct CallbackEvent {
  std::move_only_function<void()> callback;
};
// A message was handed to the network, or will never be.
struct ToldEvent {
  MessageBox box;
  Host to;
  std::optional<Error> failed;
};
struct ProcessEvent {
  std::string method;
  std::string caller;
  Bytes body;
  detail::ProcessReply reply;
};

using Event = std::variant<InitEvent, MessageEvent, TimerEvent, std::unique_ptr<SessionEvent>, RequestEvent, ReplyEvent,
                           NotificationEvent, CallbackEvent, std::unique_ptr<ToldEvent>, std::unique_ptr<ProcessEvent>>;

}  // namespace myelin::protocol
