// Shard: one loop, the processes that live there, and their turns.
//
// Guests run in slices, so that timers and messages are served between them: in one turn of the loop either one guest
// that has used up a slice before, or those that were woken, one after another without a trip through the loop, until
// their fuel or time is worth a slice. In a simulated world (adapt_slices off) fuel is time: one slice a turn, and
// after it the next one waits as long as its fuel is worth.
//
// Letters between processes of this shard pass through deliver() and settle() as plain calls, from the guest's stack;
// what other shards send comes by a Crossing from each. Invariant: every delivery that reaches a shard ends through
// finish() or settle(), which count it. Thread: its loop.
#pragma once

#include "io/loop.hpp"
#include "kernel/actor.hpp"
#include "kernel/core.hpp"
#include "kernel/crossing.hpp"
#include "kernel/delivery.hpp"
#include "kernel/letter.hpp"
#include "kernel/names.hpp"
#include "kernel/native.hpp"
#include "kernel/pumps.hpp"
#include "kernel/run_queue.hpp"
#include "kernel/slot.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace myelin::kernel {

class Shard {
 public:
  // Ended processes stay to be looked at; beyond this many the oldest are forgotten.
  static constexpr std::size_t kept_ended = 256;

  Shard(Core& the_core, std::uint32_t the_index, io::Loop& the_loop);
  ~Shard();

  Core& core;
  const std::uint32_t index;
  io::Loop& loop;
  LetterPool letters;
  Slots slots;
  Names names;
  Pumps pumps;
  Natives natives;
  KernelMetrics counters;                    // of this shard
  std::atomic<std::uint32_t> population{0};  // processes here that are not ended; read by spawns of other shards

  // Ways in from each of `shards` shards. Once, before anything runs.
  void open_crossings(std::size_t shards);
  void close_crossings() { from_.clear(); }

  Actor* find(const Pid& pid);
  const std::map<Pid, std::unique_ptr<Actor>>& actors() const { return actors_; }
  Actor& add(std::unique_ptr<Actor> actor);
  // Kills it, forgets it and its name. False if it is not here.
  bool remove(const Pid& pid);
  void stop();

  void deliver(const Pid& pid, std::unique_ptr<Delivery> delivery);
  // To the process that `letter->to` names. Not from a guest's stack: it may begin a call.
  void deliver(LetterPtr letter);
  // Makes leave() and expire() find it while `pid` holds it; starts the timer of its deadline, if it has one.
  void track(Parcel& parcel, const std::optional<Instant>& deadline, const Pid& pid);
  void untrack(Parcel& parcel);
  // The one end of every delivery.
  void finish(std::unique_ptr<Delivery> delivery, Ending ending);
  // A delivery or a letter that failed.
  void finish(ParcelPtr parcel, Error error);
  // The end of every letter that is owed one: counts it and brings it home. May run on a guest's stack.
  void settle(LetterPtr letter);
  // A one-way letter was accepted here by the process whose PID is `by`, and nothing more is owed for it.
  void acknowledge(Letter& letter, std::string_view by);
  void leave(std::uint64_t ticket);

  // Puts it on the way to another shard; it leaves at the end of the slice or of the turn.
  void send_across(std::uint32_t shard, ParcelPtr parcel);
  void publish();

  // So many processes that what a turn touches has left the caches by the next.
  bool crowded() const { return actors_.size() > 64; }
  void enqueue(Actor& actor, Lane lane);
  // It is not runnable any more.
  void dequeue(Actor& actor) { run_queue_.erase(&actor); }
  // For how long a slice takes: loop.now() stands still while a turn lasts. Reading the clock for each of many short
  // slices would cost as much as they do: a slice is measured from the latest look before it, a few short ones ago at
  // most. Only the real world's slices follow it, so a simulated run stays a function of its seed.
  Instant latest_look() const { return latest_look_; }
  Instant look();
  void ended(const Pid& pid);
  KernelMetrics metrics() const;

 private:
  void expire(std::uint64_t ticket);
  void forget_name(const std::string& name, const Pid& pid);
  void schedule();
  void turn();
  void run_woken();
  std::uint64_t run_one();
  void prune();
  void take_crossed();
  void crossed();
  void arrive(ParcelPtr parcel);
  void bring_home(LetterPtr letter);

  std::map<Pid, std::unique_ptr<Actor>> actors_;  // in an order, to be listed and stopped in it
  std::unordered_map<Pid, Actor*> index_;
  Pid latest_pid_;  // of whom find() found last, while `latest_` is not null: letters come to one many at a time
  Actor* latest_ = nullptr;
  std::unordered_map<std::uint64_t, Pid> tickets_;
  std::deque<Pid> ended_;
  RunQueue<Actor*> run_queue_{core.config.slice_fuel};
  std::vector<std::unique_ptr<Crossing>> from_;  // by the index of the shard that sends
  bool sent_across_ = false;                     // since the last publish()
  bool scheduled_ = false;
  bool in_turn_ = false;
  bool gathers_ = false;  // what goes across is published by whoever set this
  bool stopped_ = false;
  Instant busy_until_{};
  Instant latest_look_{};
};

}  // namespace myelin::kernel
