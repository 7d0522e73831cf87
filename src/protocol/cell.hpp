// Cell: one protocol's place in a core: what stays while instances of it come and go.
//
// Thread: the core's. Lifetime: cells never move and live as long as their core.
#pragma once

#include "base/time.hpp"
#include "myelin/protocol/protocol.hpp"
#include "protocol/lookahead.hpp"
#include "protocol/mailbox.hpp"
#include "protocol/message_table.hpp"
#include "protocol/metrics.hpp"
#include "protocol/supervision.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace myelin::protocol {

class ProtocolContext;

struct Subscription {
  detail::TypeKey type;
  std::uint64_t id;
  std::function<void(const detail::Value&)> handler;
};

struct ProcessMethod {
  std::string name;
  detail::ProcessHandler handler;
};

struct alignas(64) Cell {
  enum class State : std::uint8_t { starting, running, backoff, stopped, failed };

  // What every event touches, first and together.
  State state = State::starting;
  bool in_ready = false;
  bool refused = false;  // a message waits outside
  bool paused = false;   // takes no turn
  ProtocolId id = 0;
  std::uint32_t index = 0;
  std::uint64_t events = 0;
  std::unique_ptr<Protocol> protocol;
  Cell* next_ready = nullptr;
  MessageTable messages;  // what the instance registered, with the three lists below
  Mailbox mailbox;
  std::unique_ptr<ProtocolContext> context;
  const Lookahead* lookahead = nullptr;  // the protocol, if it is one
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  std::uint32_t incarnation = 0;  // which instance this is; what is under way for an earlier one is dropped
  std::uint32_t unmetered = 0;    // events since the last look at the clock

  std::string name;
  ProtocolFactory factory;
  Supervision supervision;
  CrashHistory history;
  std::vector<std::unique_ptr<ProcessMethod>> process_methods;
  std::optional<Error> registration_error;  // the first

  ProtocolMetrics metrics;
  std::uint64_t crashes = 0;
  std::uint32_t restarts = 0;
  std::chrono::nanoseconds busy{};
  std::string last_error;

  bool ended() const { return state == State::stopped || state == State::failed; }
  // Asks the memory for what its next event looks at, in steps from 2 to 0 (see RuntimeCore). `alone`: it is this
  // protocol's own; else all are told of it, and most heed it little.
  void prefetch(unsigned step, const MessageBox* message, bool alone) const;
};

std::string_view name(Cell::State state);

}  // namespace myelin::protocol
