// Executor: the turn that a runtime core lives in: its time, its entropy, and the promise to be woken. Two
// implementations: an io::Loop (real, and simulated at full fidelity) and the overlay simulator, which keeps one event
// queue for all nodes.
//
// Thread: one.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <functional>

namespace myelin::protocol {

class Executor {
 public:
  virtual ~Executor() = default;
  virtual Instant now() const = 0;
  virtual std::uint64_t random() = 0;
  // Has RuntimeCore::turn() called soon, in a later turn; calls before it are one.
  virtual void wake() = 0;
  // Has turn() called at or after `when`. One wish at a time: a later call replaces the earlier; Instant::max()
  // withdraws it.
  virtual void wake_at(Instant when) = 0;
};

}  // namespace myelin::protocol
