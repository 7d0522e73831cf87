// OutQueue: what waits to be written to one peer, as frames in few large pieces, with what is to be told once it is
// written.
//
// Invariants: a frame stands in it whole or not at all; sizes count what was taken but not yet written as well. Thread:
// one.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/fifo.hpp"
#include "myelin/protocol/runtime.hpp"
#include "protocol/channel.hpp"

#include <cstddef>
#include <cstdint>

namespace myelin::protocol {

class OutQueue {
 public:
  // Bytes of a handshake.
  void add(View bytes);
  // One message as a frame of `wire`. REQUIRES: it has a codec. Errors: too_large (a frame of more than 16 MiB), what
  // the serializer gave.
  Result<void> add(Wire wire, const Outgoing& message);

  // Bytes that wait, those under way included.
  std::size_t size() const { return static_cast<std::size_t>(added_ - written_); }
  // Whether there is something to take.
  bool empty() const { return at_ == begin_ && sealed_.empty(); }
  // The first bytes, at most `max` (> 0): under way from now on.
  Rope take(std::size_t max);
  // So many bytes of what is under way were written.
  void written(std::size_t bytes) { written_ += bytes; }
  // Bytes written since the beginning.
  std::uint64_t total_written() const { return written_; }

  // The next accepted send whose frame is written; 0 if there is none.
  SendId pop_sent();
  // The next accepted send, written or not; 0 if there is none.
  SendId pop_any();
  // Drops what was not taken.
  void clear();

 private:
  struct Mark {
    std::uint64_t end;  // of its frame, in bytes since the beginning
    SendId id;
  };
  // What stands in the window becomes a piece.
  void seal();
  // A larger window, or after the largest one a new one.
  void make_room();
  // A whole frame that had no room in the window.
  void add_spill();
  std::size_t used() const { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t room() const { return static_cast<std::size_t>(end_ - at_); }

  Rope sealed_;
  Buffer window_;  // what was added last is written here, and goes as it is once it is a large piece
  std::uint8_t* begin_ = nullptr;
  std::uint8_t* at_ = nullptr;
  std::uint8_t* end_ = nullptr;
  Bytes spill_;  // a frame that had no room in the window, while it is written
  std::uint64_t added_ = 0;
  std::uint64_t written_ = 0;
  Fifo<Mark> marks_;
};

}  // namespace myelin::protocol
