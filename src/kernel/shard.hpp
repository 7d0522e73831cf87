// Shard: one loop, the processes that live there, and their turns.
//
// Guests run in slices, so that timers and messages are served between them: in one turn of the loop either one guest
// that has used up a slice before, or a bounded number of those that were woken. In
// a simulated world (adapt_slices off) fuel is time: after a slice the next one waits as long as its fuel is worth.
// Invariant: every delivery that reaches a shard ends through finish(), which counts it. Thread: its loop.
#pragma once

#include "io/loop.hpp"
#include "kernel/actor.hpp"
#include "kernel/core.hpp"
#include "kernel/delivery.hpp"
#include "kernel/names.hpp"
#include "kernel/pumps.hpp"
#include "kernel/run_queue.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
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
  Names names;
  Pumps pumps;
  KernelMetrics counters;                    // of this shard
  std::atomic<std::uint32_t> population{0};  // processes here that are not ended; read by spawns of other shards

  Actor* find(const Pid& pid);
  const std::map<Pid, std::unique_ptr<Actor>>& actors() const { return actors_; }
  Actor& add(std::unique_ptr<Actor> actor);
  // Kills it, forgets it and its name. False if it is not here.
  bool remove(const Pid& pid);
  void stop();

  void deliver(const Pid& pid, std::unique_ptr<Delivery> delivery);
  // Makes leave() and expire() find it while `pid` holds it; starts the timer of its deadline.
  void track(Delivery& delivery, const Pid& pid);
  // The one end of every delivery.
  void finish(std::unique_ptr<Delivery> delivery, Ending ending);
  void finish(std::unique_ptr<Delivery> delivery, Error error) {
    finish(std::move(delivery), Ending{fail(std::move(error)), std::nullopt});
  }
  void leave(std::uint64_t ticket);

  void enqueue(const Pid& pid, RunQueue::Lane lane);
  // For how long a slice takes: loop.now() stands still while a turn lasts. Only the real world's slices follow it, so
  // a simulated run stays a function of its seed.
  Instant stopwatch() const;
  void ended(const Pid& pid);
  KernelMetrics metrics() const;

 private:
  void expire(std::uint64_t ticket);
  void schedule();
  void turn();
  std::uint64_t run_one();
  void prune();

  std::map<Pid, std::unique_ptr<Actor>> actors_;
  std::map<std::uint64_t, Pid> tickets_;
  std::deque<Pid> ended_;
  RunQueue run_queue_{core.config.slice_fuel};
  bool scheduled_ = false;
  bool in_turn_ = false;
  bool stopped_ = false;
  Instant busy_until_{};
};

}  // namespace myelin::kernel
