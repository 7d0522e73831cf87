// Lookahead: a protocol that knows which memory its next event will need. For who runs many runtimes one after the
// other, where each has left the caches before its next event.
//
// Thread: that of the runtime.
#pragma once

#include "myelin/protocol/message.hpp"

namespace myelin::protocol {

class Lookahead {
 public:
  // Asks the memory for it; changes nothing. `message`: what will arrive; null: something else will happen.
  virtual void prefetch(const MessageBox* message) const = 0;

 protected:
  ~Lookahead() = default;
};

}  // namespace myelin::protocol
