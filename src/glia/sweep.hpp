// Sweep: looks once a second after things that may have to be given up, in the place of a timer for each of them.
//
// A call lasts microseconds and its limits seconds: starting and cancelling timers for each would cost more than the
// call. So what is under way stands in a list, and each member is asked in its turn. There is a timer only while the
// list has members.
//
// Invariants: members are asked in the order of their adding; one that is added is asked for the first time within an
// interval. Members may leave, and others be added, while they are asked. Thread: one loop. Lifetime: a member leaves
// at its end; the loop outlives the Sweep, and the Sweep its members.
#pragma once

#include "base/time.hpp"
#include "io/loop.hpp"

#include <chrono>

namespace myelin::glia {

class Sweep {
 public:
  static constexpr Duration interval = std::chrono::seconds(1);

  class Member {
   public:
    Member() = default;
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    virtual void sweep(Instant now) = 0;
    // The node stops: what is under way is to end. Once.
    virtual void stop_sweep() = 0;

   protected:
    ~Member();

   private:
    friend class Sweep;
    Sweep* owner_ = nullptr;
    Member* before_ = nullptr;
    Member* after_ = nullptr;
  };

  explicit Sweep(io::Loop& loop) : loop_(loop) {}
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;
  ~Sweep();

  // REQUIRES: it is in no list.
  void add(Member& member);
  // No effect if it is not in this list.
  void remove(Member& member);
  // Calls stop_sweep of all.
  void stop();
  bool empty() const { return first_ == nullptr; }

 private:
  void tick();
  // Calls `visit` for each member of now.
  template <typename Visit>
  void each(Visit visit);

  io::Loop& loop_;
  Member* first_ = nullptr;
  Member* last_ = nullptr;
  Member* next_ = nullptr;  // whom each() visits next
  io::Loop::TimerId timer_ = 0;
};

}  // namespace myelin::glia
