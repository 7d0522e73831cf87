// Exchange: one process's side of requests. What it sent and has not heard of, what it received and has not answered,
// and the events that wait for its `receive`.
//
// Two faces. The guest's (exchange_guest.cpp) is what the host functions call, on the guest's stack: short, bounded, it
// only records. The shard's (exchange.cpp) does the work after the slice, in flush(), and takes in what arrives.
//
// Invariants: a sent request has exactly one outcome, its place reserved when it was sent; a received request that
// wants a response ends exactly once; ids are never used twice in one process, across restarts too; bytes kept here for
// sent requests and their outcomes stay within the process's queue_bytes. Thread: the process's shard.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/fifo.hpp"
#include "io/rope_builder.hpp"
#include "kernel/delivery.hpp"
#include "kernel/record.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace myelin::kernel {

class Actor;

class Exchange {
 public:
  explicit Exchange(Actor& actor) : actor_(actor) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  // --- The shard's face.
  // Makes the record that `receive` will give for it.
  void prepare(Delivery& delivery);
  // Sends and answers what the guest asked for in the slice that ended.
  void flush();
  void outcome(std::uint64_t id, Ending ending);
  void room(const Pid& from);
  // A received request has ended without the guest. False if it is not here.
  bool end_received(std::uint64_t ticket, Error why);
  // The guest is gone: its received requests end with `why`, everything else is forgotten.
  void reset(const Error& why);
  std::size_t open_requests() const { return open_.size() + outcomes_; }

  // --- The guest's face: results as the ABI defines them; nothing means: wait.
  // The next record, or null. Stays the same until consume().
  const abi::Record* peek() const;
  void consume();
  bool begin_receive(std::int64_t timeout_ns);  // false: it shall not wait
  bool receive_timed_out() const;
  void end_receive();
  bool receiving() const { return receiving_; }
  std::int64_t send(View record);
  std::int32_t respond(std::uint64_t id, View record);
  std::optional<std::int32_t> payload_read(std::uint64_t id, std::int64_t offset, MutableView into);
  std::optional<std::int32_t> payload_write(std::uint64_t id, View bytes);

 private:
  struct Open {  // a sent request without outcome
    abi::Sent sent;
    Rope payload;
    std::size_t bytes = 0;
    io::Loop::TimerId timer = 0;
  };
  struct Queued {  // an event that waits for `receive`
    std::uint64_t order = 0;
    abi::Record record;
    Rope payload;
    std::size_t bytes = 0;
    bool outcome = false;  // holds the place of a request
  };
  struct Received {                      // a received request that wants a response
    std::unique_ptr<Delivery> delivery;  // null once it has ended
    std::size_t bytes = 0;               // counted on the mailbox
    std::uint64_t read = 0;              // of a stream
    std::uint64_t written = 0;
    io::RopeBuilder response;  // of a request; a call's goes straight to its caller
    std::optional<Error> ended;
    bool readable_wanted = false, writable_wanted = false;
  };
  struct Answered {
    std::unique_ptr<Delivery> delivery;
    abi::Answer answer;
    Rope payload;
  };
  struct Last {  // the record given last, if nobody waits for an answer to it
    std::uint64_t id = 0;
    std::optional<Rope> payload;  // none: empty
    std::size_t bytes = 0;        // counted on the mailbox; 0: an event
    bool counted = false;
  };

  void dispatch(std::uint64_t id);
  void dispatch_remote(std::uint64_t id, Message message);
  void give_answer(Answered answered);
  void push_event(Queued event);
  void push_simple(abi::Event kind, std::uint64_t id);
  void ready(std::uint64_t id, bool readable);
  void drop_open(std::map<std::uint64_t, Open>::iterator open);
  bool event_is_next() const;
  void consume_event();
  void consume_message();
  void release_last();
  // The rope of a message that the guest may still read; null if there is none.
  const Rope* rope_of(std::uint64_t id) const;
  std::size_t draft_size() const { return draft_ ? draft_->size() : 0; }
  Result<Rope> payload_for(std::uint8_t flags, std::uint64_t payload_id, Buffer given);
  std::optional<std::int32_t> read_stream(std::uint64_t id, Received& received, std::int64_t offset, MutableView into,
                                          bool nowait);
  std::optional<std::int32_t> write_call(std::uint64_t id, Received& received, View bytes, bool nowait);

  Actor& actor_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Open> open_;
  std::map<std::uint64_t, Received> received_;
  Fifo<Queued> events_;
  std::size_t outcomes_ = 0;     // of events_
  std::size_t open_bytes_ = 0;   // of open_
  std::size_t event_bytes_ = 0;  // of events_
  std::size_t pumping_bytes_ = 0;
  std::map<Pid, std::string> rooms_;  // who will tell of room, and how the guest addressed it
  std::vector<std::uint64_t> outbox_;
  std::vector<Answered> answers_;
  std::vector<Received> dropped_;  // to be destroyed on the shard's own stack
  Last last_;
  std::optional<io::RopeBuilder> draft_;

  bool receiving_ = false;
  std::optional<Instant> receive_until_;
  io::Loop::TimerId receive_timer_ = 0;
  bool released_ = false;  // something stopped counting on the mailbox since the last flush
};

}  // namespace myelin::kernel
