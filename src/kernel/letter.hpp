// Letter: a request of one process to another of the same node, in one block of memory from its writing to its outcome.
//
// send() copies the record's fields into it once; the target's receive() writes its own record straight from there.
// Answered or refused, the same letter goes home to its sender, whose receive() writes the response, or the error with
// all that was sent. So the sender keeps nothing beside a count while a request is open.
//
// Invariants: a letter that is owed an outcome (`owed`) goes home exactly once; its content does not change after
// make(). The principal is always the process that it comes from. Thread: the shard that holds it; it moves whole.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "kernel/message.hpp"
#include "kernel/parcel.hpp"
#include "kernel/record.hpp"
#include "kernel/slot.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace myelin::kernel {

class LetterPool;

struct Letter final : Parcel {
  struct Field {
    std::uint32_t at = 0, size = 0;
  };
  enum class State : std::uint8_t { sent, answered, failed };
  struct Make {
    LetterPool& pool;
    const abi::Sent& sent;
    std::unique_ptr<Rope> payload;
    std::string_view caller;  // "process <pid>"
  };
  static std::unique_ptr<Letter, ParcelRelease> make(Make from);
  // What a sender gets that asked to be told of the acceptance of `letter`: its context, answered without content.
  static std::unique_ptr<Letter, ParcelRelease> receipt_of(const Letter& letter, LetterPool& pool,
                                                           std::string_view accepted_by);

  bool wants_response() const { return (flags & abi::send_wants_response) != 0; }
  bool tells_accepted() const { return (flags & abi::send_tell_accepted) != 0; }
  View view(Field field) const { return {content() + field.at, field.size}; }
  std::string_view text(Field field) const { return as_text(view(field)); }
  View answer_view(Field field) const { return {(more ? more.get() : content()) + field.at, field.size}; }
  std::string_view caller_text() const { return {caller.data(), caller_size}; }
  std::size_t payload_size() const { return payload ? payload->size() : 0; }
  std::size_t answer_size() const;

  // Ends it well. `source`: who answers.
  void answer(std::string_view source, std::string_view mime, View metadata, View body,
              std::unique_ptr<Rope> answer_rope);
  void answer(Message response);
  void fail(Error why);
  // The same request in the node's message model.
  Message message() const;

  // The record that its receiver gets, or, once it has ended, its sender.
  abi::RecordView request_record() const;
  abi::RecordView outcome_record() const;

  bool owed = true;           // its sender waits for it
  bool room_follows = false;  // mailbox_full: its sender will be told of room
  State state = State::sent;
  std::uint8_t flags = 0;
  std::uint8_t caller_size = 0;
  std::array<char, 36> caller{};
  Pid from, to;
  Handle home;              // who sent it
  std::uint64_t epoch = 0;  // of the sender's life: what it sent before a restart is forgotten
  std::uint64_t sent_id = 0;
  std::size_t kept = 0;  // bytes counted on the sender
  std::optional<Instant> deadline;
  Field target, method, mime, context, metadata, body;
  std::unique_ptr<Rope> payload;  // null: none

  Field source, answer_mime, answer_metadata, answer_body;
  std::unique_ptr<Rope> answer_payload;
  std::unique_ptr<Error> error;
  std::optional<Pid> room_from;  // mailbox_full: who of this node will tell when there is room

  LetterPool* pool;                      // of the shard that holds it
  LetterPool* born;                      // whose block it is
  std::uint32_t room = 0, used = 0;      // of what follows this object
  std::unique_ptr<std::uint8_t[]> more;  // an answer that found no room there

 private:
  friend class LetterPool;
  friend struct ParcelRelease;
  explicit Letter(LetterPool& the_pool) : Parcel(Kind::letter), pool(&the_pool), born(&the_pool) {}
  ~Letter() = default;
  std::uint8_t* content() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  const std::uint8_t* content() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }
};
using LetterPtr = std::unique_ptr<Letter, ParcelRelease>;

// One-way letters that were accepted on another shard, on the way to where they are counted.
struct Receipt final : Parcel {
  Receipt() : Parcel(Kind::receipt) {}
  Handle home;
  std::uint64_t epoch = 0;
  std::size_t letters = 0;
  std::size_t kept = 0;
};

// An event without content.
struct Notice final : Parcel {
  Notice() : Parcel(Kind::notice) {}
  abi::Event event = abi::Event::none;
  std::uint32_t error = 0;
  std::string source;
  abi::RecordView record() const;
};

// A sanitizer must see each letter's end.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool reuses_blocks = false;
#else
inline constexpr bool reuses_blocks = true;
#endif
#else
inline constexpr bool reuses_blocks = true;
#endif

// Blocks for letters, kept for the next ones: a bounded number of the usual size; larger ones come from the heap.
//
// A letter that crossed to another shard and ended there leaves its block to the pool that it came from: whoever only
// sends would find its pool empty each time, and whoever only receives would free what another thread allocated. Such
// blocks are gathered, and go back in batches that are linked without a lock.
// Thread: one, but for what comes back. Lifetime: outlives its letters, or close() was called.
class LetterPool {
 public:
  static constexpr std::size_t usual_bytes = 512;
  static constexpr std::size_t most_kept = 4096;
  static constexpr std::size_t batch_blocks = 64;

  LetterPool() = default;
  LetterPool(const LetterPool&) = delete;
  LetterPool& operator=(const LetterPool&) = delete;
  ~LetterPool();
  // From now on nothing goes back to other pools, which may be gone. No other thread uses any of them.
  void close();
  // At most so many blocks wait for letters here, those included that came back.
  std::size_t kept() const { return kept_ + batches_back_.load(std::memory_order_relaxed) * batch_blocks; }

 private:
  friend struct Letter;
  friend struct ParcelRelease;
  struct Free {
    Free* next;
  };
  struct Batch {  // lies in the first of its blocks
    Free* rest;
    Batch* next;
    std::size_t blocks;
  };
  Letter* take(std::size_t content_bytes);
  void give(Letter* letter);
  void* take_block();
  void gather(void* block, LetterPool& born);
  void send_back();
  void come_back(Batch* batch);
  static void drop(Free* chain);

  Free* free_ = nullptr;
  std::size_t kept_ = 0;
  // What goes back next, all of one pool.
  LetterPool* away_to_ = nullptr;
  Free* away_ = nullptr;
  std::size_t away_blocks_ = 0;
  bool closed_ = false;
  Batch* come_back_ = nullptr;  // taken from `back_`
  // What came back; written by other threads.
  alignas(64) std::atomic<Batch*> back_{nullptr};
  std::atomic<std::size_t> batches_back_{0};
};

}  // namespace myelin::kernel
