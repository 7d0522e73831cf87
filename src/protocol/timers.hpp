// Timers: those of all protocols of one core.
//
// A timer that is due becomes an event of its owner's mailbox; what it calls stays here until the event is dispatched,
// so that cancelling works at any moment before. A periodic timer keeps to its first beat, and leaves out what could
// not run in time. Thread: values.
#pragma once

#include "base/time.hpp"
#include "myelin/protocol/context.hpp"
#include "protocol/deadlines.hpp"
#include "protocol/slots.hpp"

#include <cstdint>
#include <functional>
#include <optional>

namespace myelin::protocol {

class Timers {
 public:
  using Owner = std::uint32_t;
  struct Due {
    Owner owner;
    TimerId id;
    bool internal;
  };

  // `period` of 0: once. Internal timers are the core's own, and fire at once when they are due.
  TimerId start(Owner owner, Instant due, Duration period, std::function<void()> callback, bool internal = false);
  // False if the owner has no such timer.
  bool cancel(Owner owner, TimerId id);
  void cancel_all(Owner owner);

  Instant first() const { return deadlines_.first(); }
  // Whose the first is.
  std::optional<Owner> first_owner() const;
  // Asks the memory for what that, and taking it, looks at.
  void prefetch() const {
    timers_.prefetch();
    deadlines_.prefetch();
  }
  // The next one that is due at `now`, once each.
  std::optional<Due> next_due(Instant now);

  // What a due timer calls, taken out for the call; a periodic one begins its next period. Empty: it was cancelled.
  std::function<void()> begin(TimerId id, Instant now);
  // Puts a periodic timer's callback back after its call, unless it was cancelled meanwhile.
  void end(TimerId id, std::function<void()> callback);

 private:
  struct Timer {
    Owner owner;
    bool internal;
    Instant due;
    Duration period;
    std::function<void()> callback;
  };
  Slots<Timer> timers_;
  Deadlines deadlines_;
};

}  // namespace myelin::protocol
