#include "io/real/poller.hpp"

#include "base/check.hpp"
#include "io/real/descriptor.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <unistd.h>
#include <utility>

namespace myelin::io::real {

namespace {

constexpr std::uint32_t input_events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;
constexpr std::chrono::milliseconds longest_wait = std::chrono::hours(1);

epoll_event event_of(std::uint32_t events, Descriptor& descriptor) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &descriptor;
  return event;
}

}  // namespace

// What epoll_wait finds is written before it is read.
Poller::Poller() : fd_(epoll_create1(EPOLL_CLOEXEC)) {  // NOLINT(cppcoreguidelines-pro-type-member-init)
  MYELIN_CHECK(fd_ >= 0, "no epoll for a loop: out of descriptors at its creation");
}

Poller::~Poller() { ::close(fd_); }

bool Poller::add(int fd, Descriptor& descriptor) {
  epoll_event event = event_of(input_events, descriptor);
  return epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::add_writes(int fd, Descriptor& descriptor) {
  epoll_event event = event_of(input_events | EPOLLOUT, descriptor);
  MYELIN_CHECK(epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event) == 0, "a registered descriptor is watched for room");
}

void Poller::remove(int fd, Descriptor& descriptor) {
  // Closing alone would not do: a child between its fork and its exec holds the file as well.
  epoll_event ignored{};
  epoll_ctl(fd_, EPOLL_CTL_DEL, fd, &ignored);
  for (std::size_t i = next_; i < count_; ++i) {
    if (found_[i].data.ptr == &descriptor) found_[i].data.ptr = nullptr;
  }
}

std::size_t Poller::look(Duration wait) {
  MYELIN_CHECK(count_ == 0, "a look from inside a look");
  const auto most = std::min(std::chrono::ceil<std::chrono::milliseconds>(wait), longest_wait);
  const int found = epoll_wait(fd_, found_.data(), static_cast<int>(found_.size()), static_cast<int>(most.count()));
  if (found <= 0) return 0;
  count_ = static_cast<std::size_t>(found);
  for (next_ = 0; next_ < count_;) {
    const epoll_event event = found_[next_++];
    if (event.data.ptr != nullptr) static_cast<Descriptor*>(event.data.ptr)->became_ready(event.events);
  }
  next_ = 0;
  return std::exchange(count_, 0);
}

}  // namespace myelin::io::real
