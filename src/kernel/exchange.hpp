// Exchange: one process's side of requests. What it sent and has not heard of, what it received and has not answered,
// and the events that wait for its `receive`.
//
// Two faces. The guest's (exchange_guest.cpp) is what the host functions call, on the guest's stack: short and bounded.
// A letter to a mailbox of the same shard, and an answer to one, is handed over right there; for another shard it is
// linked into what goes across; anything else (other nodes, processes without a mailbox, addresses that name a node)
// waits in the outbox. The shard's face (exchange.cpp) does that work after the slice, in flush(), and takes in what
// arrives. While something is in the outbox all that follows goes there too, so that nothing overtakes.
//
// Invariants: a sent request has exactly one outcome, its place reserved when it was sent; a received request that
// wants a response ends exactly once; ids are never used twice in one process, across restarts too; bytes kept for sent
// requests and their outcomes stay within the process's queue_bytes. Thread: the process's shard.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/fifo.hpp"
#include "io/rope_builder.hpp"
#include "kernel/delivery.hpp"
#include "kernel/letter.hpp"
#include "kernel/record.hpp"
#include "kernel/targets.hpp"

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
  // The id under which the guest will know what was just accepted.
  std::uint64_t next_id() { return next_id_++; }
  // Makes the record that `receive` will give for it.
  void prepare(Delivery& delivery);
  // Sends and answers what the guest asked for in the slice that ended.
  void flush() {
    if (dirty_) flush_all();
  }
  // A letter of this process has ended.
  void came_home(LetterPtr letter);
  // One-way letters of this process were accepted, which nobody shall be told.
  void accepted(std::uint64_t epoch, std::size_t letters, std::size_t kept);
  // A mailbox that refused has room, or is gone. `key`: its PID, or how the guest addressed it if it is on another
  // node.
  void room(const std::string& key);
  // A received request has ended without the guest. False if it is not here.
  bool end_received(std::uint64_t ticket, Error why);
  // The guest is gone: its received requests end with `why`, everything else is forgotten.
  void reset(const Error& why);
  std::size_t open_requests() const { return open_ + outcomes_; }

  // --- The guest's face: results as the ABI defines them; nothing means: wait.
  // What `receive` gives next, or null. Stays the same until consume().
  const Parcel* peek() const;
  abi::RecordView record_of(const Parcel& parcel) const;
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
  struct Progress {  // of a received request whose payload is on its way
    std::uint64_t read = 0;
    std::uint64_t written = 0;
    io::RopeBuilder response;  // of a request; a call's goes straight to its caller
    bool readable_wanted = false, writable_wanted = false;
  };
  struct Received {  // a received request that wants a response
    std::uint64_t id = 0;
    ParcelPtr parcel;       // null once it has ended
    std::size_t bytes = 0;  // counted on the mailbox
    std::optional<ErrorCode> ended;
    std::unique_ptr<Progress> progress;  // null: none yet
    Progress& begun() {
      if (!progress) progress = std::make_unique<Progress>();
      return *progress;
    }
  };
  struct Answered {  // a delivery
    std::unique_ptr<Delivery> delivery;
    std::optional<Error> error;
    std::string mime;
    Buffer metadata, body;
    Rope payload;
  };
  struct Last {  // the record given last, if nobody waits for an answer to it
    std::uint64_t id = 0;
    std::unique_ptr<Rope> payload;  // null: empty
    std::size_t bytes = 0;          // counted on the mailbox; 0: an event
    bool counted = false;
  };
  struct Remote {  // a letter to another node
    LetterPtr letter;
    io::Loop::TimerId timer = 0;
  };

  void post(LetterPtr letter);
  bool hand_over(LetterPtr& letter);
  void flush_all();
  void dispatch(LetterPtr letter);
  void dispatch_remote(LetterPtr letter, Address address);
  void end_remote(std::uint64_t id, Outcome outcome);
  void refuse(LetterPtr letter, Error why);
  void go_home(LetterPtr letter);
  std::int32_t respond_to_letter(std::vector<Received>::iterator received, const abi::Answer& answer, Rope payload);
  std::int32_t respond_to_delivery(std::vector<Received>::iterator received, const abi::Answer& answer, Rope payload);
  Error refusal_of(const abi::Answer& answer) const;
  void give_answer(Answered answered);
  // Whether the guest can be told later that `letter` would be taken now.
  bool expect_room(const std::string& key, const Letter& letter);
  void push_event(ParcelPtr event);
  void push_notice(abi::Event kind, std::uint64_t id, std::uint32_t error = 0, std::string source = {});
  void ready(std::uint64_t id, bool readable);
  std::vector<Received>::iterator find_received(std::uint64_t id);
  bool event_is_next() const;
  void consume_event();
  void consume_message();
  void release(std::size_t bytes);
  void release_last();
  // The rope of a message that the guest may still read; null if there is none.
  const Rope* rope_of(std::uint64_t id);
  std::size_t draft_size() const { return draft_ ? draft_->size() : 0; }
  // REQUIRES: with payload_of_message, that message is here.
  Rope payload_for(std::uint8_t flags, std::uint64_t payload_id, View given);
  std::optional<std::int32_t> read_stream(Received& received, std::int64_t offset, MutableView into, bool nowait);
  std::optional<std::int32_t> write_call(Received& received, View bytes, bool nowait);

  Actor& actor_;
  std::uint64_t next_id_ = 1;
  std::uint64_t epoch_ = 0;         // of the guest's life: letters of an earlier one come home to nobody
  std::size_t open_ = 0;            // letters out
  std::size_t open_bytes_ = 0;      // kept for them
  std::vector<Received> received_;  // by id, ascending
  ParcelQueue events_;              // letters that came home, notices
  std::size_t outcomes_ = 0;        // letters of events_
  std::size_t event_bytes_ = 0;     // of events_
  std::size_t pumping_bytes_ = 0;
  Targets targets_;
  std::map<std::string, std::string> rooms_;  // key of who will tell of room, and how the guest addressed it
  std::map<std::uint64_t, Remote> remote_;    // by the id under which they were sent
  ParcelQueue outbox_;                        // letters, sent or on the way home
  std::vector<Answered> answers_;
  std::vector<std::unique_ptr<Delivery>> dropped_;  // to be destroyed on the shard's own stack
  Last last_;
  std::optional<io::RopeBuilder> draft_;

  bool receiving_ = false;
  bool released_ = false;  // something stopped counting on the mailbox since the last flush
  bool dirty_ = false;     // flush() has something to do
  std::optional<Instant> receive_until_;
  io::Loop::TimerId receive_timer_ = 0;
};

}  // namespace myelin::kernel
