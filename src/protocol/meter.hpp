// Meter: how long protocols' callbacks take, at the price of a look at the clock every few of them: on many machines
// that look costs as much as a short callback.
//
// The time between two looks is shared by the events between them. While events are long there is a look after each;
// the shorter they are the more share one, up to 16. Pure. Thread: values.
#pragma once

#include "protocol/cell.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

namespace myelin::protocol {

class Meter {
 public:
  static constexpr std::uint32_t most_events = 16;
  static constexpr std::int64_t long_event_ns = 2'000;
  static constexpr std::int64_t slow_event_ns = 100'000'000;

  void begin(std::int64_t now_ns) { since_ns_ = now_ns; }
  // An event of the cell was handled. True: it is time to look at the clock.
  bool count(Cell& cell) {
    ++cell.unmetered;
    return ++events_ >= limit_;
  }
  // True if an event among those since the last look was slow.
  bool look(std::int64_t now_ns, std::span<const std::unique_ptr<Cell>> cells) {
    const std::int64_t passed_ns = now_ns - since_ns_;
    since_ns_ = now_ns;
    if (events_ == 0) return false;
    for (const auto& cell : cells) {
      if (cell->unmetered == 0) continue;
      cell->busy += std::chrono::nanoseconds(passed_ns / events_ * cell->unmetered);
      cell->unmetered = 0;
    }
    limit_ = passed_ns / events_ > long_event_ns ? 1 : std::min(limit_ * 2, most_events);
    events_ = 0;
    return passed_ns > slow_event_ns;
  }

 private:
  std::int64_t since_ns_ = 0;
  std::uint32_t events_ = 0;
  std::uint32_t limit_ = 1;
};

}  // namespace myelin::protocol
