// Pumps: answers to calls that are given already and still on their way, because the caller reads slower.
//
// Invariant: every delivery handed over ends exactly once: written out, its caller gone, or dropped with an error.
// Thread: the shard. Lifetime: owned by the shard.
#pragma once

#include "base/bytes.hpp"
#include "kernel/delivery.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

namespace myelin::kernel {

class Pumps {
 public:
  // `finish` ends a delivery (the shard counts it).
  using Finish = std::function<void(std::unique_ptr<Delivery>, Ending)>;
  explicit Pumps(Finish finish) : finish_(std::move(finish)) {}

  // Writes `bytes` to the delivery's output, then ends it with `ending`. `done` is called when it has ended.
  void start(std::unique_ptr<Delivery> delivery, Rope bytes, Ending ending, std::function<void()> done);
  // False if there is none with that ticket.
  bool drop(std::uint64_t ticket, Error why);
  void drop_all(const Error& why);

 private:
  struct Pump {
    std::unique_ptr<Delivery> delivery;
    Rope rest;
    Ending ending;
    std::function<void()> done;
  };
  void turn(std::uint64_t ticket);
  void end(std::uint64_t ticket, Ending ending);
  Finish finish_;
  std::map<std::uint64_t, Pump> pumps_;
  std::shared_ptr<Pumps*> self_ = std::make_shared<Pumps*>(this);  // shared with callbacks that may come late

 public:
  Pumps(const Pumps&) = delete;
  Pumps& operator=(const Pumps&) = delete;
  ~Pumps() { *self_ = nullptr; }
};

}  // namespace myelin::kernel
