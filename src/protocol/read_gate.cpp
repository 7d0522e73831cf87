#include "protocol/read_gate.hpp"

#include <algorithm>

namespace myelin::protocol {

namespace {

constexpr Duration usual_patience = std::chrono::milliseconds(100);
constexpr Duration short_patience = std::chrono::milliseconds(1);
constexpr Duration longest_patience = std::chrono::seconds(10);
// What is let in where nothing is left to lose, and at least.
constexpr std::size_t large_part = 256 * 1024;
constexpr std::size_t small_part = 1024;

}  // namespace

ReadGate::Verdict ReadGate::ask(Instant now, std::size_t queued, std::uint64_t taken) {
  if (queued <= mark_) {
    shut_ = false;
    return {true, SIZE_MAX, now};
  }
  if (!shut_) {
    shut_ = true;
    filled_ = false;
    let_in_ = false;
    still_since_ = now;
    taken_ = taken;
    patience_ = usual_patience;
  }
  if (queued >= full_) filled_ = true;
  if (taken != taken_) {
    taken_ = taken;
    still_since_ = now;
  }
  if (let_in_) {
    const bool grew = queued > queued_then_ && !filled_;
    patience_ = grew ? std::clamp(patience_ * 2, usual_patience, longest_patience) : short_patience;
    let_in_ = false;
  }
  if (now - still_since_ < patience_) return {false, 0, still_since_ + patience_};
  let_in_ = true;
  queued_then_ = queued;
  still_since_ = now;
  if (filled_) return {true, large_part, now};
  return {true, queued < roomy_ ? std::max((roomy_ - queued) / 4, small_part) : small_part, now};
}

}  // namespace myelin::protocol
