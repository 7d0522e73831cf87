// ReadGate: when a connection may be read, so that what we owe the peer stays bounded.
//
// While our queue to the peer is over its mark the connection is not read: whoever answers what he reads would
// otherwise pile up answers for a peer that does not take them. Two peers that both wait like that would wait for ever;
// so once the peer has taken nothing for a while, a bounded part is let in all the same, a quarter of the room that is
// left for answers. If that did not make the queue grow, or the queue is full of what was sent on our own account, the
// next part follows quickly; otherwise after ever longer waits.
//
// Pure. Thread: values.
#pragma once

#include "base/time.hpp"

#include <cstddef>
#include <cstdint>

namespace myelin::protocol {

class ReadGate {
 public:
  explicit ReadGate(std::size_t queue_bytes)
      : mark_(queue_bytes / 4), roomy_(queue_bytes / 8 * 7), full_(queue_bytes) {}

  struct Verdict {
    bool open;
    std::size_t bytes;  // open: let in so many, then ask again; SIZE_MAX: no bound
    Instant later;      // shut: ask again then at the latest, and when the queue has shrunk
  };
  // `queued`: bytes that wait for the peer now; `taken`: bytes that it has taken since the connection began.
  Verdict ask(Instant now, std::size_t queued, std::uint64_t taken);
  // As ask() does where no more than the mark waits.
  void reopen() { shut_ = false; }
  // A queue of no more is no reason to wait.
  std::size_t mark() const { return mark_; }

 private:
  std::size_t mark_;
  std::size_t roomy_;
  std::size_t full_;
  bool shut_ = false;
  bool filled_ = false;          // the queue has been full since it shut: by what answers nothing
  Instant still_since_{};        // the peer has taken nothing since
  std::uint64_t taken_ = 0;      // then
  Duration patience_{};          // how long that may last
  std::size_t queued_then_ = 0;  // when a part was let in last
  bool let_in_ = false;          // since it shut
};

}  // namespace myelin::protocol
