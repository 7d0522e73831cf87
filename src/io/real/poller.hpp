// Poller: tells descriptors that they have become ready. Over epoll, edge-triggered: a descriptor is registered once,
// and is told of each change without being armed again.
//
// Thread: the loop's.
#pragma once

#include "base/time.hpp"

#include <array>
#include <cstddef>
#include <sys/epoll.h>

namespace myelin::io::real {

class Descriptor;

class Poller {
 public:
  Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller();

  // From now on `descriptor` is told of input, and of the end of either half; what holds already counts as a change.
  // False if epoll does not take `fd`.
  bool add(int fd, Descriptor& descriptor);
  // And of room for output as well.
  void add_writes(int fd, Descriptor& descriptor);
  // It is told no more, not even of what the look under way has found.
  void remove(int fd, Descriptor& descriptor);
  // Looks, sleeping at most `wait` (to the next millisecond) while there is nothing, and tells; how many were told.
  std::size_t look(Duration wait);

 private:
  std::array<epoll_event, 128> found_;  // by the look under way, from next_ on still to be told
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  int fd_;
};

}  // namespace myelin::io::real
