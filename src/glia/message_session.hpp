// One channel of /myelin/message/1 as machines: the sender's stream carries messages one way, outcomes the other.
//
//   sender     (MESSAGE (DATA* END)?)*    numbered 1, 2, 3 …; the payload's frames follow the message that declares one
//   receiver   (OUTCOME (DATA* END)? | ROOM)*    outcomes in any order, one for each number; ROOM once for each outcome
//                                                that promised it
//
// Both machines put a message and its payload together before they give it out: memory is bounded by one message.
// Pure. Thread: values. Source: docs/wire/glia.md §5.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "glia/frame.hpp"
#include "glia/wire.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <variant>

namespace myelin::glia {

// Promises of ROOM that may be open on one channel; a receiver gives no more.
inline constexpr std::size_t most_promised = 1024;
bool promises_room(const kernel::Outcome& outcome);

// Collects a declared payload from DATA and END frames.
class PayloadCollector {
 public:
  // `declared`: bytes to come, or nothing if no payload follows.
  void begin(std::optional<std::uint64_t> declared);
  bool collecting() const { return declared_.has_value(); }
  // True when the payload is complete. Errors: protocol (another frame, too many or too few bytes).
  Result<bool> take(Frame frame);
  Rope payload() { return std::move(bytes_); }

 private:
  std::optional<std::uint64_t> declared_;
  Rope bytes_;
};

// The receiver of messages.
class MessageReceiver {
 public:
  explicit MessageReceiver(identity::PeerId from) : from_(std::move(from)) {}
  void feed(Buffer bytes) { reader_.feed(std::move(bytes)); }
  // A whole message. Errors: protocol, too_large; final.
  Result<std::optional<WireMessage>> next(Instant now);
  // At the stream's end. Errors: protocol (inside a message).
  Result<void> finish() const;

 private:
  identity::PeerId from_;
  FrameReader reader_{message_frame_bytes};
  PayloadCollector payload_;
  WireMessage under_way_;
  std::uint64_t last_number_ = 0;
};

// The sender of messages: numbers them and matches outcomes to numbers.
class MessageSender {
 public:
  // The number that the next message gets; it waits for its outcome from now on.
  std::uint64_t next_number();
  // The sender no longer waits for `number`; an outcome that comes all the same is dropped.
  void forget(std::uint64_t number);
  // Takes a number back whose message could not be encoded. REQUIRES: the last one given.
  void take_back(std::uint64_t number);

  void feed(Buffer bytes) { reader_.feed(std::move(bytes)); }
  using Event = std::variant<WireOutcome, WireRoom>;
  // A whole outcome of a message that is waited for, or what one promised. Errors: protocol (also an outcome that
  // nobody can wait for, a room that nobody promised, too many promises), too_large; final.
  Result<std::optional<Event>> next();
  Result<void> finish() const;
  std::size_t waiting() const { return waiting_.size(); }

 private:
  Result<WireRoom> take_room(View body);
  // True if it is whole, false if its payload follows.
  Result<bool> take_outcome(View body);

  FrameReader reader_{message_frame_bytes};
  PayloadCollector payload_;
  WireOutcome under_way_;
  std::uint64_t last_number_ = 0;
  std::set<std::uint64_t> waiting_;
  std::set<std::uint64_t> forgotten_;
  std::set<std::uint64_t> promised_;  // ROOM will come
};

}  // namespace myelin::glia
