#include "io/real/descriptor.hpp"

#include "base/check.hpp"
#include "io/real/loop_core.hpp"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <unistd.h>
#include <utility>

namespace myelin::io::real {

namespace {
using boost::asio::posix::descriptor_base;

struct Waiter {
  std::coroutine_handle<> task;
  bool* ready = nullptr;
  Callback callback;
  std::uint64_t ticket = 0;  // of the latest wait: a handler of an earlier, cancelled one finds another number
};
}  // namespace

struct Descriptor::Watch : std::enable_shared_from_this<Watch> {
  Watch(LoopCore& l, int fd) : loop(l), handle(l.context()) {
    boost::system::error_code error;
    handle.assign(fd, error);
    if (error) ::close(fd);  // epoll has no room for it: every use then fails as on a closed descriptor
  }

  void arm(Way way) {
    Waiter& waiter = waiters[static_cast<std::size_t>(way)];
    const std::uint64_t ticket = ++waiter.ticket;
    handle.async_wait(way == Way::read ? descriptor_base::wait_read : descriptor_base::wait_write,
                      [self = shared_from_this(), way, ticket](const boost::system::error_code& error) {
                        Waiter& mine = self->waiters[static_cast<std::size_t>(way)];
                        if (mine.ticket == ticket) self->finish(mine, !error);
                      });
  }
  void finish(Waiter& waiter, bool ready) {
    ++waiter.ticket;
    if (waiter.task) {
      *waiter.ready = ready;
      loop.resume_soon(std::exchange(waiter.task, {}));
    }
    if (auto callback = std::exchange(waiter.callback, {}); callback && ready) callback();
  }
  void end_waits() {
    for (Waiter& waiter : waiters) finish(waiter, false);
  }

  LoopCore& loop;
  boost::asio::posix::stream_descriptor handle;
  std::array<Waiter, 2> waiters;
};

Descriptor::Descriptor(LoopCore& loop, int fd) : watch_(std::make_shared<Watch>(loop, fd)) {}

Descriptor::~Descriptor() { close(); }

int Descriptor::fd() const { return watch_->handle.is_open() ? watch_->handle.native_handle() : -1; }

void Descriptor::start(Way way, std::coroutine_handle<> handle, bool* ready) {
  Waiter& waiter = watch_->waiters[static_cast<std::size_t>(way)];
  MYELIN_CHECK(!waiter.task && !waiter.callback, "two waits for one way of a descriptor");
  waiter.task = handle;
  waiter.ready = ready;
  watch_->arm(way);
}

void Descriptor::on_ready(Way way, Callback callback) {
  Waiter& waiter = watch_->waiters[static_cast<std::size_t>(way)];
  MYELIN_CHECK(!waiter.task && !waiter.callback, "two waits for one way of a descriptor");
  waiter.callback = std::move(callback);
  watch_->arm(way);
}

void Descriptor::cancel() {
  boost::system::error_code ignored;
  if (watch_->handle.is_open()) watch_->handle.cancel(ignored);
  watch_->end_waits();
}

void Descriptor::close() {
  boost::system::error_code ignored;
  if (watch_->handle.is_open()) watch_->handle.close(ignored);
  watch_->end_waits();
}

int Descriptor::release() {
  const int fd = watch_->handle.is_open() ? watch_->handle.release() : -1;
  watch_->end_waits();
  return fd;
}

}  // namespace myelin::io::real
