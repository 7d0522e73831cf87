// How many compilers run at a time: each may take a core and memory in gigabytes, so a burst of modules must not start
// one for each.
//
// Further loads wait, first come, first served, on whichever loop they are; those that find the queue full are refused.
// Thread: any, each Ticket on its own loop. Lifetime: outlives its tickets; a ticket may be dropped at any time.
#pragma once

#include "base/error.hpp"
#include "io/loop.hpp"
#include "io/sync.hpp"
#include "io/task.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

namespace myelin::wasm {

class CompilePlaces {
  struct Claim;

 public:
  static constexpr std::size_t max_waiting = 64;

  // `at_once`: 0 counts as 1.
  explicit CompilePlaces(std::uint32_t at_once) : free_(at_once == 0 ? 1 : at_once) {}
  CompilePlaces(const CompilePlaces&) = delete;
  CompilePlaces& operator=(const CompilePlaces&) = delete;

  // A place, or the wait for one, until it is destroyed.
  class Ticket {
   public:
    Ticket(CompilePlaces& places, io::Loop& loop);
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket();
    // Ends when it is this one's turn. Errors: limit (too many wait already). A coroutine of the ticket, which outlives
    // it.
    io::Task<Result<void>> granted();

   private:
    CompilePlaces& places_;
    std::shared_ptr<Claim> claim_;  // shared with the post that tells of the turn
  };

 private:
  enum class State : std::uint8_t { waiting, placed, refused };
  struct Claim {
    explicit Claim(io::Loop& l) : loop(l), turn(l) {}
    io::Loop& loop;
    io::Event turn;
    State state = State::waiting;  // under the mutex
  };

  std::mutex mutex_;  // over what follows; held for moments
  std::uint32_t free_;
  std::deque<std::shared_ptr<Claim>> waiting_;
};

}  // namespace myelin::wasm
